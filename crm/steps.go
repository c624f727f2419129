package crm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"switchboard"
	"switchboard/work"
)

// perform makes one CRM write of the saga: marked as sent before the call, so that a
// crash or a lost answer leaves it *unknown*, and the calls themselves look up by the
// unique property before they create (DEAL-3, QUEUE-6).
func (s *Saga) perform(ctx context.Context, r run, st switchboard.Step) error {
	owner, err := s.ownerOf(ctx, r, st)
	if err != nil {
		return err
	}
	st.State = switchboard.StepSent
	if err := s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := work.Check(ctx, tx); err != nil {
			return err
		}
		return s.Store.MoveStep(ctx, tx, st)
	}); err != nil {
		return fmt.Errorf("mark step: %w", err)
	}
	s.named("before " + string(st.Name) + " call")
	switch st.Name {
	case switchboard.StepContact:
		err = s.createContact(ctx, r, st, owner)
	case switchboard.StepOwner:
		err = s.assignOwner(ctx, r, st, owner)
	default:
		err = s.createDeal(ctx, r, st, owner)
	}
	if err != nil {
		if _, refused := errors.AsType[*Error](err); refused {
			return s.failed(ctx, r, &st, err)
		}
		return err
	}
	s.named("after " + string(st.Name) + " call")
	return s.answers(ctx, r)
}

func (s *Saga) ownerOf(ctx context.Context, r run, st switchboard.Step) (switchboard.OwnerID, error) {
	holders, err := s.Store.RoleHolders(ctx, nil, r.Account, r.Channel)
	if err != nil {
		return "", fmt.Errorf("read roles: %w", err)
	}
	for _, h := range holders {
		if h.Employee == st.Employee {
			return h.Owner, nil
		}
	}
	e, err := s.Store.Employee(ctx, nil, r.Account, st.Employee)
	if errors.Is(err, switchboard.ErrNotFound) {
		return "", nil
	}
	return e.Owner, err
}

func (s *Saga) createContact(ctx context.Context, r run, st switchboard.Step, owner switchboard.OwnerID) error {
	n := NewContact{Client: r.Client, Name: s.clientName(r), Owner: owner}
	for _, id := range r.ids {
		switch {
		case id.Kind == switchboard.IdentityPhone && n.Phone == "":
			n.Phone = id.Value
		case id.Kind == switchboard.IdentityEmail && n.Email == "":
			n.Email = id.Value
		}
	}
	contact, err := r.crm.UpsertContact(ctx, n)
	if err != nil {
		return fmt.Errorf("create contact: %w", err)
	}
	return s.done(ctx, r, st, string(contact.ID), func(tx switchboard.Tx, c *switchboard.Client) error {
		c.Contact = contact.ID
		return s.Store.SaveContact(ctx, tx, r.Account, contact)
	})
}

func (s *Saga) assignOwner(ctx context.Context, r run, st switchboard.Step, owner switchboard.OwnerID) error {
	contact, err := r.crm.SetContactOwner(ctx, r.client.Contact, owner)
	if err != nil {
		return fmt.Errorf("set owner: %w", err)
	}
	return s.done(ctx, r, st, string(contact.ID), func(tx switchboard.Tx, c *switchboard.Client) error {
		c.Provisional = ""
		return s.Store.SaveContact(ctx, tx, r.Account, contact)
	})
}

func (s *Saga) createDeal(ctx context.Context, r run, st switchboard.Step, owner switchboard.OwnerID) error {
	contact, err := s.Store.Contact(ctx, nil, r.Account, r.client.Contact)
	if err != nil && !errors.Is(err, switchboard.ErrNotFound) {
		return fmt.Errorf("read mirrored contact: %w", err)
	}
	if contact.Owner != "" { // an adopted contact keeps its responsible, who gets the deal too
		owner = contact.Owner
	}
	name := s.Texts(r.account.Settings.Locale, "crm.deal_name", map[string]string{"client": s.clientName(r), "channel": r.channel.Name})
	deal, err := r.crm.UpsertDeal(ctx, NewDeal{Client: r.Client, Name: name, Contact: r.client.Contact,
		Pipeline: r.channel.Settings.Pipeline, Stage: r.channel.Settings.Stage, Owner: owner})
	if err != nil {
		return fmt.Errorf("create deal: %w", err)
	}
	if deal.Contact == "" {
		deal.Contact = r.client.Contact
	}
	return s.done(ctx, r, st, string(deal.ID), func(tx switchboard.Tx, _ *switchboard.Client) error {
		return s.Store.SaveDeal(ctx, tx, r.Account, deal)
	})
}

func (s *Saga) clientName(r run) string {
	if r.client.Name != "" {
		return r.client.Name
	}
	return s.Texts(r.account.Settings.Locale, "crm.unnamed_client", map[string]string{"channel": r.channel.Name})
}

// done stores a step's result together with what it changes.
func (s *Saga) done(ctx context.Context, r run, st switchboard.Step, remote string, also func(tx switchboard.Tx, c *switchboard.Client) error) error {
	st.State, st.Remote, st.Error = switchboard.StepDone, remote, ""
	return s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := work.Check(ctx, tx); err != nil {
			return err
		}
		c, decision, err := s.Store.LockClient(ctx, tx, r.Account, r.Client)
		if err != nil {
			return fmt.Errorf("lock client: %w", err)
		}
		if err := also(tx, &c); err != nil {
			return err
		}
		if err := s.Store.MoveStep(ctx, tx, st); err != nil {
			return fmt.Errorf("end step: %w", err)
		}
		return s.end(ctx, tx, r, c, decision)
	})
}

