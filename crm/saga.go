package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"switchboard"
	"switchboard/routing"
	"switchboard/work"
)

// SagaStore is what the client saga needs of the database.
type SagaStore interface {
	MirrorStore
	PendingClientWork(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID) (switchboard.PendingWork, error)
	DelayClientWork(ctx context.Context, tx switchboard.Tx, w switchboard.ClientWork, due time.Time, failed bool, reason string) error
	EndClientWork(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID) error
	ClientPending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error)
	ClientMissing(ctx context.Context, limit int) ([]switchboard.Key, error)
	Client(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) (switchboard.Client, error)
	LockClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) (switchboard.Client, switchboard.DecisionID, error)
	Identities(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) ([]switchboard.Identity, error)
	Channel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error)
	RoleHolders(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) ([]switchboard.RoleHolder, error)
	LockTurn(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) (switchboard.Turn, error)
	Decision(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.DecisionID) (switchboard.DecisionRecord, error)
	SaveDecision(ctx context.Context, tx switchboard.Tx, d switchboard.DecisionRecord, turn switchboard.Turn, c switchboard.Client) error
	SaveClient(ctx context.Context, tx switchboard.Tx, c switchboard.Client, decision switchboard.DecisionID) error
	AddSteps(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID, employee switchboard.EmployeeID, names ...switchboard.StepName) error
	OpenSteps(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID) ([]switchboard.Step, error)
	MoveStep(ctx context.Context, tx switchboard.Tx, st switchboard.Step) error
	ContactAppeared(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID, contact switchboard.ContactID) error
}

// Jobs is what the saga and the mirror need of package work.
type Jobs interface {
	Insert(ctx context.Context, tx switchboard.Tx, keys ...switchboard.Key) error
	Hint(keys ...switchboard.Key)
}

// Saga makes each client that wrote known to the CRM: it looks the person up, decides
// who is responsible, and performs the CRM writes, one row per step.
type Saga struct {
	Store    SagaStore
	Accounts Accounts
	Open     Opener
	Jobs     Jobs
	Clock    func() time.Time
	Random   io.Reader
	Logger   *slog.Logger
	// Texts gives a sentence in a language; keys are of package i18n.
	Texts func(locale, key string, params map[string]string) string
	// Step is told of each named step, for fault tests; may be nil.
	Step func(name string)
}

// Accounts reads accounts.
type Accounts interface {
	Account(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID) (switchboard.Account, error)
}

// Opener opens a connection's CRM.
type Opener func(c switchboard.Connection) (CRM, error)

// Queue gives the queue to register with package work; the key is the client.
func (s *Saga) Queue(workers int) work.Queue {
	return work.Queue{Name: "client", Workers: workers, Step: s.step, Pending: s.Store.ClientPending, Missing: s.Store.ClientMissing}
}

func (s *Saga) named(step string) {
	if s.Step != nil {
		s.Step(step)
	}
}

// run is one client's saga as loaded for one step.
type run struct {
	switchboard.PendingWork
	account switchboard.Account
	client  switchboard.Client
	channel switchboard.Channel
	ids     []switchboard.Identity
	conn    switchboard.Connection
	crm     CRM
}

func (s *Saga) step(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
	w, err := s.Store.PendingClientWork(ctx, nil, key.Account, switchboard.ClientID(key.Key))
	if errors.Is(err, switchboard.ErrNotFound) {
		return work.Idle, nil
	}
	if err != nil {
		return work.Idle, fmt.Errorf("read client work: %w", err)
	}
	if wait := w.Due.Sub(s.Clock()); wait > 0 {
		return work.Wait(wait), nil
	}
	r, err := s.load(ctx, w)
	if err != nil {
		return work.Idle, err
	}
	if r.crm == nil { // no CRM connected: the next message asks again
		return work.More, s.giveUp(ctx, r)
	}
	steps, err := s.Store.OpenSteps(ctx, nil, w.Account, w.Client)
	if err != nil {
		return work.Idle, fmt.Errorf("read steps: %w", err)
	}
	if r.client.State == switchboard.ClientCreating && len(steps) > 0 {
		return work.More, s.perform(ctx, r, steps[0])
	}
	if r.client.State == switchboard.ClientCreating {
		return work.More, s.finish(ctx, r)
	}
	return work.More, s.lookUpAndDecide(ctx, r)
}

