package send_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/work"
)

// CHAT-1, CHAT-5: what the messenger may have is never sent again by itself.
func TestALostAnswerIsMaybeSentAndOnlyAPersonSendsItAgain(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.fake.Plan(&channeltest.AnswerLost)
		w.write("question")
		w.say("m1")
		w.steps()
		w.became("m1", switchboard.StatusMaybeSent, "send_unknown")
		w.unanswered(0) // UNANS-1: maybe sent counts as answered
		w.clock.pass(48 * time.Hour)
		w.say("m2")
		w.steps()
		if got := w.fake.Texts(w.channel.ID, address); !cmp.Equal(got, []string{"m1", "m2"}) {
			t.Errorf("the client got %q", got)
		}
		w.must(w.outbox.Retry(t.Context(), account, w.chat, "m1", allowed))
		w.became("m1", switchboard.StatusQueued, "")
		refused(t, w.outbox.Retry(t.Context(), account, w.chat, "m1", allowed), switchboard.CodeConflict, "nothing_to_retry")
		w.steps()
		w.became("m1", switchboard.StatusSent, "")
		if got := w.fake.Texts(w.channel.ID, address); !cmp.Equal(got, []string{"m1", "m2", "m1"}) {
			t.Errorf("the client got %q", got)
		}
		attempts := []int{w.number(`SELECT COUNT(*) FROM send_attempt WHERE message_id = 'm1'`),
			w.number(`SELECT COUNT(*) FROM send_attempt WHERE message_id = 'm1' AND number = 1 AND state = 'maybe_sent'`),
			w.number(`SELECT COUNT(*) FROM send_attempt WHERE message_id = 'm1' AND number = 2 AND state = 'sent'`)}
		if diff := cmp.Diff([]int{2, 1, 1}, attempts); diff != "" {
			t.Errorf("attempts -want +got\n%s", diff)
		}
	})
}

func TestWhatIsUnderWaySentOrOfTheClientIsNotRetried(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.write("question")
		w.say("m1")
		for _, id := range []switchboard.MessageID{"m1", "id of question"} {
			refused(t, w.outbox.Retry(t.Context(), account, w.chat, id, allowed), switchboard.CodeConflict, "nothing_to_retry")
		}
		w.steps()
		refused(t, w.outbox.Retry(t.Context(), account, w.chat, "m1", allowed), switchboard.CodeConflict, "nothing_to_retry")
		if err := w.outbox.Retry(t.Context(), account, w.chat, "nowhere", allowed); !errors.Is(err, switchboard.ErrNotFound) {
			t.Errorf("a missing message: %v", err)
		}
	})
}

// beginTry leaves a try as a process leaves it that dies during the call.
func (w *world) beginTry(id switchboard.MessageID) switchboard.Attempt {
	w.t.Helper()
	a, err := w.store.NextAttempt(w.t.Context(), nil, account, w.chat)
	w.must(err)
	if a.Message != id {
		w.t.Fatalf("the next attempt is of %s", a.Message)
	}
	w.inTx(func(tx switchboard.Tx) error {
		began, err := w.store.StartAttempt(w.t.Context(), tx, &a, "dead")
		if !began {
			w.t.Error("the try did not begin")
		}
		return err
	})
	w.became(id, switchboard.StatusSending, "")
	return a
}

// P5: nobody knows whether the messenger has it.
func TestATryWhoseProcessDiedIsMaybeSentAndTheNextMessageGoes(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.say("m1")
		w.say("m2")
		w.beginTry("m1")
		w.steps()
		w.became("m1", switchboard.StatusMaybeSent, "send_interrupted")
		w.became("m2", switchboard.StatusSent, "")
		if w.fake.Calls() != 1 {
			t.Errorf("%d calls", w.fake.Calls())
		}
	})
}

// Where sending one id twice delivers it once, it is simply sent again, in its place.
func TestATryWhoseProcessDiedIsRepeatedWhereAnIdIsDeliveredOnce(t *testing.T) {
	caps := channeltest.FakeCapabilities()
	caps.Idempotent = true
	onBothEnginesWith(t, caps, func(t *testing.T, w *world) {
		w.say("m1")
		w.say("m2")
		w.beginTry("m1")
		w.steps()
		w.became("m1", switchboard.StatusSent, "")
		w.fake.Plan(&channeltest.AnswerLost)
		w.say("m3")
		if got, want := w.steps(), work.Wait(time.Second); got != want {
			t.Errorf("after a lost answer the drain says %+v, want %+v", got, want)
		}
		w.became("m3", switchboard.StatusQueued, "")
		w.clock.pass(time.Second)
		w.steps()
		w.became("m3", switchboard.StatusSent, "")
		if got := w.fake.Texts(w.channel.ID, address); !cmp.Equal(got, []string{"m1", "m2", "m3", "m3"}) {
			t.Errorf("calls %q", got)
		}
	})
}