// end links the client once no step is open; until then the decided employee holds it.
func (s *Saga) end(ctx context.Context, tx switchboard.Tx, r run, c switchboard.Client, decision switchboard.DecisionID) error {
	open, err := s.Store.OpenSteps(ctx, tx, r.Account, r.Client)
	if err != nil {
		return fmt.Errorf("read steps: %w", err)
	}
	if len(open) == 0 {
		c.State, c.Provisional = switchboard.ClientLinked, ""
		if err := s.Store.EndClientWork(ctx, tx, r.Account, r.Client); err != nil {
			return fmt.Errorf("end work: %w", err)
		}
		if err := s.Store.ContactAppeared(ctx, tx, r.Account, r.Client, c.Contact); err != nil {
			return fmt.Errorf("release the timeline: %w", err)
		}
	}
	return s.Store.SaveClient(ctx, tx, c, decision)
}

// finish ends a saga whose steps are all done.
func (s *Saga) finish(ctx context.Context, r run) error {
	return s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		c, decision, err := s.Store.LockClient(ctx, tx, r.Account, r.Client)
		if err != nil {
			return fmt.Errorf("lock client: %w", err)
		}
		return s.end(ctx, tx, r, c, decision)
	})
}

// failed puts the work off by the class of the failure; the same employee is kept and
// the turn does not move (QUEUE-6). What the CRM refuses waits with its reason, which
// people are shown (DEAL-8).
func (s *Saga) failed(ctx context.Context, r run, st *switchboard.Step, cause error) error {
	var e *Error
	if !errors.As(cause, &e) {
		return cause
	}
	s.Logger.Info("the CRM did not do it", "account", r.Account, "client", r.Client, "class", e.Class, "status", e.Status,
		"correlation", e.Correlation)
	due := s.Clock().Add(delay(e, r.Attempts))
	return s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := work.Check(ctx, tx); err != nil {
			return err
		}
		if st != nil {
			st.Error = reasonOf(e)
			if e.Class != Lost {
				st.State = switchboard.StepTodo
			}
			if err := s.Store.MoveStep(ctx, tx, *st); err != nil {
				return fmt.Errorf("note step: %w", err)
			}
			if r.client.Contact != "" { // no longer held back for a deal that does not come
				if err := s.Store.ContactAppeared(ctx, tx, r.Account, r.Client, r.client.Contact); err != nil {
					return fmt.Errorf("release the timeline: %w", err)
				}
			}
		}
		if err := noteHealth(ctx, tx, s.Store, r.conn, e); err != nil {
			return err
		}
		if st != nil && e.Class == Missing {
			return s.startOver(ctx, tx, r, due)
		}
		return s.Store.DelayClientWork(ctx, tx, r.ClientWork, due, true, reasonOf(e))
	})
}

// startOver looks the person up again: a record the saga counted on is gone.
func (s *Saga) startOver(ctx context.Context, tx switchboard.Tx, r run, due time.Time) error {
	c, decision, err := s.Store.LockClient(ctx, tx, r.Account, r.Client)
	if err != nil {
		return fmt.Errorf("lock client: %w", err)
	}
	c.Contact, c.State = "", switchboard.ClientNew
	if err := s.Store.SaveClient(ctx, tx, c, decision); err != nil {
		return err
	}
	return s.Store.DelayClientWork(ctx, tx, r.ClientWork, due, true, "crm_record_gone")
}

// answers notes that the CRM answers again.
func (s *Saga) answers(ctx context.Context, r run) error {
	if r.conn.DownSince.IsZero() {
		return nil
	}
	return s.Store.InTx(ctx, func(tx switchboard.Tx) error { return s.Store.ConnectionUp(ctx, tx, r.conn) })
}

// delay says when to try again after a failure.
func delay(e *Error, attempts int64) time.Duration {
	if e.After > 0 {
		return e.After
	}
	switch e.Class {
	case Locked:
		return 2 * time.Second
	case Refused, Forbidden, Unauthentic:
		return 5 * time.Minute
	default:
		return min(time.Second<<min(attempts, 6), time.Minute)
	}
}

func reasonOf(e *Error) string {
	if e.Reason != "" {
		return e.Reason
	}
	return "crm_" + string(e.Class)
}

// HealthStore notes whether a CRM answers.
type HealthStore interface {
	ConnectionDown(ctx context.Context, tx switchboard.Tx, c switchboard.Connection) error
	ConnectionUp(ctx context.Context, tx switchboard.Tx, c switchboard.Connection) error
	BreakConnection(ctx context.Context, tx switchboard.Tx, c switchboard.Connection, reason string) error
}

// noteHealth tells an outage from a connection that needs a person.
func noteHealth(ctx context.Context, tx switchboard.Tx, store HealthStore, c switchboard.Connection, e *Error) error {
	switch e.Class {
	case Unavailable:
		return store.ConnectionDown(ctx, tx, c)
	case Unauthentic:
		return store.BreakConnection(ctx, tx, c, "crm_unauthentic")
	default:
		return nil
	}
}