func (s *Saga) load(ctx context.Context, w switchboard.PendingWork) (r run, err error) {
	r.PendingWork = w
	if r.account, err = s.Accounts.Account(ctx, nil, w.Account); err != nil {
		return r, fmt.Errorf("read account: %w", err)
	}
	if r.client, err = s.Store.Client(ctx, nil, w.Account, w.Client); err != nil {
		return r, fmt.Errorf("read client: %w", err)
	}
	if r.channel, err = s.Store.Channel(ctx, nil, w.Account, w.Channel); err != nil {
		return r, fmt.Errorf("read channel: %w", err)
	}
	if r.ids, err = s.Store.Identities(ctx, nil, w.Account, w.Client); err != nil {
		return r, fmt.Errorf("read identities: %w", err)
	}
	r.conn, err = s.Store.Connection(ctx, nil, w.Account)
	if errors.Is(err, switchboard.ErrNotFound) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read connection: %w", err)
	}
	r.crm, err = s.Open(r.conn)
	return r, err
}

// giveUp ends work that has no CRM to go to.
func (s *Saga) giveUp(ctx context.Context, r run) error {
	return s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		c, decision, err := s.Store.LockClient(ctx, tx, r.Account, r.Client)
		if err != nil {
			return fmt.Errorf("lock client: %w", err)
		}
		if err := s.Store.EndClientWork(ctx, tx, r.Account, r.Client); err != nil {
			return err
		}
		if c.Contact == "" {
			c.State = switchboard.ClientWaiting
		}
		return s.Store.SaveClient(ctx, tx, c, decision)
	})
}

// lookUpAndDecide asks the CRM who the person is and decides on that (DEAL-2). When
// the CRM cannot be asked, the decision is provisional (QUEUE-10).
func (s *Saga) lookUpAndDecide(ctx context.Context, r run) error {
	found, deals, err := s.lookFirst(ctx, r)
	s.named("after look-up")
	if err != nil {
		return s.lookUpFailed(ctx, r, err)
	}
	if err := s.decide(ctx, r, routing.Snapshot{Available: true, Contacts: snapshot(found)}, found, deals); err != nil {
		return err
	}
	s.named("after decision")
	return s.answers(ctx, r)
}

func (s *Saga) lookUp(ctx context.Context, r run) ([]Found, []switchboard.Deal, error) {
	if r.client.Contact != "" {
		return s.reread(ctx, r)
	}
	q := PersonQuery{Client: r.Client, Country: r.account.Settings.Country, EightToSeven: r.account.Settings.EightToSeven}
	for _, id := range r.ids {
		switch id.Kind {
		case switchboard.IdentityPhone:
			q.Phones = append(q.Phones, id.Value)
		case switchboard.IdentityEmail:
			q.Emails = append(q.Emails, id.Value)
		default: // the CRM knows no other address
		}
	}
	found, err := r.crm.FindContacts(ctx, q)
	if err != nil {
		return nil, nil, fmt.Errorf("find contacts: %w", err)
	}
	return s.withDeals(ctx, r, found)
}

// reread looks at the contact a client is linked to already (QUEUE-8).
func (s *Saga) reread(ctx context.Context, r run) ([]Found, []switchboard.Deal, error) {
	contacts, err := r.crm.Contacts(ctx, []switchboard.ContactID{r.client.Contact})
	if err != nil {
		return nil, nil, fmt.Errorf("read contact: %w", err)
	}
	var found []Found
	for _, c := range contacts {
		if !c.Deleted {
			found = append(found, Found{Contact: c, Ours: true})
		}
	}
	return s.withDeals(ctx, r, found)
}

// maxFound bounds how many matching contacts are looked at.
const maxFound = 5

