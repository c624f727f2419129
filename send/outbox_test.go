package send_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/send"
)

// CHAT-1: the client's own id makes a repeated request harmless.
func TestOneIdIsOneMessageHoweverOftenItIsQueued(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		var wait sync.WaitGroup
		seqs := make([]int64, 8)
		for i := range seqs {
			wait.Go(func() {
				seq, err := w.outbox.Queue(t.Context(), w.draft("m1", "hello"))
				if err != nil {
					t.Error(err)
				}
				seqs[i] = seq
			})
		}
		wait.Wait()
		if diff := cmp.Diff([]int64{1, 1, 1, 1, 1, 1, 1, 1}, seqs); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		w.steps()
		_, err := w.outbox.Queue(t.Context(), w.draft("m1", "hello")) // after it went
		w.must(err)
		w.steps()
		if got := w.fake.Texts(w.channel.ID, address); len(got) != 1 {
			t.Errorf("the client got %q", got)
		}
		if n := w.number(`SELECT COUNT(*) FROM event WHERE kind = 'message.added'`); n != 1 {
			t.Errorf("%d messages were announced", n)
		}
	})
}

// One spelling of a text is the same text (NFC).
func TestTheSameIdWithTheTextSpeltInAnotherWayIsTheSameMessage(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		_, err := w.outbox.Queue(t.Context(), w.draft("m1", "caf\u00e9"))
		w.must(err)
		_, err = w.outbox.Queue(t.Context(), w.draft("m1", "cafe\u0301"))
		w.must(err)
		if got := w.message("m1").Text; got != "caf\u00e9" {
			t.Errorf("kept %q", got)
		}
	})
}

func TestATakenIdWithAnotherTextIsRefused(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.write("question")
		w.say("m1")
		_, err := w.outbox.Queue(t.Context(), w.draft("m1", "another"))
		refused(t, err, switchboard.CodeConflict, "message_id_taken")
		_, err = w.outbox.Queue(t.Context(), w.draft("id of question", "question")) // the id of an incoming one
		refused(t, err, switchboard.CodeConflict, "message_id_taken")
		w.steps()
		if got := w.fake.Texts(w.channel.ID, address); !cmp.Equal(got, []string{"m1"}) {
			t.Errorf("the client got %q", got)
		}
	})
}

// ROLE-4: who may not write leaves nothing, however far the transaction got.
func TestWhoMayNotWriteLeavesNothing(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		no := func(context.Context, switchboard.Tx) error {
			return &switchboard.Error{Code: switchboard.CodeForbidden, Message: "reading_only"}
		}
		w.write("question")
		head := w.number(`SELECT number FROM account_head`)
		d := w.draft("m1", "hello")
		d.Allowed = no
		_, err := w.outbox.Queue(t.Context(), d)
		refused(t, err, switchboard.CodeForbidden, "reading_only")
		_, _, err = w.outbox.Start(t.Context(), send.Opening{Draft: d, Channel: w.channel.ID, Address: "stranger", Name: "Stranger",
			Known: []switchboard.Identity{{Kind: channeltest.FakeIdentity, Value: "stranger", Verified: true}}})
		refused(t, err, switchboard.CodeForbidden, "reading_only")
		err = w.outbox.Retry(t.Context(), account, w.chat, "m1", no)
		refused(t, err, switchboard.CodeForbidden, "reading_only")
		w.unanswered(1)
		got := []int{w.number(`SELECT COUNT(*) FROM message`), w.number(`SELECT COUNT(*) FROM send_attempt`), w.number(`SELECT COUNT(*) FROM chat`),
			w.number(`SELECT COUNT(*) FROM client`), w.number(`SELECT COUNT(*) FROM client_work`), w.number(`SELECT COUNT(*) FROM river_job`),
			w.number(`SELECT number FROM account_head`)}
		if diff := cmp.Diff([]int{1, 0, 1, 1, 0, 0, head}, got); diff != "" {
			t.Errorf("messages, attempts, chats, clients, work, jobs, events -want +got\n%s", diff)
		}
	})
}

// CHAT-6: over the limit is refused with both numbers, never split.
func TestTextOverTheLimitIsRefusedWithItsNumbers(t *testing.T) {
	for unit, emoji := range map[channel.Unit]string{channel.Runes: "1", channel.UTF16: "2"} {
		t.Run(string(unit), func(t *testing.T) {
			caps := channeltest.FakeCapabilities()
			caps.TextMax, caps.TextUnit = 10, unit
			onBothEnginesWith(t, caps, func(t *testing.T, w *world) {
				_, err := w.outbox.Queue(t.Context(), w.draft("full", strings.Repeat("\u044f", 10)))
				w.must(err)
				_, err = w.outbox.Queue(t.Context(), w.draft("over", strings.Repeat("\u044f", 11)))
				e := refused(t, err, switchboard.CodeInvalid, "text_too_long")
				if diff := cmp.Diff(map[string]string{"limit": "10", "length": "11"}, e.Params); diff != "" || e.Field != "text" {
					t.Errorf("field %q, params -want +got\n%s", e.Field, diff)
				}
				_, err = w.outbox.Queue(t.Context(), w.draft("emoji", strings.Repeat("a", 9)+"\U0001F600"))
				if emoji == "1" {
					w.must(err)
				} else if got := refused(t, err, switchboard.CodeInvalid, "text_too_long").Params["length"]; got != "11" {
					t.Errorf("counted %s", got)
				}
			})
		})
	}
}

