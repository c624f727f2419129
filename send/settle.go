package send

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard"
	"switchboard/channel"
)

// settle notes what the messenger answered, by the class of its answer.
func (s *Sender) settle(ctx context.Context, t try, r channel.Receipt, err error) error {
	// The answer is a fact, whatever became of the job's own time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 8*time.Second)
	defer cancel()
	if err == nil {
		return s.end(ctx, t, switchboard.StatusSent, time.Time{}, "", r)
	}
	var failure *channel.SendError
	if !errors.As(err, &failure) {
		failure = &channel.SendError{Class: channel.Unknown, Reason: "send_unknown", Err: err}
	}
	s.Logger.Info("a message was not accepted", "account", t.Account, "chat", t.Chat, "message", t.Message,
		"class", failure.Class, "reason", failure.Reason)
	switch failure.Class {
	case channel.Unknown:
		return s.unknown(ctx, t, failure)
	case channel.Retry:
		if r.Address != "" { // the messenger moved the chat: the same message goes there at once
			return s.end(ctx, t, switchboard.StatusQueued, s.Clock(), failure.Reason, r)
		}
		return s.again(ctx, t, s.Clock().Add(backOff(t.Tries)), failure.Reason)
	case channel.Throttled:
		return s.throttled(ctx, t, failure)
	case channel.Auth:
		return s.broken(ctx, t, failure)
	case channel.PeerGone:
		return s.gone(ctx, t, failure)
	default:
		return s.end(ctx, t, switchboard.StatusFailed, time.Time{}, failure.Reason, r)
	}
}

func (s *Sender) unknown(ctx context.Context, t try, f *channel.SendError) error {
	if t.caps.Idempotent {
		return s.again(ctx, t, s.Clock().Add(backOff(t.Tries)), f.Reason)
	}
	return s.end(ctx, t, switchboard.StatusMaybeSent, time.Time{}, "send_unknown", channel.Receipt{})
}

// again puts the try back until due, or fails it after maxTries.
func (s *Sender) again(ctx context.Context, t try, due time.Time, reason string) error {
	if t.Tries >= maxTries {
		return s.end(ctx, t, switchboard.StatusFailed, time.Time{}, reason, channel.Receipt{})
	}
	return s.end(ctx, t, switchboard.StatusQueued, due, reason, channel.Receipt{})
}

// throttled obeys the messenger's pause, for the peer or for the whole channel.
func (s *Sender) throttled(ctx context.Context, t try, f *channel.SendError) error {
	due := s.Clock().Add(max(f.After, time.Second))
	key := s.peerKey(t)
	if f.Scope == channel.ScopeLine {
		key = s.lineKey(t)
	}
	if err := s.Store.PushRate(ctx, key, due); err != nil {
		return fmt.Errorf("push limit back: %w", err)
	}
	return s.end(ctx, t, switchboard.StatusQueued, due, f.Reason, channel.Receipt{})
}

// broken fails the message and asks a person to mend the channel.
func (s *Sender) broken(ctx context.Context, t try, f *channel.SendError) error {
	return s.inTx(ctx, t, switchboard.StatusFailed, f.Reason, func(tx switchboard.Tx) error {
		return s.Store.BreakChannel(ctx, tx, t.ch, f.Reason)
	})
}

func (s *Sender) gone(ctx context.Context, t try, f *channel.SendError) error {
	return s.inTx(ctx, t, switchboard.StatusFailed, f.Reason, func(tx switchboard.Tx) error {
		return s.Store.SetReachable(ctx, tx, t.ch, t.out.Address, false)
	})
}

func (s *Sender) inTx(ctx context.Context, t try, status switchboard.Status, reason string, also func(tx switchboard.Tx) error) error {
	return s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		ours, err := s.Store.EndAttempt(ctx, tx, t.Attempt, status, time.Time{}, reason, "")
		if err != nil || !ours {
			return err
		}
		return also(tx)
	})
}

func (s *Sender) end(ctx context.Context, t try, status switchboard.Status, due time.Time, reason string, r channel.Receipt) error {
	return s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		ours, err := s.Store.EndAttempt(ctx, tx, t.Attempt, status, due, reason, r.ProviderID)
		if err != nil {
			return fmt.Errorf("end attempt: %w", err)
		}
		if !ours || r.Address == "" || r.Address == t.out.Address {
			return nil
		}
		return s.Store.MoveAddress(ctx, tx, t.Account, t.Chat, r.Address)
	})
}

// backOff is 1 s, 2 s, 4 s ... at most 10 minutes after the nth try.
func backOff(tries int64) time.Duration {
	d := time.Second << min(max(tries-1, 0), 10)
	return min(d, 10*time.Minute)
}
