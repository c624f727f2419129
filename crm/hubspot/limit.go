package hubspot

import (
	"context"
	"sync"
	"time"

	"switchboard/crm"
)

// Limiter is the connection's budget of calls, shared by everybody who uses it.
type Limiter interface {
	// Take takes one call out of a bucket. wait 0 means it was taken; else nothing
	// was taken and there is no use in asking again before wait has passed.
	Take(ctx context.Context, bucket string, limit Limit) (wait time.Duration, err error)
}

// Pauser is implemented by limiters that can close a bucket for everybody: HubSpot
// refused a call. Pause moves the bucket's stored moment (see Limit.Next) to at least
// the one given, never back.
type Pauser interface {
	Pause(ctx context.Context, bucket string, stored time.Time) error
}

var _ Pauser = (*MemoryLimiter)(nil)

// Limit is the rate of a bucket: Events per Per, Burst of them at once. In any span of
// Per at most Events + Burst calls are let through. A call may not use the last
// Reserve calls of the burst: they are kept for higher lanes.
type Limit struct {
	Events  int
	Per     time.Duration
	Burst   int
	Reserve int
}

// Next is the whole arithmetic (GCRA), for limiters that keep one moment per bucket:
// from the stored moment and the present one it gives the moment to store, or how long
// to wait when the call may not be made yet (then nothing is stored).
func (l Limit) Next(stored, now time.Time) (next time.Time, wait time.Duration) {
	spacing := l.spacing()
	tolerance := spacing * time.Duration(max(l.Burst-l.Reserve, 1))
	if stored.Before(now) {
		stored = now
	}
	next = stored.Add(spacing)
	if wait = next.Sub(now) - tolerance; wait > 0 {
		return stored, wait
	}
	return next, 0
}

func (l Limit) spacing() time.Duration { return l.Per / time.Duration(max(l.Events, 1)) }

// closedUntil is the stored moment with which no call of any lane passes before until.
func (l Limit) closedUntil(until time.Time) time.Time {
	return until.Add(l.spacing() * time.Duration(max(l.Burst, 1)-1))
}

// MemoryLimiter is a Limiter for one process.
type MemoryLimiter struct {
	now func() time.Time
	mu  sync.Mutex
	at  map[string]time.Time
}

// NewMemoryLimiter makes a limiter on a clock.
func NewMemoryLimiter(now func() time.Time) *MemoryLimiter {
	return &MemoryLimiter{now: now, at: map[string]time.Time{}}
}

// Take takes one call out of a bucket.
func (m *MemoryLimiter) Take(_ context.Context, bucket string, limit Limit) (time.Duration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next, wait := limit.Next(m.at[bucket], m.now())
	if wait == 0 {
		m.at[bucket] = next
	}
	return wait, nil
}

// Pause closes a bucket.
func (m *MemoryLimiter) Pause(_ context.Context, bucket string, stored time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stored.After(m.at[bucket]) {
		m.at[bucket] = stored
	}
	return nil
}

// Lane is the priority of a call: lower lanes leave room for higher ones.
type Lane string

// The lanes, highest first.
const (
	LaneInteractive Lane = "interactive" // a person waits
	LaneClient      Lane = "client"      // a new client waits
	LaneTimeline    Lane = "timeline"    // timeline, polling
)

// lanes tell how long a call waits for the limiter before it gives up (crm.Limited),
// and which part of the burst it leaves to others.
var lanes = map[Lane]struct {
	patience time.Duration
	reserve  func(burst int) int
}{
	LaneInteractive: {5 * time.Second, func(int) int { return 0 }},
	LaneClient:      {2 * time.Second, func(burst int) int { return burst / 5 }},
	LaneTimeline:    {time.Second, func(burst int) int { return burst / 2 }},
}

type laneKey struct{}

// WithLane gives a context whose calls have a priority, whatever the client's.
func WithLane(ctx context.Context, lane Lane) context.Context {
	return context.WithValue(ctx, laneKey{}, lane)
}

