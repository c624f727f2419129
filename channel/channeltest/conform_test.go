package channeltest_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
)

// subject is the Fake as the suite sees it.
func subject() (*channeltest.Fake, *channeltest.Subject) {
	f := channeltest.NewFake()
	ch := fakeChannel
	ch.Secrets = []byte(`{"webhookSecret":"the secret"}`)
	original := f.Text("anna", "Hello")
	unknown := original
	unknown.Type = "hologram"
	var written []channeltest.Event
	fail := func(fault channeltest.Fault) func() { return func() { f.Plan(&fault) } }
	return f, &channeltest.Subject{
		Connector: f, Channel: ch,
		Hook: &channeltest.Hook{
			Header: channeltest.Header("the secret"), Secret: channeltest.SecretHeader, WithoutSecret: fakeChannel,
			Payloads: map[string][]byte{
				"message":  channeltest.Body(original, f.Text("boris", "Hi")),
				"edit":     channeltest.Body(f.Change(original, channeltest.EventEdit, "Hello!")),
				"deletion": channeltest.Body(f.Change(original, channeltest.EventDelete, "")),
				"status":   channeltest.Body(channeltest.Event{Type: channeltest.EventStatus, Peer: "anna", ID: "9", Status: switchboard.StatusRead, At: time.Now()}),
				"blocked":  channeltest.Body(channeltest.Event{Type: channeltest.EventBlocked, Peer: "anna", At: time.Now()}),
			},
			Unknown: channeltest.Body(unknown), Original: channeltest.Body(original),
			Changed: channeltest.Body(f.Change(original, channeltest.EventEdit, "Hello!")),
		},
		Poll: &channeltest.Poll{
			Write: func(n int) {
				for i := range n {
					written = append(written, f.Text("anna", strconv.Itoa(i)))
				}
				f.Queue("c1", written...)
			},
			Repeat:    func() { f.Queue("c1", written...) },
			Confirmed: func(ctx context.Context) error { return f.WaitConfirmed(ctx, "c1") },
		},
		Send: channeltest.Sending{
			Address: "anna", Sent: func() int { return len(f.Ledger()) }, Calls: f.Calls,
			Fail: map[channel.Class]func(){
				channel.Permanent: fail(channeltest.Rejected), channel.Retry: fail(channeltest.Refused),
				channel.Throttled: fail(channeltest.SlowDown(time.Second, channel.ScopeLine)), channel.Auth: fail(channeltest.Revoked),
				channel.Unknown: fail(channeltest.LostBefore), channel.PeerGone: fail(channeltest.Gone),
			},
			LoseAnswer: fail(channeltest.HangsDone),
		},
		TooLong: 5 * time.Second,
	}
}

func TestTheFakeConforms(t *testing.T) {
	channeltest.Conform(t, func(*testing.T) *channeltest.Subject {
		_, s := subject()
		return s
	})
}

// broken is the Fake with one line method replaced: each replacement is a bug that the
// suite must catch.
type broken struct {
	*channeltest.Fake
	verify func(http.Header) error
	decode func([]byte, time.Time) (channel.Batch, error)
	send   func(channel.Line, context.Context, channel.Outbound) (channel.Receipt, error)
	run    func(channel.Poller, context.Context, func(context.Context, channel.Batch) error) error
}

type brokenLine struct {
	channel.Line
	b *broken
}

func (b *broken) Open(ch switchboard.Channel) (channel.Line, error) {
	line, err := b.Fake.Open(ch)
	return &brokenLine{line, b}, err
}

func (l *brokenLine) Verify(h http.Header, body []byte) error {
	if l.b.verify != nil {
		return l.b.verify(h)
	}
	return l.Line.(channel.Webhook).Verify(h, body)
}

func (l *brokenLine) Decode(body []byte, now time.Time) (channel.Batch, error) {
	if l.b.decode != nil {
		return l.b.decode(body, now)
	}
	return channeltest.Decode(body)
}

func (l *brokenLine) Send(ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
	if l.b.send != nil {
		return l.b.send(l.Line, ctx, m)
	}
	return l.Line.Send(ctx, m)
}

func (l *brokenLine) Run(ctx context.Context, sink func(context.Context, channel.Batch) error) error {
	if l.b.run != nil {
		return l.b.run(l.Line.(channel.Poller), ctx, sink)
	}
	return l.Line.(channel.Poller).Run(ctx, sink)
}

// changed decodes and then spoils the batch.
func changed(spoil func(*channel.Batch, time.Time)) func([]byte, time.Time) (channel.Batch, error) {
	return func(body []byte, now time.Time) (channel.Batch, error) {
		b, err := channeltest.Decode(body)
		spoil(&b, now)
		return b, err
	}
}

