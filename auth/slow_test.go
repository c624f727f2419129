package auth

import (
	"fmt"
	"testing"
	"time"
)

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func TestGuessingIsSlowedDownMoreAndMore(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	s := newSlowed(c.Now, 10)
	for i := range 3 {
		if wait := s.attempt("anna", 3); wait != 0 {
			t.Fatalf("attempt %d waits %v", i, wait)
		}
	}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		if got := s.attempt("anna", 3); got != want {
			t.Fatalf("waits %v, want %v", got, want)
		}
		c.now = c.now.Add(want)
		if got := s.attempt("anna", 3); got != 0 {
			t.Fatalf("after the wait another %v", got)
		}
	}
	if wait := s.attempt("boris", 3); wait != 0 {
		t.Errorf("somebody else waits %v", wait)
	}
	s.forgive("anna")
	if wait := s.attempt("anna", 3); wait != 0 {
		t.Errorf("the forgiven waits %v", wait)
	}
}

func TestNobodyWaitsLongerThanTheLongestWait(t *testing.T) {
	for _, over := range []int{10, 11, 60, 1 << 20} {
		if got := backOff(over); got <= 0 || got > longestWait {
			t.Errorf("backOff(%d) = %v", over, got)
		}
	}
}

func TestWhoIsSlowedIsForgottenAfterAnHour(t *testing.T) {
	c := &clock{time.Unix(1000, 0)}
	s := newSlowed(c.Now, 10)
	for range 9 {
		s.attempt("anna", 3)
		c.now = c.now.Add(longestWait)
	}
	c.now = c.now.Add(forgetAfter + time.Second)
	for range 3 {
		if wait := s.attempt("anna", 3); wait != 0 {
			t.Fatalf("waits %v", wait)
		}
	}
}

func TestTheSlowDownsMemoryIsBounded(t *testing.T) {
	s := newSlowed(time.Now, 100)
	for i := range 5000 {
		s.attempt(fmt.Sprint(i), 1)
	}
	if len(s.by) > 100 || s.order.Len() > 100 {
		t.Errorf("remembers %d and %d", len(s.by), s.order.Len())
	}
	if _, known := s.by["4999"]; !known {
		t.Error("forgot the latest")
	}
}

func TestStoredHashesMayNotAskForEndlessWork(t *testing.T) {
	good := encode(Cost{KiB: 64, Passes: 1, Threads: 1}, make([]byte, saltBytes), make([]byte, keyBytes))
	if _, _, _, err := decode(good); err != nil {
		t.Fatalf("refused %s: %v", good, err)
	}
	for name, bad := range map[string]string{
		"memory":  encode(Cost{KiB: maxKiB + 1, Passes: 1, Threads: 1}, make([]byte, saltBytes), make([]byte, keyBytes)),
		"passes":  encode(Cost{KiB: 64, Passes: maxPasses + 1, Threads: 1}, make([]byte, saltBytes), make([]byte, keyBytes)),
		"threads": encode(Cost{KiB: 64, Passes: 1, Threads: maxThreads + 1}, make([]byte, saltBytes), make([]byte, keyBytes)),
		"no work": encode(Cost{}, make([]byte, saltBytes), make([]byte, keyBytes)),
		"no salt": encode(Cost{KiB: 64, Passes: 1, Threads: 1}, nil, make([]byte, keyBytes)),
		"short":   encode(Cost{KiB: 64, Passes: 1, Threads: 1}, make([]byte, saltBytes), nil),
		"empty":   "", "plain": "hunter2hunter2", "other": "$2b$12$abcdefghijklmnopqrstuv",
	} {
		if _, _, _, err := decode(bad); err == nil {
			t.Errorf("%s: read %q", name, bad)
		}
	}
}
