package sandbox

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Kinds of faults. Those named by a status answer with it and do not perform
// the work, unless Rule.Done is set.
const (
	FaultReplyLost  = "reply_lost" // performs the work, then cuts the connection
	FaultCutJSON    = "cut_json"   // performs the work, sends half of the answer
	FaultCut        = "cut"        // cuts the connection, performs nothing
	FaultTimeout    = "timeout"    // answers nothing until the caller gives up
	FaultHTML       = "html"       // 200 with a page in place of JSON
	FaultSlow       = "slow"       // performs and answers, but late
	Fault401        = "401"
	Fault403        = "403"
	FaultLocked     = "423"
	FaultRateLimit  = "429"
	FaultMigration  = "477"
	Fault500        = "500"
	FaultBadGateway = "502"
	Fault503        = "503"
	Fault504        = "504"
)

// Ways of being down.
const (
	DownNot = ""
	Down503 = "503" // every call is answered 503
	DownCut = "cut" // every connection is cut without an answer
)

const (
	maxRules    = 100
	defaultHold = 60 * time.Second
	maxHold     = 10 * time.Minute
)

var faultKinds = []string{FaultReplyLost, FaultCutJSON, FaultCut, FaultTimeout, FaultHTML, FaultSlow,
	Fault401, Fault403, FaultLocked, FaultRateLimit, FaultMigration, Fault500, FaultBadGateway, Fault503, Fault504}

// Rule says which calls go wrong, and how. The first rule that fires wins.
type Rule struct {
	Kind   string `json:"kind"`
	Method string `json:"method,omitempty"` // empty: any
	Path   string `json:"path,omitempty"`   // "*" stands for any run; empty: any
	// Next is an exact plan: the next so many matching calls fail (after
	// Skip that pass), then the rule is spent. Without it Probability counts.
	Next        int     `json:"next,omitempty"`
	Skip        int     `json:"skip,omitempty"`
	Probability float64 `json:"probability,omitempty"`

	Policy            string `json:"policy,omitempty"`            // of a 429
	RetryAfterSeconds int    `json:"retryAfterSeconds,omitempty"` // of a 429, 423 or 477
	HoldMillis        int64  `json:"holdMillis,omitempty"`        // of timeout and slow; 0: 60 s
	Done              bool   `json:"done,omitempty"`              // perform the work all the same

	Fired int `json:"fired"` // how often it fired so far
}

// Faults is how the sandbox misbehaves at present.
type Faults struct {
	Down                   string `json:"down"`
	SearchLagMillis        int64  `json:"searchLagMillis"`
	Seed                   uint64 `json:"seed"`
	Rules                  []Rule `json:"rules"`
	Leads                  bool   `json:"leads"`
	RefuseEngagementUnique bool   `json:"refuseEngagementUnique"`
	Limits                 Limits `json:"limits"`
}

func (f Faults) check() error {
	if f.Down != DownNot && f.Down != Down503 && f.Down != DownCut {
		return fmt.Errorf("down is %q, not \"\", 503 or cut", f.Down)
	}
	if lag := time.Duration(f.SearchLagMillis) * time.Millisecond; lag < 0 || lag > maxSearchLag {
		return fmt.Errorf("the search lag is 0 to %s", maxSearchLag)
	}
	if len(f.Rules) > maxRules {
		return fmt.Errorf("more than %d rules", maxRules)
	}
	for i, r := range f.Rules {
		if err := r.check(); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

func (r Rule) check() error {
	if !slices.Contains(faultKinds, r.Kind) {
		return fmt.Errorf("%q is not a kind of fault", r.Kind)
	}
	if r.Probability < 0 || r.Probability > 1 || r.Next < 0 || r.Skip < 0 {
		return errors.New("probability is 0 to 1, next and skip are not negative")
	}
	if hold := time.Duration(r.HoldMillis) * time.Millisecond; hold < 0 || hold > maxHold {
		return fmt.Errorf("a call is held for at most %s", maxHold)
	}
	return nil
}

func (r Rule) matches(method, path string) bool {
	return (r.Method == "" || r.Method == method) && (r.Path == "" || wildcard(r.Path, path))
}

// performs: the work is done although the answer goes wrong.
func (r Rule) performs() bool {
	return r.Done || r.Kind == FaultReplyLost || r.Kind == FaultCutJSON || r.Kind == FaultSlow
}

func (r Rule) hold() time.Duration {
	if r.HoldMillis == 0 {
		return defaultHold
	}
	return time.Duration(r.HoldMillis) * time.Millisecond
}

// faultBox guards the present faults.
type faultBox struct {
	mu      sync.Mutex
	present Faults
	initial Faults
	rng     *rand.Rand
}

func newFaultBox(cfg Config) *faultBox {
	f := Faults{Seed: cfg.Seed, Leads: cfg.Leads, RefuseEngagementUnique: cfg.RefuseEngagementUnique,
		Limits: cfg.Limits, SearchLagMillis: max(0, cfg.SearchLag.Milliseconds()), Rules: []Rule{}}
	return &faultBox{present: f, initial: f, rng: newRand(f.Seed)}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0xfa17)) }

