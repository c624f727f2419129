package standin

import (
	"math/rand/v2"
	"net/http"
	"slices"
)

// Fault is what happens to one call. Done comes before the rest.
type Fault struct {
	// Methods it may happen to; empty means the methods that send.
	Methods []string
	// Done: the call has its effect before its answer is spoilt.
	Done bool
	// One of these spoils the answer:
	Status     int   // an API error with this code
	RetryAfter int   // seconds, with Status 429
	MigrateTo  int64 // with Status 400
	Text       string
	HTML       bool // a gateway's page with Status (default 502)
	Cut        bool // JSON that ends in the middle
	Drop       bool // the connection is closed without an answer
	Hang       bool // no answer until the caller leaves
}

// Chance is the probability, 0 to 1, of a fault.
type Chance struct {
	Of    float64
	Fault Fault
}

type faults struct {
	plan   []*Fault
	odds   []Chance
	random *rand.Rand
	fired  map[string]int
}

// Plan lists what happens to the next calls that a fault may happen to; nil lets one
// such call (a sending one) pass.
func (b *Bot) Plan(next ...*Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults.plan = append(b.faults.plan, next...)
}

// SetOdds lets faults happen by chance once the plan is used up.
func (b *Bot) SetOdds(seed uint64, odds ...Chance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults.odds, b.faults.random = odds, seeded(seed)
}

// Fired counts the faults that happened, by method.
func (b *Bot) Fired() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	copied := map[string]int{}
	for method, n := range b.faults.fired {
		copied[method] = n
	}
	return copied
}

func (f *Fault) hits(method string) bool {
	if f == nil || len(f.Methods) == 0 {
		return sending(method)
	}
	return slices.Contains(f.Methods, method)
}

// draw gives the fault of a call, nil for none; the bot's lock is held.
func (f *faults) draw(method string) *Fault {
	if len(f.plan) > 0 {
		next := f.plan[0]
		if !next.hits(method) {
			return nil
		}
		f.plan = f.plan[1:]
		return f.count(method, next)
	}
	if f.random == nil {
		return nil
	}
	at := f.random.Float64()
	for i := range f.odds {
		if !f.odds[i].Fault.hits(method) {
			continue
		}
		if at < f.odds[i].Of {
			return f.count(method, &f.odds[i].Fault)
		}
		at -= f.odds[i].Of
	}
	return nil
}

func (f *faults) count(method string, fault *Fault) *Fault {
	if fault != nil {
		f.fired[method]++
	}
	return fault
}

// spoil answers in the fault's way.
func (f *Fault) spoil(w http.ResponseWriter, r *http.Request) {
	switch {
	case f.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Drop:
		panic(http.ErrAbortHandler)
	case f.Cut:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"ok":true,"result":{"message_id":`))
	case f.HTML:
		status := f.Status
		if status == 0 {
			status = http.StatusBadGateway
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = w.Write([]byte("<html><body><h1>Gateway</h1></body></html>"))
	default:
		text := f.Text
		if text == "" {
			text = http.StatusText(f.Status)
		}
		refuse(w, &refusal{code: f.Status, text: text, retryAfter: f.RetryAfter, migrateTo: f.MigrateTo})
	}
}
