package store

import (
	"context"
	"errors"
	"fmt"

	"switchboard"
)

// ClientDetail reads a client with everything people are shown of it. found names the
// contacts to choose from, given the newest decision. tx is a View's.
func (s *Store) ClientDetail(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID, found func(switchboard.DecisionRecord) []switchboard.ContactID) (d switchboard.ClientDetail, err error) {
	client, decision, err := s.client(ctx, tx, readClient, account, id)
	if err != nil {
		return d, fmt.Errorf("read client: %w", err)
	}
	d.Client = client
	if d.Identities, err = s.Identities(ctx, tx, account, id); err != nil {
		return d, fmt.Errorf("read identities: %w", err)
	}
	if decision != "" {
		if d.Decision, err = s.Decision(ctx, tx, account, decision); err != nil {
			return d, fmt.Errorf("read decision: %w", err)
		}
	}
	if d.Problem, err = s.clientProblem(ctx, tx, account, id); err != nil {
		return d, err
	}
	if client.State == switchboard.ClientAmbiguous {
		if d.Found, err = s.mirrored(ctx, tx, account, found(d.Decision)); err != nil {
			return d, err
		}
	}
	return d, s.addRecords(ctx, tx, account, &d)
}

// addRecords adds what the mirror knows.
func (s *Store) addRecords(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, d *switchboard.ClientDetail) (err error) {
	if d.Contact != "" {
		if d.Deals, err = s.Deals(ctx, tx, account, d.Contact); err != nil {
			return fmt.Errorf("read deals: %w", err)
		}
	}
	if len(d.Deals) > 0 {
		if d.Pipelines, err = s.Pipelines(ctx, tx, account); err != nil {
			return fmt.Errorf("read pipelines: %w", err)
		}
		if d.Owners, err = s.Owners(ctx, tx, account); err != nil {
			return fmt.Errorf("read owners: %w", err)
		}
	}
	d.Connection, err = s.Connection(ctx, tx, account)
	if errors.Is(err, switchboard.ErrNotFound) {
		d.Connection, err = switchboard.Connection{}, nil
	}
	return err
}

// clientProblem says why a client's CRM work waits: a step's reason says more than
// the work's.
func (s *Store) clientProblem(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID) (string, error) {
	steps, err := s.OpenSteps(ctx, tx, account, id)
	if err != nil {
		return "", fmt.Errorf("read steps: %w", err)
	}
	for _, st := range steps {
		if st.Error != "" {
			return st.Error, nil
		}
	}
	w, err := s.PendingClientWork(ctx, tx, account, id)
	if errors.Is(err, switchboard.ErrNotFound) {
		return "", nil
	}
	return w.LastError, err
}

// mirrored reads contacts; one that the mirror does not know has its id only.
func (s *Store) mirrored(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, ids []switchboard.ContactID) ([]switchboard.Contact, error) {
	all := make([]switchboard.Contact, 0, len(ids))
	for _, id := range ids {
		c, err := s.Contact(ctx, tx, account, id)
		if err != nil && !errors.Is(err, switchboard.ErrNotFound) {
			return nil, fmt.Errorf("read contact: %w", err)
		}
		c.ID = id
		all = append(all, c)
	}
	return all, nil
}

// ChooseContact links an ambiguous client to the contact a supervisor chose and asks
// for its work, so that the contact is read and somebody becomes responsible. The job
// must have been inserted before, in the same transaction. A client that is not
// ambiguous any more is CodeConflict.
func (s *Store) ChooseContact(ctx context.Context, tx switchboard.Tx, w switchboard.ClientWork, contact switchboard.ContactID) error {
	c, decision, err := s.LockClient(ctx, tx, w.Account, w.Client)
	if err != nil {
		return fmt.Errorf("lock client: %w", err)
	}
	if c.State != switchboard.ClientAmbiguous {
		return &switchboard.Error{Code: switchboard.CodeConflict, Message: "conflict"}
	}
	c.Contact, c.State = contact, switchboard.ClientNew
	if err := s.SaveClient(ctx, tx, c, decision); err != nil {
		return fmt.Errorf("link client: %w", err)
	}
	if err := s.AskClientWork(ctx, tx, w); err != nil {
		return fmt.Errorf("ask for client work: %w", err)
	}
	return s.ContactAppeared(ctx, tx, w.Account, w.Client, contact)
}
