package webchat

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Rate is a token bucket: Burst requests at once, PerSecond on average. The zero Rate
// lets everything through.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Limits of the handler's requests.
type Limits struct {
	SessionsPerAddress  Rate
	MessagesPerSession  Rate
	ReadsPerSession     Rate
	RequestsPerAddress  Rate
	MistakesPerAddress  Rate // unknown keys and tokens
	MaxWaiting          int  // open waits in all
	MaxWaitingOfSession int
	MaxKeys             int // sessions and addresses remembered
}

// DefaultLimits suit visitors, also many behind one office's address.
func DefaultLimits() Limits {
	return Limits{
		SessionsPerAddress:  Rate{PerSecond: 0.5, Burst: 30},
		MessagesPerSession:  Rate{PerSecond: 5, Burst: 120},
		ReadsPerSession:     Rate{PerSecond: 10, Burst: 120},
		RequestsPerAddress:  Rate{PerSecond: 50, Burst: 400},
		MistakesPerAddress:  Rate{PerSecond: 1, Burst: 60},
		MaxWaiting:          20_000,
		MaxWaitingOfSession: 8,
		MaxKeys:             100_000,
	}
}

// limiter keeps the buckets most recently used. Forgetting one gives its owner a full
// bucket, no more.
type limiter struct {
	now func() time.Time
	max int

	mu      sync.Mutex
	buckets map[bucketKey]*list.Element
	recent  *list.List // of *bucket, the latest in front
}

type bucketKey struct{ what, of string }

type bucket struct {
	key    bucketKey
	tokens float64
	at     time.Time
}

func newLimiter(maxKeys int, now func() time.Time) *limiter {
	return &limiter{now: now, max: max(maxKeys, 1), buckets: map[bucketKey]*list.Element{}, recent: list.New()}
}

// take gives 0 when a request may pass, else how long to wait. With cost 0 it only
// looks.
func (l *limiter) take(what, of string, rate Rate, cost float64) time.Duration {
	if rate.Burst <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b, now := l.bucket(bucketKey{what, of}, rate), l.now()
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens = min(float64(rate.Burst), b.tokens+passed*rate.PerSecond)
	}
	b.at = now
	if b.tokens < 1 {
		if rate.PerSecond <= 0 {
			return time.Hour
		}
		return max(time.Duration((1-b.tokens)/rate.PerSecond*float64(time.Second)), time.Millisecond)
	}
	b.tokens -= cost
	return 0
}

func (l *limiter) bucket(key bucketKey, rate Rate) *bucket {
	if e, there := l.buckets[key]; there {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	for len(l.buckets) >= l.max {
		oldest := l.recent.Back()
		delete(l.buckets, oldest.Value.(*bucket).key)
		l.recent.Remove(oldest)
	}
	b := &bucket{key: key, tokens: float64(rate.Burst), at: l.now()}
	l.buckets[key] = l.recent.PushFront(b)
	return b
}

// network is what counts as one address: an IPv4 address, or an IPv6 /64, which is
// one household's.
func network(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return prefix.String()
}

// waiting counts open waits.
type waiting struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}

func (w *waiting) enter(session string, l Limits) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all >= l.MaxWaiting || w.of[session] >= l.MaxWaitingOfSession {
		return false
	}
	w.all++
	w.of[session]++
	return true
}

func (w *waiting) leave(session string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all--
	if w.of[session]--; w.of[session] == 0 {
		delete(w.of, session)
	}
}
