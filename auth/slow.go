package auth

import (
	"container/list"
	"strconv"
	"sync"
	"time"

	"switchboard"
)

// Bounds of the slow-down.
const (
	freePerPerson  = 5  // failures of one e-mail from one address that cost no wait
	freePerAddress = 30 // failures of one address, whatever the e-mail
	longestWait    = 15 * time.Minute
	forgetAfter    = time.Hour
	maxSlowed      = 10000 // remembered at once; who failed longest ago is forgotten first
)

// slowed remembers failed attempts by key.
type slowed struct {
	mu    sync.Mutex
	clock func() time.Time
	max   int
	by    map[string]*list.Element
	order *list.List // of *failures, latest last
}

type failures struct {
	key   string
	count int
	last  time.Time
	until time.Time
}

func newSlowed(clock func() time.Time, most int) *slowed {
	return &slowed{clock: clock, max: most, by: map[string]*list.Element{}, order: list.New()}
}

// attempt counts an attempt as failed until it is forgiven, so that guesses made at
// the same time count too. It gives how long to wait before one is allowed.
func (s *slowed) attempt(key string, free int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	f := s.entry(key, now)
	if wait := f.until.Sub(now); wait > 0 {
		return wait
	}
	f.count++
	f.last = now
	if over := f.count - free; over >= 0 {
		f.until = now.Add(backOff(over))
	}
	return 0
}

// entry finds or makes a key's failures, and makes it the latest.
func (s *slowed) entry(key string, now time.Time) *failures {
	if e, known := s.by[key]; known {
		f := e.Value.(*failures)
		if now.Sub(f.last) > forgetAfter {
			*f = failures{key: key}
		}
		s.order.MoveToBack(e)
		return f
	}
	for s.order.Len() >= s.max {
		oldest := s.order.Front()
		delete(s.by, oldest.Value.(*failures).key)
		s.order.Remove(oldest)
	}
	f := &failures{key: key, last: now}
	s.by[key] = s.order.PushBack(f)
	return f
}

// forgive forgets the failures of a key.
func (s *slowed) forgive(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, known := s.by[key]; known {
		delete(s.by, key)
		s.order.Remove(e)
	}
}

// takeBack takes one attempt back that turned out to be none.
func (s *slowed) takeBack(key string, free int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.by[key]
	if !known {
		return
	}
	f := e.Value.(*failures)
	f.count = max(0, f.count-1)
	if f.count < free {
		f.until = time.Time{}
	}
}

// backOff doubles from one second.
func backOff(over int) time.Duration {
	if over > 10 {
		return longestWait
	}
	return min(longestWait, time.Second<<over)
}

func tooMany(wait time.Duration) error {
	seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	return &switchboard.Error{Code: switchboard.CodeTooMany, Message: "sign_in_wait",
		Params: map[string]string{"count": seconds, "seconds": seconds}}
}
