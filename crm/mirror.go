package crm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"switchboard"
)

// MirrorStore is what the mirror needs of the database.
type MirrorStore interface {
	HealthStore
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	Connection(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (switchboard.Connection, error)
	ActiveConnections(ctx context.Context) ([]switchboard.Connection, error)
	ConnectionSynced(ctx context.Context, tx switchboard.Tx, c switchboard.Connection) error
	SaveContact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, c switchboard.Contact) error
	Contact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ContactID) (switchboard.Contact, error)
	MergeContact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, from, into switchboard.ContactID) error
	TouchContact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ContactID) error
	HasClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ContactID) (bool, error)
	StaleContacts(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.ContactID, error)
	ContactReadAt(ctx context.Context, account switchboard.AccountID, client switchboard.ClientID) (switchboard.ContactID, time.Time, error)
	SaveDeal(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, d switchboard.Deal) error
	SaveOwner(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, o switchboard.Owner) error
	DropOwner(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.OwnerID) error
	Owners(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Owner, error)
	Pipelines(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Pipeline, error)
	SavePipelines(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, now []switchboard.Pipeline) error
	PollPosition(ctx context.Context, account switchboard.AccountID, kind string) (string, error)
	SavePoll(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, kind, position string) error
	Employee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (switchboard.Employee, error)
	Employees(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Employee, error)
	AddEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, e switchboard.Employee) error
	SaveEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, e switchboard.Employee) error
}

// Mirror keeps our copy of owners, pipelines, contacts and deals.
type Mirror struct {
	Store  MirrorStore
	Open   Opener
	Clock  func() time.Time
	Random io.Reader
	Logger *slog.Logger
}

// Intervals of the mirror.
const (
	PollEvery    = 10 * time.Second // changed records (OWNER-1)
	RotateEvery  = 30 * time.Second // 100 linked contacts re-read by id
	RefreshEvery = 15 * time.Minute // owners and pipelines (SET-3)
	freshFor     = 60 * time.Second // a send re-reads an older owner
	pollPages    = 20               // pages of one kind per round
)

// Refresh re-reads owners and pipelines and says what changed (SET-3). New owners
// become employees, archived ones stop receiving.
func (m *Mirror) Refresh(ctx context.Context, account switchboard.AccountID) (d switchboard.CRMDifference, err error) {
	conn, err := m.Store.Connection(ctx, nil, account)
	if err != nil {
		return d, fmt.Errorf("read connection: %w", err)
	}
	c, err := m.Open(conn)
	if err != nil {
		return d, err
	}
	owners, err := c.Owners(ctx)
	if err != nil {
		return d, m.failed(ctx, conn, fmt.Errorf("read owners: %w", err))
	}
	pipelines, err := c.Pipelines(ctx)
	if err != nil {
		return d, m.failed(ctx, conn, fmt.Errorf("read pipelines: %w", err))
	}
	err = m.Store.InTx(ctx, func(tx switchboard.Tx) error {
		d = switchboard.CRMDifference{}
		if err := m.saveOwners(ctx, tx, account, owners, &d); err != nil {
			return err
		}
		if err := m.savePipelines(ctx, tx, account, pipelines, &d); err != nil {
			return err
		}
		if err := m.Store.ConnectionUp(ctx, tx, conn); err != nil {
			return err
		}
		return m.Store.ConnectionSynced(ctx, tx, conn)
	})
	return d, err
}

// failed notes an outage or a broken connection and passes the cause on.
func (m *Mirror) failed(ctx context.Context, conn switchboard.Connection, cause error) error {
	var e *Error
	if !errors.As(cause, &e) {
		return cause
	}
	err := m.Store.InTx(ctx, func(tx switchboard.Tx) error { return noteHealth(ctx, tx, m.Store, conn, e) })
	return errors.Join(cause, err)
}

