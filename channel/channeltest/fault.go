package channeltest

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"switchboard/channel"
)

// Fault is what happens to one send.
type Fault struct {
	// Done: the message reaches the client before the send fails.
	Done bool
	// Hang: no answer until the caller gives up.
	Hang bool
	// Error is returned; nil with Hang gives class Unknown.
	Error *channel.SendError
}

// The usual faults.
var (
	// AnswerLost: done, but nobody hears of it.
	AnswerLost = Fault{Done: true, Error: &channel.SendError{
		Class: channel.Unknown, Reason: "send_unknown", Err: errors.New("answer lost"),
	}}
	// LostBefore: lost without a trace; the caller cannot tell it from AnswerLost.
	LostBefore = Fault{Error: &channel.SendError{
		Class: channel.Unknown, Reason: "send_unknown", Err: errors.New("answer lost"),
	}}
	// Refused connection.
	Refused = Fault{Error: &channel.SendError{
		Class: channel.Retry, Reason: "send_retry", Err: errors.New("connection refused"),
	}}
	// Rejected for good.
	Rejected = Fault{Error: &channel.SendError{
		Class: channel.Permanent, Reason: "send_rejected", Err: errors.New("bad request"),
	}}
	// Revoked access.
	Revoked = Fault{Error: &channel.SendError{
		Class: channel.Auth, Reason: "channel_token_revoked", Err: errors.New("unauthorized"),
	}}
	// Gone peer.
	Gone = Fault{Error: &channel.SendError{
		Class: channel.PeerGone, Reason: "peer_blocked", Err: errors.New("blocked by the user"),
	}}
	// Hangs without doing, HangsDone after doing.
	Hangs     = Fault{Hang: true}
	HangsDone = Fault{Hang: true, Done: true}
)

// SlowDown is a throttled answer.
func SlowDown(after time.Duration, scope channel.Scope) Fault {
	return Fault{Error: &channel.SendError{
		Class: channel.Throttled, After: after, Scope: scope, Reason: "send_throttled", Err: errors.New("too many requests"),
	}}
}

// Odds are the probabilities of faults, drawn with a seed so that a run repeats.
type Odds struct {
	Seed   uint64
	Faults []Chance
}

// Chance of one fault, 0 to 1.
type Chance struct {
	Of    float64
	Fault Fault
}

// planner hands out faults: first the listed ones in order, then by odds.
type planner struct {
	next   []*Fault
	odds   []Chance
	random *rand.Rand
	fired  int
}

func (p *planner) draw() (Fault, bool) {
	if len(p.next) > 0 {
		f := p.next[0]
		p.next = p.next[1:]
		if f == nil {
			return Fault{}, false
		}
		p.fired++
		return *f, true
	}
	if p.random == nil {
		return Fault{}, false
	}
	at := p.random.Float64()
	for _, c := range p.odds {
		if at < c.Of {
			p.fired++
			return c.Fault, true
		}
		at -= c.Of
	}
	return Fault{}, false
}

// outcome waits out a hang and gives the send's error.
func (f Fault) outcome(ctx context.Context) error {
	if f.Hang {
		<-ctx.Done()
	}
	if f.Error != nil {
		copied := *f.Error
		return &copied
	}
	return &channel.SendError{Class: channel.Unknown, Reason: "send_unknown", Err: ctx.Err()}
}
