package sandbox

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	policyBurst  = "TEN_SECONDLY_ROLLING"
	policySearch = "SECONDLY"
	policyDaily  = "DAILY"

	burstSpan  = 10 * time.Second
	searchSpan = time.Second
)

// meter counts events in a rolling span and remembers the worst span.
type meter struct {
	span  time.Duration
	times []time.Time
	peak  int
}

func (m *meter) count(now time.Time) int {
	drop := 0
	for drop < len(m.times) && now.Sub(m.times[drop]) >= m.span {
		drop++
	}
	m.times = m.times[drop:]
	return len(m.times)
}

func (m *meter) add(now time.Time) {
	m.count(now)
	m.times = append(m.times, now)
	m.peak = max(m.peak, len(m.times))
}

// limiter knows how often the account was called. Arrivals are counted
// whether or not they are admitted.
type limiter struct {
	mu       sync.Mutex
	zone     *time.Location
	arrivals meter
	searches meter

	admitted       meter
	admittedSearch meter
	day            string
	today          int
	refused        int
}

func newLimiter(zone *time.Location) *limiter {
	return &limiter{zone: zone,
		arrivals: meter{span: burstSpan}, searches: meter{span: searchSpan},
		admitted: meter{span: burstSpan}, admittedSearch: meter{span: searchSpan}}
}

func (l *limiter) arrived(now time.Time, search bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if search {
		l.searches.add(now)
		return
	}
	l.arrivals.add(now)
}

// admit counts a call, or names the policy that refuses it.
func (l *limiter) admit(now time.Time, limits Limits, search bool) (policy string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if day := now.In(l.zone).Format(time.DateOnly); day != l.day {
		l.day, l.today = day, 0
	}
	if limits.Enforce {
		if policy = l.exceeded(now, limits, search); policy != "" {
			l.refused++
			return policy
		}
	}
	l.today++
	if search {
		l.admittedSearch.add(now)
	} else {
		l.admitted.add(now)
	}
	return ""
}

func (l *limiter) exceeded(now time.Time, limits Limits, search bool) string {
	switch {
	case l.today >= limits.PerDay:
		return policyDaily
	case search && l.admittedSearch.count(now) >= limits.SearchPerSecond:
		return policySearch
	case !search && l.admitted.count(now) >= limits.PerTenSeconds:
		return policyBurst
	}
	return ""
}

// Counters are figures of the calls so far.
type Counters struct {
	Calls       int64 `json:"calls"`       // all that arrived
	LastTen     int   `json:"lastTen"`     // arrived in the last 10 s, search apart
	PeakTen     int   `json:"peakTen"`     // most in any rolling 10 s, search apart
	PeakSearch  int   `json:"peakSearch"`  // most searches in any rolling second
	Today       int   `json:"today"`       // admitted since the account's midnight
	RateLimited int   `json:"rateLimited"` // refused by the limits, not by a fault
}

func (l *limiter) counters(now time.Time) Counters {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Counters{LastTen: l.arrivals.count(now), PeakTen: l.arrivals.peak,
		PeakSearch: l.searches.peak, Today: l.today, RateLimited: l.refused}
}

func (l *limiter) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := newLimiter(l.zone)
	l.arrivals, l.searches, l.admitted, l.admittedSearch = fresh.arrivals, fresh.searches, fresh.admitted, fresh.admittedSearch
	l.today, l.refused = 0, 0
}

// rateHeaders tells the account's figures; search and open calls carry none.
func (s *Server) rateHeaders(w http.ResponseWriter, c *call, e endpoint) {
	if e.search || e.open {
		return
	}
	limits := s.faults.now().Limits
	s.limits.mu.Lock()
	used, today := s.limits.admitted.count(c.now), s.limits.today
	s.limits.mu.Unlock()
	h := w.Header()
	h.Set("X-HubSpot-RateLimit-Max", strconv.Itoa(limits.PerTenSeconds))
	h.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(max(0, limits.PerTenSeconds-used)))
	h.Set("X-HubSpot-RateLimit-Interval-Milliseconds", strconv.FormatInt(burstSpan.Milliseconds(), 10))
	h.Set("X-HubSpot-RateLimit-Daily", strconv.Itoa(limits.PerDay))
	h.Set("X-HubSpot-RateLimit-Daily-Remaining", strconv.Itoa(max(0, limits.PerDay-today)))
}