func (c *Client) laneOf(ctx context.Context) Lane {
	if lane, ok := ctx.Value(laneKey{}).(Lane); ok {
		return lane
	}
	return c.lane
}

// The buckets. HubSpot counts searches apart from the rest.
const (
	bucketBurst  = "burst"
	bucketSearch = "search"
)

const (
	defaultMax      = 100 // calls per defaultInterval: the smallest plan
	defaultInterval = 10 * time.Second
	searchPerSecond = 4 // of the account's 5, which all its apps share
)

// learned is what one process found out about the connection's limits.
type learned struct {
	mu       sync.Mutex
	max      int
	interval time.Duration
	paused   map[string]time.Time // bucket -> no call before
	strikes  map[string]int       // bucket -> 429s in a row
	closed   map[stageKey]bool    // stages of deals, once Pipelines was asked
}

func newLearned() *learned {
	return &learned{max: defaultMax, interval: defaultInterval,
		paused: map[string]time.Time{}, strikes: map[string]int{}}
}

// size takes over the limit that an answer's headers name.
func (l *learned) size(most int, interval time.Duration) {
	if most < 10 || most > 10_000 || interval < time.Second || interval > time.Minute {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max, l.interval = most, interval
}

// limit of a bucket for a lane. A quarter of the window's calls may come at once, the
// others are spread, so that no window of the interval ever holds more than max; a
// twentieth is left for calls that crowd together on their way.
func (l *learned) limit(bucket string, lane Lane) Limit {
	if bucket == bucketSearch {
		return Limit{Events: searchPerSecond, Per: time.Second, Burst: 1}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	burst := l.max / 4
	return Limit{Events: l.max - burst - l.max/20, Per: l.interval, Burst: burst, Reserve: lanes[lane].reserve(burst)}
}

func (l *learned) pause(bucket string, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.paused[bucket]) {
		l.paused[bucket] = until
	}
}

// strike counts a 429 and tells how many came in a row.
func (l *learned) strike(bucket string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strikes[bucket]++
	return l.strikes[bucket]
}

func (l *learned) passed(bucket string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.strikes, bucket)
}

func (l *learned) pausedFor(bucket string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.paused[bucket].Sub(now), 0)
}

// pause closes buckets, here and, where the limiter can, for everybody.
func (c *Client) pause(ctx context.Context, buckets []string, until time.Time) {
	for _, bucket := range buckets {
		c.shared.pause(bucket, until)
		if all, ok := c.limiter.(Pauser); ok {
			// Whoever is not told learns it from a refusal of its own.
			_ = all.Pause(ctx, c.bucket+"/"+bucket, c.shared.limit(bucket, LaneInteractive).closedUntil(until))
		}
	}
}

// admit waits for the limiter as long as the lane's patience allows.
func (c *Client) admit(ctx context.Context, bucket string) error {
	lane := c.laneOf(ctx)
	if _, known := lanes[lane]; !known {
		lane = LaneTimeline
	}
	left := lanes[lane].patience
	for {
		wait, err := c.take(ctx, bucket, lane)
		if err != nil {
			return &crm.Error{Class: crm.Unavailable, Reason: "the limiter cannot be asked", Err: err}
		}
		if wait == 0 {
			return nil
		}
		if wait > left {
			return &crm.Error{Class: crm.Limited, After: wait, Reason: "the connection's limit of calls is used up"}
		}
		left -= wait
		if err := c.sleep(ctx, wait); err != nil {
			return &crm.Error{Class: crm.Unavailable, Reason: "given up while waiting for the limit", Err: err}
		}
	}
}

func (c *Client) take(ctx context.Context, bucket string, lane Lane) (time.Duration, error) {
	if wait := c.shared.pausedFor(bucket, c.now()); wait > 0 {
		return wait, nil
	}
	return c.limiter.Take(ctx, c.bucket+"/"+bucket, c.shared.limit(bucket, lane))
}