func (s *Saga) withDeals(ctx context.Context, r run, found []Found) ([]Found, []switchboard.Deal, error) {
	if len(found) > maxFound {
		found = found[:maxFound]
	}
	var deals []switchboard.Deal
	for _, f := range found {
		d, err := r.crm.DealsOfContact(ctx, f.ID)
		if err != nil {
			return nil, nil, fmt.Errorf("read deals: %w", err)
		}
		deals = append(deals, d...)
	}
	return found, deals, nil
}

func snapshot(found []Found) []routing.FoundContact {
	out := []routing.FoundContact{}
	for _, f := range found {
		out = append(out, routing.FoundContact{ID: f.ID, Owner: f.Owner, CreatedAt: f.CreatedAt.UnixMilli(), Ours: f.Ours})
	}
	return out
}

// lookUpFailed decides provisionally, so that chats and distribution go on while the
// CRM is away, and tries again later.
func (s *Saga) lookUpFailed(ctx context.Context, r run, cause error) error {
	switch ClassOf(cause) {
	case Unavailable, Unauthentic, Forbidden, Lost:
		if r.client.State != switchboard.ClientProvisional && r.client.Contact == "" {
			if err := s.decide(ctx, r, routing.Snapshot{}, nil, nil); err != nil {
				return err
			}
		}
	default: // it answers: a moment later, or with a reason that people are shown
	}
	return s.failed(ctx, r, nil, cause)
}

// decide is the one short transaction: lock the turn, decide on the snapshot, store
// decision and explanation, move the turn, prepare the CRM writes (QUEUE-2, QUEUE-9).
func (s *Saga) decide(ctx context.Context, r run, snap routing.Snapshot, found []Found, deals []switchboard.Deal) error {
	return s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := work.Check(ctx, tx); err != nil {
			return err
		}
		turn, err := s.Store.LockTurn(ctx, tx, r.Account, r.Channel)
		if err != nil {
			return fmt.Errorf("lock turn: %w", err)
		}
		c, last, err := s.Store.LockClient(ctx, tx, r.Account, r.Client)
		if err != nil {
			return fmt.Errorf("lock client: %w", err)
		}
		in, err := s.input(ctx, tx, r, c, last, turn, snap)
		if err != nil {
			return err
		}
		decision := routing.Decide(in)
		if !snap.Available && decision.Employee == "" && c.State == switchboard.ClientWaiting {
			return nil // nobody could receive before either: nothing to add to that
		}
		if err := s.mirrorFound(ctx, tx, r, decision.Contact, found, deals); err != nil {
			return err
		}
		return s.apply(ctx, tx, r, c, in, decision)
	})
}

func (s *Saga) input(ctx context.Context, tx switchboard.Tx, r run, c switchboard.Client, decision switchboard.DecisionID, turn switchboard.Turn, snap routing.Snapshot) (in routing.Input, err error) {
	in = routing.Input{Settings: r.channel.Settings, SettingsVersion: r.account.SettingsVersion, Snapshot: snap,
		Event: routing.Event{Kind: routing.ClientWrote}, Candidates: []routing.Candidate{}}
	if r.Employee != "" {
		in.Event = routing.Event{Kind: routing.EmployeeWrote, Employee: r.Employee}
	}
	if c.State == switchboard.ClientProvisional {
		in.Provisional = c.Provisional
		if in.ProvisionalFree, err = s.tookNoTurn(ctx, tx, r.Account, decision); err != nil {
			return in, err
		}
	}
	if err := json.Unmarshal(turn, &in.Queue); err != nil {
		return in, fmt.Errorf("read turn: %w", err)
	}
	holders, err := s.Store.RoleHolders(ctx, tx, r.Account, r.Channel)
	if err != nil {
		return in, fmt.Errorf("read roles: %w", err)
	}
	for _, h := range holders {
		in.Candidates = append(in.Candidates, routing.Candidate{Employee: h.Employee, Owner: h.Owner, Role: h.Role, Receives: h.Receives,
			Position: h.Position, Active: h.Active, ActiveInCRM: h.ActiveInCRM})
	}
	return in, nil
}