func (b *faultBox) now() Faults {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.present
	f.Rules = append([]Rule{}, f.Rules...)
	return f
}

func (b *faultBox) set(f Faults) error {
	if err := f.check(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if f.Seed != b.present.Seed {
		b.rng = newRand(f.Seed)
	}
	f.Limits = f.Limits.withDefaults()
	f.Rules = append([]Rule{}, f.Rules...)
	b.present = f
	return nil
}

func (b *faultBox) searchLag() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Duration(b.present.SearchLagMillis) * time.Millisecond
}

// pick decides a call's fault; Kind is empty when there is none.
func (b *faultBox) pick(method, path string) Rule {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.present.Down {
	case Down503:
		return Rule{Kind: Fault503}
	case DownCut:
		return Rule{Kind: FaultCut}
	}
	for i := range b.present.Rules {
		r := &b.present.Rules[i]
		if r.matches(method, path) && r.fires(b.rng) {
			r.Fired++
			return *r
		}
	}
	return Rule{}
}

func (r *Rule) fires(rng *rand.Rand) bool {
	if r.Next == 0 {
		return r.Probability > 0 && rng.Float64() < r.Probability
	}
	if r.Skip > 0 {
		r.Skip--
		return false
	}
	if r.Fired >= r.Next {
		return false
	}
	return true
}

// spoil answers wrongly. a is the right answer where the work was performed.
func (s *Server) spoil(w http.ResponseWriter, c *call, f Rule, a answer) {
	s.ledger.note(c.entry, func(l *Call) { l.Fault = f.Kind })
	switch f.Kind {
	case FaultSlow:
		s.hold(c, f.hold())
		s.write(w, c, a)
	case FaultTimeout:
		s.signal.fire()
		s.hold(c, f.hold())
		s.cut(c)
	case FaultReplyLost, FaultCut:
		s.cut(c)
	case FaultCutJSON:
		s.writeHalf(w, c, a)
	case FaultHTML:
		s.writePage(w, c)
	default:
		s.write(w, c, f.answer())
	}
}

// hold waits until the caller gives up, the sandbox closes or time is over.
func (s *Server) hold(c *call, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-c.Context().Done():
	case <-s.closing:
	case <-timer.C:
	}
}

// cut ends the connection without an answer.
func (s *Server) cut(c *call) {
	s.ledger.end(c.entry, 0, s.now())
	s.signal.fire()
	panic(http.ErrAbortHandler)
}

func (s *Server) writeHalf(w http.ResponseWriter, c *call, a answer) {
	body := s.encode(a)
	s.ledger.end(c.entry, a.status, s.now())
	s.signal.fire()
	if body != nil {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body[:len(body)/2])
}

func (s *Server) writePage(w http.ResponseWriter, c *call) {
	s.ledger.end(c.entry, http.StatusOK, s.now())
	s.signal.fire()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!doctype html><title>One moment</title><p>The page is being prepared.</p>"))
}

// answer is the error a fault named by a status gives.
func (r Rule) answer() answer {
	status, _ := strconv.Atoi(r.Kind)
	if status == http.StatusTooManyRequests {
		policy := r.Policy
		setIfZero(&policy, policyBurst)
		return r.retryAfter(rateLimited(policy))
	}
	words := map[int][2]string{
		401: {"INVALID_AUTHENTICATION", "The access token is not valid any more"},
		403: {"MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call"},
		423: {"RECORD_LOCKED", "The record is locked by another operation"},
		477: {"MIGRATION_IN_PROGRESS", "The account is being moved to another data centre"},
		500: {"INTERNAL_ERROR", "Something went wrong"},
		502: {"BAD_GATEWAY", "The service behind did not answer"},
		503: {"SERVICE_UNAVAILABLE", "The service is not available"},
		504: {"GATEWAY_TIMEOUT", "The service behind did not answer in time"},
	}[status]
	return r.retryAfter(fail(status, words[0], "%s", words[1]).answer())
}

func (r Rule) retryAfter(a answer) answer {
	if r.RetryAfterSeconds == 0 && a.status == 477 {
		r.RetryAfterSeconds = 3600
	}
	if r.RetryAfterSeconds > 0 {
		a.header = map[string]string{"Retry-After": strconv.Itoa(r.RetryAfterSeconds)}
	}
	return a
}