func TestTextThatIsNoTextIsRefused(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		for text, message := range map[string]string{"a\x00b": "text_not_utf8", "a\xff": "text_not_utf8", "\n": "text_empty", "": "text_empty"} {
			_, err := w.outbox.Queue(t.Context(), w.draft("m1", text))
			if e := refused(t, err, switchboard.CodeInvalid, message); e.Field != "text" {
				t.Errorf("%q blames %q", text, e.Field)
			}
		}
		if n := w.number(`SELECT COUNT(*) FROM message`); n != 0 {
			t.Errorf("%d messages were kept", n)
		}
	})
}

// upload adds a file that an employee sends.
func (w *world) upload(f switchboard.Media) {
	w.t.Helper()
	f.Account, f.Channel, f.State = account, w.channel.ID, switchboard.MediaReady
	w.inTx(func(tx switchboard.Tx) error { return w.store.AddMedia(w.t.Context(), tx, f) })
}

func TestOnlyAFileOfThisChatIsSent(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		other, _ := w.newChat("client-2")
		image := switchboard.Media{Kind: switchboard.KindImage, Size: 100, Name: "cat.png", MIME: "image/png"}
		for id, change := range map[switchboard.MediaID]func(*switchboard.Media){
			"own": func(*switchboard.Media) {}, "other's": func(f *switchboard.Media) { f.Chat = other },
			"client's": func(f *switchboard.Media) { f.Source = "messenger/1" },
			"large":    func(f *switchboard.Media) { f.Size = 1<<20 + 1 }, "sticker": func(f *switchboard.Media) { f.Kind = switchboard.KindSticker },
		} {
			f := image
			f.ID, f.Chat = id, w.chat
			change(&f)
			w.upload(f)
		}
		for id, message := range map[switchboard.MediaID]string{"missing": "file_unknown", "other's": "file_unknown", "client's": "file_unknown",
			"large": "file_not_for_channel", "sticker": "file_not_for_channel"} {
			d := w.draft("refused", "look")
			d.Media = id
			_, err := w.outbox.Queue(t.Context(), d)
			if e := refused(t, err, switchboard.CodeInvalid, message); e.Field != "media" {
				t.Errorf("%s blames %q", id, e.Field)
			}
		}
		d := w.draft("m1", "")
		d.Media = "own"
		_, err := w.outbox.Queue(t.Context(), d)
		w.must(err)
		w.steps()
		sent := w.fake.Ledger()
		if len(sent) != 1 || sent[0].Message.Kind != switchboard.KindImage || string(sent[0].Files[0]) != "bytes of own" {
			t.Errorf("sent %+v", sent)
		}
	})
}

// A caption has a limit of its own (CHAT-6).
func TestACaptionOverTheLimitIsRefusedAndLeavesTheFileUnused(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.upload(switchboard.Media{ID: "own", Chat: w.chat, Kind: switchboard.KindImage, Size: 100})
		d := w.draft("m1", strings.Repeat("a", 201))
		d.Media = "own"
		_, err := w.outbox.Queue(t.Context(), d)
		if got := refused(t, err, switchboard.CodeInvalid, "text_too_long").Params["limit"]; got != "200" {
			t.Errorf("the limit is %s", got)
		}
		if n := w.number(`SELECT COUNT(*) FROM media WHERE used = 1`); n != 0 {
			t.Error("the file counts as used")
		}
	})
}

func TestAQuoteIsOfThisChatAndReachesTheMessengerByItsOwnId(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.say("m1")
		w.steps()
		d := w.draft("m2", "as I said")
		d.ReplyTo = "nowhere"
		_, err := w.outbox.Queue(t.Context(), d)
		refused(t, err, switchboard.CodeInvalid, "quoted_unknown")
		d.ReplyTo = "m1"
		_, err = w.outbox.Queue(t.Context(), d)
		w.must(err)
		w.steps()
		sent := w.fake.Ledger()
		if len(sent) != 2 || sent[1].Message.ReplyTo != sent[0].ProviderID || sent[0].ProviderID == "" {
			t.Errorf("sent %+v", sent)
		}
		if sent[0].Message.Author != "Anna" {
			t.Errorf("the author is shown as %q: the first name is enough", sent[0].Message.Author)
		}
	})
}

func (w *world) opening(id switchboard.MessageID, to string) send.Opening {
	return send.Opening{Draft: w.draft(id, string(id)), Channel: w.channel.ID, Address: to, Name: "Name of " + to,
		Known: []switchboard.Identity{{Kind: channeltest.FakeIdentity, Value: to, Verified: true}}}
}

