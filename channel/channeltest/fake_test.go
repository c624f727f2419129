package channeltest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
)

var fakeChannel = switchboard.Channel{ID: "c1", Transport: channeltest.FakeTransport}

func open(t *testing.T, f *channeltest.Fake) channel.Line {
	t.Helper()
	line, err := f.Open(fakeChannel)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestShowsWhatArrivedTwice(t *testing.T) { // P5
	f := channeltest.NewFake()
	line := open(t, f)
	m := channel.Outbound{ID: "m1", Chat: "chat", Address: "anna", Kind: switchboard.KindText, Text: "hello"}
	f.Plan(&channeltest.AnswerLost, nil)
	_, err := line.Send(soon(t), m)
	if got := channel.ClassOf(err); got != channel.Unknown {
		t.Fatalf("class %s, want unknown", got)
	}
	if got := f.Duplicates(); len(got) != 0 {
		t.Fatalf("duplicates %v before the second send", got)
	}
	if _, err := line.Send(soon(t), m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"chat/m1"}, f.Duplicates()); diff != "" {
		t.Error(diff)
	}
	if f.Fired() != 1 {
		t.Errorf("fired %d, want 1", f.Fired())
	}
}

func TestDoesWhatEachFaultSays(t *testing.T) {
	cases := []struct {
		name    string
		fault   channeltest.Fault
		class   channel.Class
		arrives int
	}{
		{"answer lost", channeltest.AnswerLost, channel.Unknown, 1},
		{"lost before", channeltest.LostBefore, channel.Unknown, 0},
		{"refused", channeltest.Refused, channel.Retry, 0},
		{"rejected", channeltest.Rejected, channel.Permanent, 0},
		{"revoked", channeltest.Revoked, channel.Auth, 0},
		{"gone", channeltest.Gone, channel.PeerGone, 0},
		{"throttled", channeltest.SlowDown(time.Second, channel.ScopeLine), channel.Throttled, 0},
		{"hangs", channeltest.Hangs, channel.Unknown, 0},
		{"hangs after doing", channeltest.HangsDone, channel.Unknown, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := channeltest.NewFake()
			f.Plan(&c.fault)
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			_, err := open(t, f).Send(ctx, channel.Outbound{Address: "a", Text: "x"})
			if got := channel.ClassOf(err); err == nil || got != c.class {
				t.Errorf("got %v, want class %s", err, c.class)
			}
			if got := len(f.Ledger()); got != c.arrives {
				t.Errorf("%d arrived, want %d", got, c.arrives)
			}
		})
	}
}

func TestRepeatsAPollUntilItIsCommitted(t *testing.T) { // P1
	f := channeltest.NewFake()
	line := open(t, f).(channel.Poller)
	door := channeltest.NewRecorder()
	door.Fail(errors.New("disk full"))
	f.Queue("c1", f.Text("anna", "one"), f.Text("anna", "two"))
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	if err := line.Run(ctx, door.Sink); err == nil {
		t.Fatal("the failed commit was swallowed")
	}
	go func() { _ = line.Run(ctx, door.Sink) }()
	if err := f.WaitConfirmed(ctx, "c1"); err != nil {
		t.Fatal(err)
	}
	if got := len(door.Messages()); got != 2 {
		t.Errorf("%d messages, want 2", got)
	}
}
