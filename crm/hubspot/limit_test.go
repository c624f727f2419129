package hubspot

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"switchboard/crm"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// No window of the interval ever holds more calls than HubSpot allows.
func TestNoWindowHoldsMoreCallsThanAllowed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := newLearned()
		l.size(rapid.IntRange(10, 300).Draw(t, "max"), time.Duration(rapid.IntRange(1, 20).Draw(t, "seconds"))*time.Second)
		lane := rapid.SampledFrom([]Lane{LaneInteractive, LaneClient, LaneTimeline}).Draw(t, "lane")
		limit := l.limit(bucketBurst, lane)
		now := noon
		m := NewMemoryLimiter(func() time.Time { return now })
		var taken []time.Time
		for range 4 * l.max {
			wait, err := m.Take(context.Background(), "b", limit)
			if err != nil {
				t.Fatal(err)
			}
			if wait == 0 {
				taken = append(taken, now)
				continue
			}
			now = now.Add(max(wait, time.Duration(rapid.IntRange(0, 3000).Draw(t, "pause"))*time.Millisecond))
		}
		for i := range taken {
			if j := i + l.max; j < len(taken) && taken[j].Sub(taken[i]) < l.interval {
				t.Fatalf("%d calls within %s, allowed are %d", l.max+1, taken[j].Sub(taken[i]), l.max)
			}
		}
	})
}

func TestSearchesArePacedToFourASecond(t *testing.T) {
	t.Parallel()
	limit := newLearned().limit(bucketSearch, LaneTimeline)
	now, first := noon, noon
	m := NewMemoryLimiter(func() time.Time { return now })
	for n := 0; n < 40; {
		if wait, _ := m.Take(t.Context(), "search", limit); wait > 0 {
			now = now.Add(wait)
		} else {
			n++
		}
	}
	if took := now.Sub(first); took != 39*250*time.Millisecond {
		t.Errorf("40 searches took %s", took)
	}
}

func TestLowerLanesLeaveRoomForHigherOnes(t *testing.T) {
	t.Parallel()
	l := newLearned()
	m := NewMemoryLimiter(func() time.Time { return noon })
	drain := func(lane Lane) int {
		for n := 0; ; n++ {
			if wait, _ := m.Take(t.Context(), "b", l.limit(bucketBurst, lane)); wait > 0 {
				return n
			}
		}
	}
	timeline, client, person := drain(LaneTimeline), drain(LaneClient), drain(LaneInteractive)
	if timeline != 13 || client != 7 || person != 5 {
		t.Errorf("the lanes got %d, %d and %d calls of a burst of 25", timeline, client, person)
	}
}

func TestTakesTheLimitFromTheAnswersHeaders(t *testing.T) {
	t.Parallel()
	l := newLearned()
	for _, c := range []struct {
		most     int
		interval time.Duration
		want     int
	}{{190, 10 * time.Second, 190}, {0, 10 * time.Second, 190}, {1 << 30, time.Second, 190}, {250, time.Hour, 190}, {110, 10 * time.Second, 110}} {
		l.size(c.most, c.interval)
		if l.max != c.want {
			t.Errorf("after %d per %s the limit is %d, want %d", c.most, c.interval, l.max, c.want)
		}
	}
}

func TestGivesUpWaitingWhenTheLaneHasNoPatience(t *testing.T) {
	t.Parallel()
	now := noon
	c := &Client{now: func() time.Time { return now }, shared: newLearned(), lane: LaneTimeline,
		sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}
	c.limiter = NewMemoryLimiter(c.now)
	c.shared.pause(bucketBurst, noon.Add(3*time.Second))
	for lane, patient := range map[Lane]bool{LaneTimeline: false, LaneClient: false, LaneInteractive: true} {
		now = noon
		err := c.admit(WithLane(t.Context(), lane), bucketBurst)
		if patient != (err == nil) {
			t.Errorf("%s: %v", lane, err)
		}
		if e, ok := asError(err); ok && (e.Class != crm.Limited || e.After != 3*time.Second) {
			t.Errorf("%s: %v, after %s", lane, err, e.After)
		}
	}
}

// One process is refused: no other process that shares the limiter calls before.
func TestARefusalStopsEverybody(t *testing.T) {
	t.Parallel()
	now := noon
	clock := func() time.Time { return now }
	shared := NewMemoryLimiter(clock)
	node := func() *Client {
		return &Client{now: clock, shared: newLearned(), lane: LaneInteractive, limiter: shared, bucket: "c",
			sleep: func(context.Context, time.Duration) error { t.Error("waited"); return nil }}
	}
	one, other := node(), node()
	one.pause(t.Context(), []string{bucketBurst}, noon.Add(time.Hour))
	for _, step := range []time.Duration{0, time.Hour - time.Millisecond} {
		now = noon.Add(step)
		if wait, err := other.take(t.Context(), bucketBurst, LaneInteractive); wait <= 0 || wait > time.Hour || err != nil {
			t.Errorf("after %s: wait %s, %v", step, wait, err)
		}
	}
	now = noon.Add(time.Hour)
	if wait, err := other.take(t.Context(), bucketBurst, LaneInteractive); wait != 0 || err != nil {
		t.Errorf("after the pause: wait %s, %v", wait, err)
	}
	if wait, err := other.take(t.Context(), bucketSearch, LaneInteractive); wait != 0 || err != nil {
		t.Errorf("searches: wait %s, %v", wait, err)
	}
}

func TestTheContextsLaneComesBeforeTheClients(t *testing.T) {
	t.Parallel()
	c := (&Client{lane: LaneClient}).WithLane(LaneTimeline)
	if got := c.laneOf(t.Context()); got != LaneTimeline {
		t.Errorf("got %s", got)
	}
	if got := c.laneOf(WithLane(t.Context(), LaneInteractive)); got != LaneInteractive {
		t.Errorf("got %s", got)
	}
}

func FuzzDecodeRetryAfter(f *testing.F) {
	f.Add("3600")
	f.Add("Mon, 23 Nov 2026 12:00:30 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		wait := retryAfter(map[string][]string{"Retry-After": {value}}, noon)
		if wait < 0 || wait > maxRetryAfter {
			t.Errorf("%q means %s", value, wait)
		}
	})
}

func nowNoon() time.Time { return noon }