// DEAL-6: the author holds the client until the CRM knows more, and is whom the CRM
// work names. The queue does not move.
func TestWhoWritesFirstHoldsTheClient(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		turn, err := w.store.Turn(t.Context(), nil, account, w.channel.ID)
		w.must(err)
		w.chat, _, err = w.outbox.Start(t.Context(), w.opening("m1", "stranger"))
		w.must(err)
		row := w.row()
		if diff := cmp.Diff([]switchboard.EmployeeID{w.author}, row.Owners); diff != "" {
			t.Errorf("owners -want +got\n%s", diff)
		}
		asked, err := w.store.PendingClientWork(t.Context(), nil, account, row.Client)
		if err != nil || asked.Employee != w.author || asked.Channel != w.channel.ID {
			t.Errorf("the CRM is asked for %+v, %v", asked, err)
		}
		if n := w.number(`SELECT COUNT(*) FROM river_job`); n != 2 {
			t.Errorf("%d jobs: one sends, one goes to the CRM", n)
		}
		if now, _ := w.store.Turn(t.Context(), nil, account, w.channel.ID); string(now) != string(turn) {
			t.Errorf("the queue moved from %s to %s", turn, now)
		}
		w.steps()
		if got := w.fake.Texts(w.channel.ID, "stranger"); !cmp.Equal(got, []string{"m1"}) {
			t.Errorf("the stranger got %q", got)
		}
	})
}

func TestAChatThatExistsIsSimplyWrittenTo(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.write("question")
		w.inTx(func(tx switchboard.Tx) error {
			return w.store.HoldForEmployee(t.Context(), tx, account, w.client, "boris")
		})
		chat, seq, err := w.outbox.Start(t.Context(), w.opening("m1", address))
		w.must(err)
		if chat != w.chat || seq != 2 {
			t.Errorf("written to chat %q as number %d", chat, seq)
		}
		again, seqAgain, err := w.outbox.Start(t.Context(), w.opening("m1", address))
		if err != nil || again != chat || seqAgain != seq {
			t.Errorf("the same request again: %q, %d, %v", again, seqAgain, err)
		}
		if diff := cmp.Diff([]switchboard.EmployeeID{"boris"}, w.row().Owners); diff != "" {
			t.Errorf("the owner changed: -want +got\n%s", diff)
		}
		if n := w.number(`SELECT COUNT(*) FROM client_work`); n != 0 {
			t.Error("the CRM is asked about a client whose chat was there")
		}
		w.unanswered(0)
	})
}

// One person, two addresses: the chat is new, the client is not, and keeps who has it.
func TestANewAddressOfAKnownClientTakesNobodysClientAway(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		w.inTx(func(tx switchboard.Tx) error {
			return w.store.HoldForEmployee(t.Context(), tx, account, w.client, "boris")
		})
		op := w.opening("m1", "second-address")
		op.Known = append(op.Known, switchboard.Identity{Kind: channeltest.FakeIdentity, Value: address, Verified: true})
		var err error
		w.chat, _, err = w.outbox.Start(t.Context(), op)
		w.must(err)
		row := w.row()
		if row.Client != w.client || !cmp.Equal(row.Owners, []switchboard.EmployeeID{"boris"}) {
			t.Errorf("client %q of %v", row.Client, row.Owners)
		}
	})
}

func TestAMessengerThatCannotBeginAChatSaysSo(t *testing.T) {
	caps := channeltest.FakeCapabilities()
	caps.StartsChat = false
	onBothEnginesWith(t, caps, func(t *testing.T, w *world) {
		_, _, err := w.outbox.Start(t.Context(), w.opening("m1", "stranger"))
		refused(t, err, switchboard.CodeConflict, "channel_cannot_start")
		if n := w.number(`SELECT COUNT(*) FROM chat`); n != 1 {
			t.Errorf("%d chats", n)
		}
	})
}

// Two employees begin a chat with one stranger at one moment: one chat, one client.
func TestTwoWhoBeginOneChatShareIt(t *testing.T) {
	onBothEngines(t, func(t *testing.T, w *world) {
		var wait sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wait.Go(func() {
				op := w.opening(switchboard.MessageID(rune('a'+i)), "stranger")
				op.Author = switchboard.EmployeeID(rune('A' + i))
				_, _, errs[i] = w.outbox.Start(t.Context(), op)
			})
		}
		wait.Wait()
		w.must(errors.Join(errs...))
		got := []int{w.number(`SELECT COUNT(*) FROM chat WHERE address = 'stranger'`), w.number(`SELECT COUNT(*) FROM client`),
			w.number(`SELECT COUNT(*) FROM message`), w.number(`SELECT COUNT(*) FROM client_work`), w.number(`SELECT COUNT(*) FROM chat_owner`)}
		if diff := cmp.Diff([]int{1, 2, 4, 1, 1}, got); diff != "" {
			t.Errorf("chats, clients, messages, work, owners: -want +got\n%s", diff)
		}
	})
}
