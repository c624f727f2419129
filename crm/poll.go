package crm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"switchboard"
)

// PollAll asks every connected CRM for changed contacts and deals. One that fails does
// not stop the others.
func (m *Mirror) PollAll(ctx context.Context) error {
	return m.each(ctx, m.poll)
}

// RotateAll re-reads linked contacts by id, those read longest ago first: polling by
// search can miss what the CRM's index lost.
func (m *Mirror) RotateAll(ctx context.Context) error {
	return m.each(ctx, m.rotate)
}

// RefreshAll re-reads owners and pipelines of every connected CRM, except where that
// was done a moment ago.
func (m *Mirror) RefreshAll(ctx context.Context) error {
	return m.each(ctx, func(ctx context.Context, conn switchboard.Connection, _ CRM) (asked bool, err error) {
		if m.Clock().Sub(conn.SyncedAt) < RefreshEvery/2 {
			return false, nil
		}
		_, err = m.Refresh(ctx, conn.Account)
		return true, err
	})
}

// each does something with every connected CRM. One that was asked and gave no error
// answers again.
func (m *Mirror) each(ctx context.Context, do func(ctx context.Context, conn switchboard.Connection, c CRM) (asked bool, err error)) error {
	conns, err := m.Store.ActiveConnections(ctx)
	if err != nil {
		return fmt.Errorf("list connections: %w", err)
	}
	for _, conn := range conns {
		asked := false
		c, err := m.Open(conn)
		if err == nil {
			asked, err = do(ctx, conn, c)
		}
		if err == nil && asked && !conn.DownSince.IsZero() {
			err = m.Store.InTx(ctx, func(tx switchboard.Tx) error { return m.Store.ConnectionUp(ctx, tx, conn) })
		}
		if err != nil {
			m.Logger.Warn("the CRM could not be read", "account", conn.Account, "error", m.failed(ctx, conn, err))
		}
	}
	return ctx.Err()
}

func (m *Mirror) poll(ctx context.Context, conn switchboard.Connection, c CRM) (asked bool, err error) {
	if err := pollKind(ctx, m, conn, "contact", c.ChangedContacts, contactID, m.keepContact); err != nil {
		return true, err
	}
	return true, pollKind(ctx, m, conn, "deal", c.ChangedDeals, dealContact, m.keepDeal)
}

func contactID(c switchboard.Contact) switchboard.ContactID { return c.ID }
func dealContact(d switchboard.Deal) switchboard.ContactID  { return d.Contact }

// pollKind reads pages of one kind of record until there is no news. They are kept in
// the order of their contacts, in which everybody locks these.
func pollKind[T any](ctx context.Context, m *Mirror, conn switchboard.Connection, kind string,
	changed func(context.Context, Cursor) ([]T, Cursor, error), contact func(T) switchboard.ContactID,
	keep func(context.Context, switchboard.Tx, switchboard.AccountID, T) error) error {
	for range pollPages {
		position, err := m.Store.PollPosition(ctx, conn.Account, kind)
		if err != nil {
			return fmt.Errorf("read poll position: %w", err)
		}
		records, next, err := changed(ctx, Cursor(position))
		if err != nil {
			return fmt.Errorf("poll %ss: %w", kind, err)
		}
		if string(next) == position && len(records) == 0 {
			return nil
		}
		slices.SortStableFunc(records, func(a, b T) int { return cmp.Compare(contact(a), contact(b)) })
		err = m.Store.InTx(ctx, func(tx switchboard.Tx) error {
			for _, r := range records {
				if err := keep(ctx, tx, conn.Account, r); err != nil {
					return err
				}
			}
			return m.Store.SavePoll(ctx, tx, conn.Account, kind, string(next))
		})
		if err != nil {
			return fmt.Errorf("keep polled %ss: %w", kind, err)
		}
		if len(records) == 0 {
			return nil
		}
	}
	return nil
}

// keepContact mirrors contacts of our clients only.
func (m *Mirror) keepContact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, c switchboard.Contact) error {
	ours, err := m.Store.HasClient(ctx, tx, account, c.ID)
	if err != nil || !ours {
		return err
	}
	return m.Store.SaveContact(ctx, tx, account, c)
}

func (m *Mirror) keepDeal(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, d switchboard.Deal) error {
	if d.Contact == "" {
		return nil
	}
	ours, err := m.Store.HasClient(ctx, tx, account, d.Contact)
	if err != nil || !ours {
		return err
	}
	return m.Store.SaveDeal(ctx, tx, account, d)
}

func (m *Mirror) rotate(ctx context.Context, conn switchboard.Connection, c CRM) (asked bool, err error) {
	ids, err := m.Store.StaleContacts(ctx, conn.Account, 100)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	return true, m.reread(ctx, conn, c, ids)
}

func (m *Mirror) reread(ctx context.Context, conn switchboard.Connection, c CRM, ids []switchboard.ContactID) error {
	slices.Sort(ids) // the order in which all lock contacts
	contacts, err := c.Contacts(ctx, ids)
	if err != nil {
		return fmt.Errorf("read contacts: %w", err)
	}
	return m.Store.InTx(ctx, func(tx switchboard.Tx) error {
		for i, contact := range contacts {
			if err := m.Store.SaveContact(ctx, tx, conn.Account, contact); err != nil {
				return err
			}
			if i < len(ids) && contact.ID != ids[i] { // merged away: its clients follow the survivor
				if err := m.Store.MergeContact(ctx, tx, conn.Account, ids[i], contact.ID); err != nil {
					return err
				}
			}
			if err := m.Store.TouchContact(ctx, tx, conn.Account, contact.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// Freshen re-reads the owner of a client whose contact was last read more than a
// minute ago, when the CRM answers; a send asks for it first (OWNER-1). It never fails
// a send.
func (m *Mirror) Freshen(ctx context.Context, account switchboard.AccountID, client switchboard.ClientID) {
	contact, read, err := m.Store.ContactReadAt(ctx, account, client)
	if err != nil || m.Clock().Sub(read) < freshFor {
		return
	}
	conn, err := m.Store.Connection(ctx, nil, account)
	if err != nil || conn.State != switchboard.ConnectionActive || !conn.DownSince.IsZero() {
		return
	}
	c, err := m.Open(conn)
	if err == nil {
		err = m.reread(ctx, conn, c, []switchboard.ContactID{contact})
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		m.Logger.Info("the owner could not be read before sending", "account", account, "client", client, "error", err)
	}
}