func (m *Mirror) saveOwners(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, now []switchboard.Owner, d *switchboard.CRMDifference) error {
	had, err := m.Store.Owners(ctx, tx, account)
	if err != nil {
		return fmt.Errorf("read mirrored owners: %w", err)
	}
	listed := map[switchboard.OwnerID]bool{}
	slices.SortStableFunc(now, leftFirst)
	for _, o := range now {
		listed[o.ID] = true
		if err := m.Store.SaveOwner(ctx, tx, account, o); err != nil {
			return fmt.Errorf("mirror owner: %w", err)
		}
		if err := m.matchEmployee(ctx, tx, account, o, d); err != nil {
			return err
		}
	}
	for _, o := range had {
		if listed[o.ID] {
			continue
		}
		o.Active = false
		if err := m.matchEmployee(ctx, tx, account, o, d); err != nil {
			return err
		}
		if err := m.Store.DropOwner(ctx, tx, account, o.ID); err != nil {
			return fmt.Errorf("drop owner: %w", err)
		}
	}
	return nil
}

// leftFirst puts those who left the CRM in front: who is back then finds the employee free.
func leftFirst(a, b switchboard.Owner) int {
	switch {
	case a.Active == b.Active:
		return 0
	case a.Active:
		return 1
	}
	return -1
}

// matchEmployee finds the employee of an owner by CRM id, then by e-mail (one who left
// the CRM may be back under another id), and adds the one nobody knows yet.
func (m *Mirror) matchEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, o switchboard.Owner, d *switchboard.CRMDifference) error {
	all, err := m.Store.Employees(ctx, tx, account)
	if err != nil {
		return fmt.Errorf("read employees: %w", err)
	}
	email := strings.ToLower(o.Email)
	i := slices.IndexFunc(all, func(e switchboard.Employee) bool { return e.Owner == o.ID })
	if i < 0 {
		i = slices.IndexFunc(all, func(e switchboard.Employee) bool {
			return e.Email == email && email != "" && (e.Owner == "" || o.Active && !e.ActiveInCRM)
		})
	}
	if i < 0 {
		if !o.Active || email == "" || slices.ContainsFunc(all, func(e switchboard.Employee) bool { return e.Email == email }) {
			return nil
		}
		d.EmployeesAdded = append(d.EmployeesAdded, o.Name)
		return m.Store.AddEmployee(ctx, tx, account, switchboard.Employee{ID: switchboard.EmployeeID(switchboard.NewUUID(m.Clock(), m.Random)),
			Email: email, Name: o.Name, Owner: o.ID, Active: true, ActiveInCRM: true})
	}
	e := all[i]
	if e.Owner == o.ID && e.ActiveInCRM == o.Active && e.Name == o.Name {
		return nil
	}
	if e.ActiveInCRM && !o.Active {
		d.EmployeesGone = append(d.EmployeesGone, o.Name)
	} else if !e.ActiveInCRM && o.Active {
		d.EmployeesAdded = append(d.EmployeesAdded, o.Name)
	}
	e.Owner, e.ActiveInCRM = o.ID, o.Active
	if o.Name != "" {
		e.Name = o.Name
	}
	return m.Store.SaveEmployee(ctx, tx, account, e)
}

func (m *Mirror) savePipelines(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, now []switchboard.Pipeline, d *switchboard.CRMDifference) error {
	had, err := m.Store.Pipelines(ctx, tx, account)
	if err != nil {
		return fmt.Errorf("read mirrored pipelines: %w", err)
	}
	if err := m.Store.SavePipelines(ctx, tx, account, now); err != nil {
		return fmt.Errorf("mirror pipelines: %w", err)
	}
	before, after := names(had), names(now)
	d.PipelinesAdded, d.PipelinesGone = missing(after.pipelines, before.pipelines), missing(before.pipelines, after.pipelines)
	d.StagesAdded, d.StagesGone = missing(after.stages, before.stages), missing(before.stages, after.stages)
	return nil
}

type labels struct{ pipelines, stages map[string]string }

func names(all []switchboard.Pipeline) labels {
	l := labels{map[string]string{}, map[string]string{}}
	for _, p := range all {
		l.pipelines[string(p.ID)] = p.Label
		for _, st := range p.Stages {
			l.stages[string(p.ID)+"/"+string(st.ID)] = p.Label + " / " + st.Label
		}
	}
	return l
}

func missing(in, from map[string]string) []string {
	out := []string{}
	for id, name := range in {
		if _, there := from[id]; !there {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