func TestTheSuiteCatchesPlantedBugs(t *testing.T) {
	cut := func(m channel.Outbound, n int) channel.Outbound {
		r := []rune(m.Text)
		m.Text = string(r[:min(n, len(r))])
		return m
	}
	bugs := []struct {
		name, check string
		bug         broken
	}{
		{"no secret asked", "KnowsGenuineDeliveries", broken{verify: func(http.Header) error { return nil }}},
		{"empty secret is right", "KnowsGenuineDeliveries", broken{verify: func(h http.Header) error {
			if got := h.Get(channeltest.SecretHeader); got == "" || got == "the secret" {
				return nil
			}
			return &switchboard.Error{Code: switchboard.CodeUnauthorized}
		}}},
		{"keys from the clock", "DecodesPayloadsAlikeTwice", broken{decode: changed(func(b *channel.Batch, now time.Time) {
			for i := range b.Messages {
				b.Messages[i].Key += now.String()
			}
		})}},
		{"raw body dropped", "DecodesPayloadsAlikeTwice", broken{decode: changed(func(b *channel.Batch, _ time.Time) { b.Raw = nil })}},
		{"unknown types dropped", "KeepsUnknownTypes", broken{decode: changed(func(b *channel.Batch, _ time.Time) { b.Messages = nil })}},
		{"edits under the message's key", "TellsWhichMessageAnEditIsOf", broken{decode: changed(func(b *channel.Batch, _ time.Time) {
			for i := range b.Edits {
				b.Edits[i].Key = "m:anna:" + b.Edits[i].ProviderID
			}
		})}},
		{"NUL let through", "SurvivesAnyBody", broken{decode: func(body []byte, _ time.Time) (channel.Batch, error) {
			return channel.Batch{Messages: []channel.Message{{Key: "k", Peer: channel.Peer{Address: "a"}, Text: string(body)}}}, nil
		}}},
		{"panics on garbage", "SurvivesAnyBody", broken{decode: func(body []byte, _ time.Time) (channel.Batch, error) {
			return channel.Batch{Raw: body[:1]}, nil
		}}},
		{"confirmed before the commit", "ConfirmsOnlyWhatIsCommitted", broken{run: func(p channel.Poller, ctx context.Context, sink func(context.Context, channel.Batch) error) error {
			return p.Run(ctx, func(ctx context.Context, b channel.Batch) error { _ = sink(ctx, b); return nil })
		}}},
		{"keys of repeats differ", "DeliversRepeatedMessagesUnderTheirKeys", broken{run: func(p channel.Poller, ctx context.Context, sink func(context.Context, channel.Batch) error) error {
			n := 0
			return p.Run(ctx, func(ctx context.Context, b channel.Batch) error {
				n++
				for i := range b.Messages {
					b.Messages[i].Key += strconv.Itoa(n)
				}
				return sink(ctx, b)
			})
		}}},
		{"deaf to the end", "StopsPollingAtOnce", broken{run: func(p channel.Poller, ctx context.Context, sink func(context.Context, channel.Batch) error) error {
			err := p.Run(ctx, sink)
			<-time.After(3 * time.Second)
			return err
		}}},
		{"text cut to the limit", "KeepsTheTextLimit", broken{send: func(l channel.Line, ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
			return l.Send(ctx, cut(m, 1000))
		}}},
		{"text split", "KeepsTheTextLimit", broken{send: func(l channel.Line, ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
			if r := []rune(m.Text); len(r) > 1000 {
				rest := m
				rest.Text = string(r[1000:])
				_, _ = l.Send(ctx, rest)
			}
			return l.Send(ctx, cut(m, 1000))
		}}},
		{"caption cut", "KeepsTheCaptionLimit", broken{send: func(l channel.Line, ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
			return l.Send(ctx, cut(m, 200))
		}}},
		{"size not looked at", "KeepsTheMediaLimits", broken{send: func(l channel.Line, ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
			m.Content.Media = append([]switchboard.Attachment(nil), m.Content.Media...)
			m.Content.Media[0].Size = 0
			return l.Send(ctx, m)
		}}},
		{"every failure is permanent", "ClassesEveryFailure", broken{send: func(l channel.Line, ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
			r, err := l.Send(ctx, m)
			if err != nil {
				err = &channel.SendError{Class: channel.Permanent, Reason: "x"}
			}
			return r, err
		}}},
		{"plain errors", "ClassesEveryFailure", broken{send: func(channel.Line, context.Context, channel.Outbound) (channel.Receipt, error) {
			return channel.Receipt{}, errors.New("failed")
		}}},
		{"sends again by itself", "SendsOnceWhenTheAnswerIsLost", broken{send: func(l channel.Line, ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
			r, err := l.Send(ctx, m)
			if err != nil {
				r, err = l.Send(context.WithoutCancel(ctx), m)
			}
			return r, err
		}}},
		{"a lost answer is a failure", "SendsOnceWhenTheAnswerIsLost", broken{send: func(l channel.Line, ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
			r, err := l.Send(ctx, m)
			if err != nil {
				err = &channel.SendError{Class: channel.Retry, Reason: "x"}
			}
			return r, err
		}}},
	}
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			f, s := subject()
			if err := channeltest.Check(b.check, s); err != nil {
				t.Fatalf("without the bug: %v", err)
			}
			f, s = subject()
			b.bug.Fake, s.Connector = f, &b.bug
			if err := channeltest.Check(b.check, s); err == nil {
				t.Errorf("%s let it through", b.check)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	_, s := subject()
	for _, body := range channeltest.Hostile(s.Hook.Original) {
		if len(body) < 1<<16 {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := channeltest.Decode(body)
		if err != nil {
			return
		}
		again, err := channeltest.Decode(body)
		if err != nil || len(again.Messages) != len(first.Messages) {
			t.Errorf("decoded differently the second time: %v", err)
		}
		if !bytes.Equal(first.Raw, body) {
			t.Error("raw body is not kept")
		}
	})
}