// The fence: a node that lost its try notes nothing any more.
func TestALateAnswerOfALostTryChangesNothing(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.write("question")
		w.say("m1")
		lost := w.beginTry("m1")
		w.steps() // another node found it abandoned
		w.must(w.outbox.Retry(t.Context(), account, w.chat, "m1", allowed))
		present := w.beginTry("m1")
		head := w.number(`SELECT number FROM account_head`)
		for _, late := range []switchboard.Attempt{lost, {Account: account, Chat: w.chat, Message: "m1", Number: present.Number, Tries: present.Tries + 1}} {
			w.inTx(func(tx switchboard.Tx) error {
				ours, err := w.store.EndAttempt(t.Context(), tx, late, switchboard.StatusFailed, time.Time{}, "late", "late id")
				if ours {
					t.Errorf("attempt %d, try %d counted", late.Number, late.Tries)
				}
				return err
			})
		}
		w.became("m1", switchboard.StatusSending, "")
		w.unanswered(0)
		if now := w.number(`SELECT number FROM account_head`); now != head {
			t.Errorf("%d events of late answers", now-head)
		}
	})
}

// The same through the Sender: its call hangs while another settles its try.
func TestANodeThatComesBackLateDoesNotOverwriteWhatAnotherSettled(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.say("m1")
		frozen := w.node("frozen")
		frozen.Step = func(name string) {
			if name == "after send call" {
				w.steps() // the other node, meanwhile
				w.became("m1", switchboard.StatusMaybeSent, "send_interrupted")
			}
		}
		_, err := frozen.Queue(1).Step(t.Context(), w.key())
		w.must(err)
		w.became("m1", switchboard.StatusMaybeSent, "send_interrupted")
		if n := w.number(`SELECT COUNT(*) FROM message WHERE provider_id <> '' AND direction = 'out'`); n != 0 {
			t.Error("the late receipt was noted")
		}
	})
}

// A pause the messenger asks for holds the peer, or everybody on the line.
func TestThrottledWaitsAsLongAsTheMessengerAsks(t *testing.T) {
	for scope, othersWait := range map[channel.Scope]bool{channel.ScopePeer: false, channel.ScopeLine: true} {
		t.Run(string(scope), func(t *testing.T) {
			caps := channeltest.FakeCapabilities()
			caps.PerSecond, caps.PeerEvery = 1000, time.Millisecond
			onBothEnginesWith(t, caps, func(t *testing.T, w *world) {
				slow := channeltest.SlowDown(7*time.Second, scope)
				w.fake.Plan(&slow)
				w.write("question")
				w.say("m1")
				if got, want := w.steps(), work.Wait(7*time.Second); got != want {
					t.Errorf("the drain says %+v, want %+v", got, want)
				}
				w.became("m1", switchboard.StatusQueued, "")
				w.unanswered(0)
				first := w.chat
				w.chat, _ = w.newChat("client-2")
				w.say("m2")
				if waits := w.steps() != work.Idle; waits != othersWait {
					t.Errorf("another peer waits: %v", waits)
				}
				w.clock.pass(6999 * time.Millisecond)
				w.chat = first
				w.steps()
				w.became("m1", switchboard.StatusQueued, "")
				w.clock.pass(2 * time.Second)
				w.steps()
				w.became("m1", switchboard.StatusSent, "")
			})
		})
	}
}

// CHAT-2: a message that waits holds back those behind it.
func TestWhatIsBehindAMessageThatIsTriedAgainWaits(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.fake.Plan(&channeltest.Refused, &channeltest.Refused)
		for _, id := range []switchboard.MessageID{"m1", "m2", "m3"} {
			w.say(id)
		}
		for _, pause := range []time.Duration{time.Second, 2 * time.Second} { // 1 s, 2 s, 4 s ...
			if got, want := w.steps(), work.Wait(pause); got != want {
				t.Errorf("the drain says %+v, want %+v", got, want)
			}
			if got := w.fake.Texts(w.channel.ID, address); len(got) != 0 {
				t.Errorf("overtaken by %q", got)
			}
			w.became("m1", switchboard.StatusQueued, "")
			w.clock.pass(pause)
		}
		w.steps()
		if got := w.fake.Texts(w.channel.ID, address); !cmp.Equal(got, []string{"m1", "m2", "m3"}) {
			t.Errorf("the client got %q", got)
		}
	})
}

