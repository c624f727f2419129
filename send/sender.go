package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/work"
)

// Store is what sending needs of the database.
type Store interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	NextAttempt(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID) (switchboard.Attempt, error)
	StartAttempt(ctx context.Context, tx switchboard.Tx, a *switchboard.Attempt, node string) (bool, error)
	EndAttempt(ctx context.Context, tx switchboard.Tx, a switchboard.Attempt, status switchboard.Status, due time.Time, reason, provider string) (bool, error)
	RefuseAttempt(ctx context.Context, tx switchboard.Tx, a switchboard.Attempt, reason string) error
	Outgoing(ctx context.Context, tx switchboard.Tx, a switchboard.Attempt) (switchboard.Outgoing, error)
	Channel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error)
	BreakChannel(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, reason string) error
	SetReachable(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, address string, reachable bool) error
	MoveAddress(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, address string) error
	TakeRate(ctx context.Context, key string, every time.Duration, burst int) (time.Duration, error)
	PushRate(ctx context.Context, key string, until time.Time) error
	SendPending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error)
	SendMissing(ctx context.Context, limit int) ([]switchboard.Key, error)
}

// Config of a Sender.
type Config struct {
	Store    Store
	Channels *channel.Registry
	// Open gives the bytes of a stored file.
	Open   func(ctx context.Context, account switchboard.AccountID, id switchboard.MediaID) (io.ReadCloser, error)
	Node   string
	Clock  func() time.Time
	Logger *slog.Logger
	// Step is told of each named step, for fault tests; may be nil.
	Step func(name string)
}

// Sender drains chats' queued messages.
type Sender struct{ Config }

// New makes a Sender.
func New(c Config) *Sender {
	if c.Step == nil {
		c.Step = func(string) {}
	}
	return &Sender{c}
}

// maxTries bounds the calls of one attempt; with backOff they span about an hour.
const maxTries = 14

// callTimeout bounds one call; a job may run 30 s.
const callTimeout = 20 * time.Second

// Queue gives the queue to register with package work.
func (s *Sender) Queue(workers int) work.Queue {
	return work.Queue{Name: "send", Workers: workers, Step: s.step, Pending: s.Store.SendPending, Missing: s.Store.SendMissing}
}

// try is one call about to be made.
type try struct {
	switchboard.Attempt
	out  switchboard.Outgoing
	ch   switchboard.Channel
	caps channel.Capabilities
}

func (s *Sender) step(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
	a, err := s.Store.NextAttempt(ctx, nil, key.Account, switchboard.ChatID(key.Key))
	if errors.Is(err, switchboard.ErrNotFound) {
		return work.Idle, nil
	}
	if err != nil {
		return work.Idle, fmt.Errorf("find next attempt: %w", err)
	}
	t, err := s.load(ctx, a)
	if err != nil {
		return work.Idle, err
	}
	if a.State == switchboard.StatusSending {
		return work.More, s.abandoned(ctx, t)
	}
	if wait := a.Due.Sub(s.Clock()); wait > 0 {
		return work.Wait(wait), nil
	}
	return s.try(ctx, t)
}

func (s *Sender) load(ctx context.Context, a switchboard.Attempt) (t try, err error) {
	t.Attempt = a
	if t.out, err = s.Store.Outgoing(ctx, nil, a); err != nil {
		return t, fmt.Errorf("read message: %w", err)
	}
	t.Client = t.out.Client
	if t.ch, err = s.Store.Channel(ctx, nil, a.Account, t.out.Channel); err != nil {
		return t, fmt.Errorf("read channel: %w", err)
	}
	c, err := s.Channels.Connector(t.ch.Transport)
	if err != nil {
		return t, err
	}
	t.caps = c.Capabilities()
	return t, nil
}

// abandoned settles a try whose process died: nobody knows whether the messenger got
// it, so it is "maybe sent" (CHAT-1), unless sending one id twice delivers it once.
func (s *Sender) abandoned(ctx context.Context, t try) error {
	status, reason := switchboard.StatusMaybeSent, "send_interrupted"
	if t.caps.Idempotent {
		status, reason = switchboard.StatusQueued, ""
	}
	return s.end(ctx, t, status, s.Clock(), reason, channel.Receipt{})
}

func (s *Sender) try(ctx context.Context, t try) (work.Outcome, error) {
	if t.ch.State != switchboard.ChannelActive { // CHAT-4
		return work.More, s.Store.InTx(ctx, func(tx switchboard.Tx) error {
			return s.Store.RefuseAttempt(ctx, tx, t.Attempt, "channel_not_active")
		})
	}
	wait, err := s.limit(ctx, t)
	if err != nil || wait > 0 {
		return work.Wait(wait), err
	}
	line, err := s.Channels.Open(t.ch)
	if err != nil {
		return work.Idle, err
	}
	started := false
	err = s.Store.InTx(ctx, func(tx switchboard.Tx) (err error) {
		started, err = s.Store.StartAttempt(ctx, tx, &t.Attempt, s.Node)
		return err
	})
	if err != nil || !started {
		return work.More, err
	}
	s.Step("before send call")
	receipt, sendErr := s.call(ctx, line, t)
	s.Step("after send call")
	return work.More, s.settle(ctx, t, receipt, sendErr)
}

// limit takes the peer's and the channel's place, peer first: a peer that must wait
// costs the channel nothing.
func (s *Sender) limit(ctx context.Context, t try) (time.Duration, error) {
	if t.caps.PeerEvery > 0 {
		if wait, err := s.Store.TakeRate(ctx, s.peerKey(t), t.caps.PeerEvery, 1); wait > 0 || err != nil {
			return wait, err
		}
	}
	if t.caps.PerSecond > 0 {
		return s.Store.TakeRate(ctx, s.lineKey(t), time.Second/time.Duration(t.caps.PerSecond), t.caps.PerSecond)
	}
	return 0, nil
}

func (s *Sender) lineKey(t try) string { return "line/" + string(t.ch.ID) }
func (s *Sender) peerKey(t try) string { return "peer/" + string(t.Chat) }

func (s *Sender) call(ctx context.Context, line channel.Line, t try) (channel.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return line.Send(ctx, channel.Outbound{
		ID: t.Message, Chat: t.Chat, Address: t.out.Address, Kind: t.out.Message.Kind, Text: t.out.Message.Text,
		Content: t.out.Message.Content, ReplyTo: t.out.Quoted, Author: firstName(t.out.Author), At: t.out.Message.At,
		Open: func(ctx context.Context, id switchboard.MediaID) (io.ReadCloser, error) {
			return s.Open(ctx, t.Account, id)
		},
	})
}

func firstName(name string) string {
	for i, r := range name {
		if r == ' ' && i > 0 {
			return name[:i]
		}
	}
	return name
}
