package crm_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"switchboard"
	"switchboard/crm"
	"switchboard/store"
)

type plain struct{}

func (plain) Seal(text []byte, _ store.SecretPlace) ([]byte, error)   { return text, nil }
func (plain) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return sealed, nil }

// clock is the real one, unless it is frozen or ahead.
type clock struct {
	mu     sync.Mutex
	frozen time.Time
	ahead  time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.frozen.IsZero() {
		return c.frozen
	}
	return time.Now().Add(c.ahead)
}

func (c *clock) set(frozen time.Time, ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.frozen, c.ahead = frozen, ahead
}

// nextMilli returns when the clock shows another millisecond.
func (c *clock) nextMilli() {
	for began := c.now().UnixMilli(); c.now().UnixMilli() == began; {
		time.Sleep(100 * time.Microsecond)
	}
}

// log fails the test when a drain's step failed: the queues contradict themselves, or
// a class of error was not understood.
type log struct {
	slog.Handler
	mu     sync.Mutex
	failed []string
	may    bool // steps may fail
}

func (*log) Enabled(context.Context, slog.Level) bool { return true }
func (l *log) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *log) WithGroup(string) slog.Handler          { return l }

func (l *log) Handle(_ context.Context, r slog.Record) error {
	if r.Level < slog.LevelError {
		return nil
	}
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = append(l.failed, text)
	return nil
}

func (l *log) check(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.may {
		for _, text := range l.failed {
			t.Error("logged:", text)
		}
	}
}

// tap spoils calls on their way to the CRM, and counts them.
type tap struct {
	crm.CRM
	w     *town
	mu    sync.Mutex
	ticks int
	calls map[string]int
	sizes []int // of WriteEntries
	down  *crm.Error
	// These stand in for the call when set; next is the call itself.
	contact func(n crm.NewContact, next func() (switchboard.Contact, error)) (switchboard.Contact, error)
	deal    func(n crm.NewDeal, next func() (switchboard.Deal, error)) (switchboard.Deal, error)
	write   func(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error)
}

// tick makes the limiter's clock run, so that no call waits for it.
func (p *tap) tick() int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ticks++
	return p.ticks
}

// set changes the tap while it is in use.
func (p *tap) set(change func(p *tap)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// enter counts a call and says whether the CRM is away.
func (p *tap) enter(call string) error {
	if p.w.store.InTransaction() {
		p.w.t.Errorf("%s while a transaction is open", call)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == nil {
		p.calls = map[string]int{}
	}
	p.calls[call]++
	if p.down != nil {
		e := *p.down
		return &e
	}
	return nil
}

func (p *tap) count(calls ...string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for call, times := range p.calls {
		if len(calls) == 0 || slices.Contains(calls, call) {
			n += times
		}
	}
	return n
}

func (p *tap) Owners(ctx context.Context) ([]switchboard.Owner, error) {
	if err := p.enter("owners"); err != nil {
		return nil, err
	}
	return p.CRM.Owners(ctx)
}

func (p *tap) FindContacts(ctx context.Context, q crm.PersonQuery) ([]crm.Found, error) {
	if err := p.enter("find"); err != nil {
		return nil, err
	}
	return p.CRM.FindContacts(ctx, q)
}

func (p *tap) UpsertContact(ctx context.Context, n crm.NewContact) (switchboard.Contact, error) {
	if err := p.enter("contact"); err != nil {
		return switchboard.Contact{}, err
	}
	p.mu.Lock()
	instead := p.contact
	p.mu.Unlock()
	next := func() (switchboard.Contact, error) { return p.CRM.UpsertContact(ctx, n) }
	if instead != nil {
		return instead(n, next)
	}
	return next()
}

func (p *tap) UpsertDeal(ctx context.Context, n crm.NewDeal) (switchboard.Deal, error) {
	if err := p.enter("deal"); err != nil {
		return switchboard.Deal{}, err
	}
	p.mu.Lock()
	instead := p.deal
	p.mu.Unlock()
	next := func() (switchboard.Deal, error) { return p.CRM.UpsertDeal(ctx, n) }
	if instead != nil {
		return instead(n, next)
	}
	return next()
}

func (p *tap) Contacts(ctx context.Context, ids []switchboard.ContactID) ([]switchboard.Contact, error) {
	if err := p.enter("contacts"); err != nil {
		return nil, err
	}
	return p.CRM.Contacts(ctx, ids)
}

func (p *tap) ChangedContacts(ctx context.Context, since crm.Cursor) ([]switchboard.Contact, crm.Cursor, error) {
	if err := p.enter("changed contacts"); err != nil {
		return nil, since, err
	}
	return p.CRM.ChangedContacts(ctx, since)
}

func (p *tap) WriteEntries(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error) {
	if err := p.enter("write"); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.sizes = append(p.sizes, len(entries))
	instead := p.write
	p.mu.Unlock()
	if instead != nil {
		return instead(ctx, entries)
	}
	return p.CRM.WriteEntries(ctx, entries)
}

func (p *tap) FindEntries(ctx context.Context, contact switchboard.ContactID, entries []crm.Entry) (map[crm.EntryKey]string, error) {
	if err := p.enter("find entries"); err != nil {
		return nil, err
	}
	return p.CRM.FindEntries(ctx, contact, entries)
}