// Tries have an end, after about an hour: the message fails, and others go on.
func TestAMessageThatIsNeverAcceptedFailsInTheEnd(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		for range 14 {
			w.fake.Plan(&channeltest.Refused)
		}
		w.write("question")
		w.say("m1")
		w.say("m2")
		began := w.clock.now()
		for w.steps() != work.Idle {
			w.clock.pass(time.Minute)
		}
		if took := w.clock.now().Sub(began); took < 40*time.Minute || took > 2*time.Hour {
			t.Errorf("given up after %s", took)
		}
		w.became("m1", switchboard.StatusFailed, "send_retry")
		w.became("m2", switchboard.StatusSent, "")
		if w.fake.Fired() != 14 || w.fake.Calls() != 15 {
			t.Errorf("%d faults in %d calls", w.fake.Fired(), w.fake.Calls())
		}
	})
}

// UNANS-1: the count returns with a failed answer and goes with the next one.
func TestAFailedAnswerGivesTheCountBackAndTheNextClearsIt(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.inTx(func(tx switchboard.Tx) error {
			return w.store.HoldForEmployee(t.Context(), tx, account, w.client, w.author)
		})
		w.write("one")
		w.write("two")
		since := w.row().WaitingSince
		w.clock.pass(time.Minute)
		w.fake.Plan(&channeltest.Rejected)
		w.say("m1")
		w.unanswered(0)
		w.steps()
		w.became("m1", switchboard.StatusFailed, "send_rejected")
		w.unanswered(2)
		if got := w.row().WaitingSince; !got.Equal(since) {
			t.Errorf("waiting since %s, not since %s", got, since)
		}
		if n := w.number(`SELECT unanswered FROM chat_owner`); n != 2 {
			t.Errorf("the owner's copy counts %d", n)
		}
		w.write("three")
		w.unanswered(3)
		w.say("m2")
		w.steps()
		w.unanswered(0)
		w.fake.Plan(&channeltest.Rejected)
		w.must(w.outbox.Retry(t.Context(), account, w.chat, "m1", allowed))
		w.steps() // fails once more, but a later answer stands
		w.unanswered(0)
	})
}

// CHAT-4: the channel needs a person; nothing is tried any more, and all say why.
func TestRevokedAccessBreaksTheChannelAndLaterMessagesAreRefused(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.fake.Plan(&channeltest.Revoked)
		w.write("question")
		w.say("m1")
		w.say("m2")
		w.steps()
		w.became("m1", switchboard.StatusFailed, "channel_token_revoked")
		w.became("m2", switchboard.StatusFailed, "channel_not_active")
		w.unanswered(1)
		ch, err := w.store.Channel(t.Context(), nil, account, w.channel.ID)
		if err != nil || ch.State != switchboard.ChannelBroken || ch.StateReason != "channel_token_revoked" {
			t.Errorf("the channel is %s for %q, %v", ch.State, ch.StateReason, err)
		}
		_, err = w.outbox.Queue(t.Context(), w.draft("m3", "hello"))
		if got := refused(t, err, switchboard.CodeConflict, "channel_not_active").Params["channel"]; got != "Shop" {
			t.Errorf("it does not say which channel: %q", got)
		}
		_, err = w.outbox.Queue(t.Context(), w.draft("m1", "m1")) // accepted before: the same answer
		w.must(err)
		_, _, err = w.outbox.Start(t.Context(), w.opening("m4", "stranger"))
		refused(t, err, switchboard.CodeConflict, "channel_not_active")
		if w.fake.Calls() != 1 {
			t.Errorf("%d calls", w.fake.Calls())
		}
		w.inTx(func(tx switchboard.Tx) error { return w.store.ChangeChannel(t.Context(), tx, w.channel) }) // mended
		w.must(w.outbox.Retry(t.Context(), account, w.chat, "m1", allowed))
		w.steps()
		w.became("m1", switchboard.StatusSent, "")
	})
}

func TestAPeerThatIsGoneMakesTheChatUnreachable(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.fake.Plan(&channeltest.Gone)
		w.write("question")
		w.say("m1")
		w.steps()
		w.became("m1", switchboard.StatusFailed, "peer_blocked")
		w.unanswered(1)
		if !w.row().Unreachable {
			t.Error("the chat looks reachable")
		}
		w.write("I am back")
		if w.row().Unreachable {
			t.Error("who writes can be reached")
		}
	})
}