// tookNoTurn says that the provisional employee wrote first, so there is no turn to
// give back (DEAL-6).
func (s *Saga) tookNoTurn(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.DecisionID) (bool, error) {
	record, err := s.Store.Decision(ctx, tx, account, id)
	if err != nil {
		return false, fmt.Errorf("read provisional decision: %w", err)
	}
	var d routing.Decision
	if err := json.Unmarshal(record.Decision, &d); err != nil {
		return false, fmt.Errorf("decode provisional decision: %w", err)
	}
	return d.Explanation.Rule == routing.RuleWroteFirst, nil
}

// mirrorFound keeps the contact that the decision chose, with its deals.
func (s *Saga) mirrorFound(ctx context.Context, tx switchboard.Tx, r run, chosen switchboard.ContactID, found []Found, deals []switchboard.Deal) error {
	for _, f := range found {
		if f.ID != chosen {
			continue
		}
		if err := s.Store.SaveContact(ctx, tx, r.Account, f.Contact); err != nil {
			return fmt.Errorf("mirror contact: %w", err)
		}
	}
	for _, d := range deals {
		if d.Contact != chosen || chosen == "" {
			continue
		}
		if err := s.Store.SaveDeal(ctx, tx, r.Account, d); err != nil {
			return fmt.Errorf("mirror deal: %w", err)
		}
	}
	return nil
}

// apply makes a decision true: state, holder and steps of the client.
func (s *Saga) apply(ctx context.Context, tx switchboard.Tx, r run, c switchboard.Client, in routing.Input, d routing.Decision) error {
	linked := c.Contact
	c.Contact, c.Provisional = d.Contact, ""
	var steps []switchboard.StepName
	switch d.Outcome {
	case routing.Create:
		c.State, c.Provisional = switchboard.ClientCreating, d.Employee
		steps = []switchboard.StepName{switchboard.StepContact, switchboard.StepDeal}
	case routing.Assign:
		c.State, c.Provisional = switchboard.ClientCreating, d.Employee
		steps = []switchboard.StepName{switchboard.StepOwner}
	case routing.Keep:
		c.State = switchboard.ClientLinked
	case routing.Ask:
		c.State = switchboard.ClientAmbiguous
	default:
		c.State = switchboard.ClientWaiting
		if c.Contact != "" {
			c.State = switchboard.ClientLinked
		}
	}
	if d.Provisional {
		c.State, c.Provisional = switchboard.ClientProvisional, d.Employee
		steps = nil
	}
	if err := s.Store.AddSteps(ctx, tx, r.Account, r.Client, d.Employee, steps...); err != nil {
		return fmt.Errorf("add steps: %w", err)
	}
	if len(steps) == 0 && in.Snapshot.Available { // else the look-up is still to be made (QUEUE-10)
		if err := s.Store.EndClientWork(ctx, tx, r.Account, r.Client); err != nil {
			return fmt.Errorf("end work: %w", err)
		}
	}
	if err := s.save(ctx, tx, r, c, in, d); err != nil {
		return err
	}
	if c.Contact == "" || c.Contact == linked {
		return nil
	}
	return s.Store.ContactAppeared(ctx, tx, r.Account, r.Client, c.Contact)
}

func (s *Saga) save(ctx context.Context, tx switchboard.Tx, r run, c switchboard.Client, in routing.Input, d routing.Decision) error {
	record := switchboard.DecisionRecord{Account: r.Account, Client: r.Client, Channel: r.Channel, Employee: d.Employee,
		ID:      switchboard.DecisionID(switchboard.NewUUID(s.Clock(), s.Random)),
		Outcome: string(d.Outcome), Provisional: d.Provisional, SettingsVersion: in.SettingsVersion, At: s.Clock()}
	var err error
	if record.Input, err = json.Marshal(in); err != nil {
		return fmt.Errorf("encode input: %w", err)
	}
	if record.Decision, err = json.Marshal(d); err != nil {
		return fmt.Errorf("encode decision: %w", err)
	}
	turn, err := json.Marshal(d.QueueAfter)
	if err != nil {
		return fmt.Errorf("encode turn: %w", err)
	}
	return s.Store.SaveDecision(ctx, tx, record, turn, c)
}