// moving is a line whose messenger moved the chat to another address.
type moving struct{ guarded }

type movingLine struct{ channel.Line }

func (m moving) Open(ch switchboard.Channel) (channel.Line, error) {
	line, err := m.guarded.Open(ch)
	return movingLine{line}, err
}

func (l movingLine) Send(ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
	if m.Address == address {
		return channel.Receipt{Address: "moved"}, &channel.SendError{Class: channel.Retry, Reason: "peer_moved"}
	}
	return l.Line.Send(ctx, m)
}

// TestAMovedPeerGetsTheMessageAtTheNewAddress: at once, and all later ones too.
func TestAMovedPeerGetsTheMessageAtTheNewAddress(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.sender.Channels = channel.NewRegistry(moving{guarded{w.fake, w}})
		w.say("m1")
		if got := w.steps(); got != work.Idle {
			t.Errorf("the drain says %+v", got)
		}
		w.became("m1", switchboard.StatusSent, "")
		w.say("m2")
		w.steps()
		if got := w.fake.Texts(w.channel.ID, "moved"); !cmp.Equal(got, []string{"m1", "m2"}) || w.row().Address != "moved" {
			t.Errorf("at %q arrived %q", w.row().Address, got)
		}
	})
}

// The limits are rows: two nodes share them.
func TestTheLimitsOfChannelAndPeerAreKeptAcrossNodes(t *testing.T) {
	caps := channeltest.FakeCapabilities()
	caps.PerSecond, caps.PeerEvery = 2, time.Second
	onBothEnginesWith(t, caps, func(t *testing.T, w *world) {
		w.say("m1")
		w.say("m2")
		if got, want := w.steps(), work.Wait(time.Second); got != want {
			t.Errorf("a second message to one peer: %+v, want %+v", got, want)
		}
		other := w.node("two").Queue(1)
		for i, sent := range []bool{true, false} {
			w.chat, _ = w.newChat(fmt.Sprintf("other-%d", i))
			w.say("hello")
			outcome, err := other.Step(t.Context(), w.key())
			w.must(err)
			if sent != (outcome == work.More) {
				t.Errorf("message %d of the channel's second: %+v", i+2, outcome)
			}
		}
		if w.fake.Calls() != 2 {
			t.Errorf("%d calls in a second", w.fake.Calls())
		}
	})
}

// The whole way on real time: order is kept while every other call fails or is lost
// without a trace, and Wake starts at once what waits.
func TestJobsDeliverEverythingInOrderOverAFailingLine(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		var want []string
		for i := range 20 {
			id := switchboard.MessageID(fmt.Sprintf("m%02d", i))
			want = append(want, string(id))
			w.say(id)
		}
		w.fake.Plan(nil, &channeltest.Refused, nil, nil, &channeltest.Refused)
		w.start()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		w.must(w.fake.WaitSent(ctx, 20))
		if diff := cmp.Diff(want, w.fake.Texts(w.channel.ID, address)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if w.fake.Fired() != 2 {
			t.Errorf("%d faults", w.fake.Fired())
		}
	})
}

// CHAT-5: a person's Retry does not wait until the messenger's pause for a later
// message is over.
func TestRetryWakesADrainThatSleeps(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		slow := channeltest.SlowDown(time.Hour, channel.ScopePeer)
		w.fake.Plan(&channeltest.Rejected, &slow)
		w.say("m1")
		w.say("m2")
		w.start()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		events, end := w.store.Subscribe()
		defer end()
		asleep := `SELECT COUNT(*) FROM river_job WHERE state = 'scheduled' AND kind = 'drain'`
		for w.message("m2").Status != switchboard.StatusQueued || w.fake.Fired() < 2 || w.number(asleep) == 0 {
			select {
			case <-events:
			case <-time.After(20 * time.Millisecond): // the job's own row tells nobody
			case <-ctx.Done():
				t.Fatal("the drain does not sleep")
			}
		}
		w.must(w.outbox.Retry(ctx, account, w.chat, "m1", allowed))
		w.must(w.fake.WaitSent(ctx, 1))
		if got := w.fake.Texts(w.channel.ID, address); !cmp.Equal(got, []string{"m1"}) {
			t.Errorf("the client got %q", got)
		}
	})
}
