package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"switchboard"
)

var (
	saveContact = query("mirror a contact", `
		INSERT INTO contact (account_id, id, name, phone, email, owner_id, deleted, updated_at, created_at, read_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (account_id, id) DO UPDATE SET name = EXCLUDED.name, phone = EXCLUDED.phone, email = EXCLUDED.email,
			owner_id = EXCLUDED.owner_id, deleted = EXCLUDED.deleted, updated_at = EXCLUDED.updated_at, read_at = EXCLUDED.read_at
		WHERE (contact.updated_at <= EXCLUDED.updated_at OR EXCLUDED.deleted = 1)
		AND (contact.name <> EXCLUDED.name OR contact.phone <> EXCLUDED.phone OR contact.email <> EXCLUDED.email
			OR contact.owner_id <> EXCLUDED.owner_id OR contact.deleted <> EXCLUDED.deleted)`)
	sameContact = query("note that a contact was read and is the same", `
		UPDATE contact SET read_at = CASE WHEN read_at < $3 THEN $3 ELSE read_at END,
			updated_at = CASE WHEN updated_at < $4 THEN $4 ELSE updated_at END
		WHERE account_id = $1 AND id = $2 AND updated_at <= $4`)
	touchContact       = query("note that a contact was read", `UPDATE contact SET read_at = $3 WHERE account_id = $1 AND id = $2 AND read_at < $3`)
	moveContactClients = query("move a merged contact's clients", `UPDATE client SET contact_id = $3 WHERE account_id = $1 AND contact_id = $2`)
	moveContactDeals   = query("move a merged contact's deals", `UPDATE deal SET contact_id = $3 WHERE account_id = $1 AND contact_id = $2`)
	moveContactEntries = query("move a merged contact's open timeline entries", `
		UPDATE timeline_intent SET contact_id = $3 WHERE account_id = $1 AND contact_id = $2 AND state IN ('todo', 'sent')`)
	dropContact = query("drop a merged contact", `DELETE FROM contact WHERE account_id = $1 AND id = $2`)
	readContact = query("read a mirrored contact", `
		SELECT name, phone, email, owner_id, deleted, updated_at, created_at FROM contact WHERE account_id = $1 AND id = $2`)
	knownContact = query("say whether a contact has a client", `
		SELECT 1 FROM client WHERE account_id = $1 AND contact_id = $2 AND contact_id <> '' LIMIT 1`)
	contactClients = query("list the clients of a contact", `SELECT id FROM client WHERE account_id = $1 AND contact_id = $2 AND contact_id <> '' ORDER BY id`)
	staleContacts  = query("list linked contacts by age of their reading", `
		SELECT t.id FROM contact t WHERE t.account_id = $1 AND t.deleted = 0
		AND EXISTS (SELECT 1 FROM client c WHERE c.account_id = t.account_id AND c.contact_id = t.id)
		ORDER BY t.read_at LIMIT $2`)
	contactReadAt = query("read when a client's contact was read", `
		SELECT t.id, t.read_at FROM client c JOIN contact t ON t.account_id = c.account_id AND t.id = c.contact_id
		WHERE c.account_id = $1 AND c.id = $2`)
	saveDeal = query("mirror a deal", `
		INSERT INTO deal (account_id, id, contact_id, name, pipeline_id, stage_id, owner_id, open, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (account_id, id) DO UPDATE SET contact_id = CASE WHEN EXCLUDED.contact_id = '' THEN deal.contact_id ELSE EXCLUDED.contact_id END,
			name = EXCLUDED.name, pipeline_id = EXCLUDED.pipeline_id, stage_id = EXCLUDED.stage_id, owner_id = EXCLUDED.owner_id,
			open = EXCLUDED.open, updated_at = EXCLUDED.updated_at
		WHERE deal.updated_at <= EXCLUDED.updated_at`)
	readDeal = query("read a mirrored deal", `
		SELECT contact_id, name, pipeline_id, stage_id, owner_id, open, updated_at FROM deal WHERE account_id = $1 AND id = $2`)
	listDeals = query("list a contact's deals", `
		SELECT id, name, pipeline_id, stage_id, owner_id, open, updated_at FROM deal
		WHERE account_id = $1 AND contact_id = $2 ORDER BY open DESC, id DESC LIMIT 100`)
	saveOwner = query("mirror an owner", `
		INSERT INTO crm_owner (account_id, owner_id, user_id, email, name, active) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, owner_id) DO UPDATE SET user_id = EXCLUDED.user_id, email = EXCLUDED.email, name = EXCLUDED.name,
			active = EXCLUDED.active`)
	listOwners   = query("list mirrored owners", `SELECT owner_id, user_id, email, name, active FROM crm_owner WHERE account_id = $1 ORDER BY owner_id`)
	dropOwnerRow = query("drop a mirrored owner", `DELETE FROM crm_owner WHERE account_id = $1 AND owner_id = $2`)
	savePipeline = query("mirror a pipeline", `
		INSERT INTO crm_pipeline (account_id, pipeline_id, label, position, stages) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account_id, pipeline_id) DO UPDATE SET label = EXCLUDED.label, position = EXCLUDED.position, stages = EXCLUDED.stages`)
	dropPipeline  = query("drop a mirrored pipeline", `DELETE FROM crm_pipeline WHERE account_id = $1 AND pipeline_id = $2`)
	listPipelines = query("list mirrored pipelines", `
		SELECT pipeline_id, label, position, stages FROM crm_pipeline WHERE account_id = $1 ORDER BY position, pipeline_id`)
	savePoll = query("note how far a poll got", `
		INSERT INTO crm_poll (account_id, kind, position, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account_id, kind) DO UPDATE SET position = EXCLUDED.position, at = EXCLUDED.at`)
	readPoll = query("read how far a poll got", `SELECT position FROM crm_poll WHERE account_id = $1 AND kind = $2`)
)

// SaveContact mirrors a contact when it is not older than what we have, and moves the
// rights of its clients' chats with it (OWNER-1). One that is the same, as most are that
// polling reads again, tells nobody.
func (s *Store) SaveContact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, c switchboard.Contact) error {
	n, err := s.on(tx).exec(ctx, saveContact, account, c.ID, c.Name, c.Phone, c.Email, c.Owner, bit(c.Deleted), ms(c.UpdatedAt),
		ms(c.CreatedAt), ms(s.clock()))
	if err != nil {
		return err
	}
	if n == 0 {
		_, err := s.on(tx).exec(ctx, sameContact, account, c.ID, ms(s.clock()), ms(c.UpdatedAt))
		return err
	}
	return s.refreshContact(ctx, tx, account, c.ID)
}

// TouchContact notes that a contact was read and had not changed.
func (s *Store) TouchContact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ContactID) error {
	_, err := s.on(tx).exec(ctx, touchContact, account, id, ms(s.clock()))
	return err
}

// MergeContact lets everything of a contact that was merged away follow the survivor,
// which must be mirrored already.
func (s *Store) MergeContact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, from, into switchboard.ContactID) error {
	for _, q := range []*Query{moveContactClients, moveContactDeals, moveContactEntries} {
		if _, err := s.on(tx).exec(ctx, q, account, from, into); err != nil {
			return err
		}
	}
	if _, err := s.on(tx).exec(ctx, dropContact, account, from); err != nil {
		return err
	}
	return s.refreshContact(ctx, tx, account, into)
}

func (s *Store) refreshContact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ContactID) error {
	r, err := s.on(tx).many(ctx, contactClients, account, id)
	clients, err := collect(r, err, func(r row) (c switchboard.ClientID, err error) { return c, r.Scan(&c) })
	if err != nil {
		return err
	}
	for _, client := range clients {
		if err := s.RefreshOwners(ctx, tx, account, client); err != nil {
			return fmt.Errorf("refresh owners: %w", err)
		}
		s.Emit(tx, switchboard.Event{Account: account, Kind: switchboard.EventClientChanged, Client: client})
	}
	return nil
}

// Contact reads a mirrored contact. tx may be nil.
func (s *Store) Contact(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ContactID) (c switchboard.Contact, err error) {
	var deleted, updated, created int64
	c.ID = id
	err = scan(s.on(tx).one(ctx, readContact, account, id), &c.Name, &c.Phone, &c.Email, &c.Owner, &deleted, &updated, &created)
	c.Deleted, c.UpdatedAt, c.CreatedAt = deleted == 1, at(updated), at(created)
	return c, err
}

// HasClient says whether a contact belongs to one of our clients.
func (s *Store) HasClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ContactID) (bool, error) {
	var one int64
	err := scan(s.on(tx).one(ctx, knownContact, account, id), &one)
	if errors.Is(err, switchboard.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// StaleContacts lists linked contacts, those read longest ago first.
func (s *Store) StaleContacts(ctx context.Context, account switchboard.AccountID, limit int) ([]switchboard.ContactID, error) {
	r, err := s.on(nil).many(ctx, staleContacts, account, limit)
	return collect(r, err, func(r row) (id switchboard.ContactID, err error) { return id, r.Scan(&id) })
}

// ContactReadAt tells which contact a client has and when it was last read.
func (s *Store) ContactReadAt(ctx context.Context, account switchboard.AccountID, client switchboard.ClientID) (id switchboard.ContactID, read time.Time, err error) {
	var when int64
	err = scan(s.on(nil).one(ctx, contactReadAt, account, client), &id, &when)
	return id, at(when), err
}

// SaveDeal mirrors a deal when it is not older than what we have.
func (s *Store) SaveDeal(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, d switchboard.Deal) error {
	had, err := s.Deal(ctx, tx, account, d.ID)
	if err != nil && !errors.Is(err, switchboard.ErrNotFound) {
		return err
	}
	n, err := s.on(tx).exec(ctx, saveDeal, account, d.ID, d.Contact, d.Name, d.Pipeline, d.Stage, d.Owner, bit(d.Open), ms(d.UpdatedAt))
	if err != nil || n == 0 {
		return err
	}
	if had.Contact != "" && had.Contact != d.Contact && d.Contact != "" { // moved to another contact
		if err := s.refreshContact(ctx, tx, account, had.Contact); err != nil {
			return err
		}
	}
	if d.Contact == "" {
		d.Contact = had.Contact
	}
	return s.refreshContact(ctx, tx, account, d.Contact)
}

// Deal reads a mirrored deal. tx may be nil.
func (s *Store) Deal(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.DealID) (d switchboard.Deal, err error) {
	var open, updated int64
	d.ID = id
	err = scan(s.on(tx).one(ctx, readDeal, account, id), &d.Contact, &d.Name, &d.Pipeline, &d.Stage, &d.Owner, &open, &updated)
	d.Open, d.UpdatedAt = open == 1, at(updated)
	return d, err
}

// Deals lists a contact's deals, open ones first. tx may be nil.
func (s *Store) Deals(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, contact switchboard.ContactID) ([]switchboard.Deal, error) {
	r, err := s.on(tx).many(ctx, listDeals, account, contact)
	return collect(r, err, func(r row) (d switchboard.Deal, err error) {
		var open, updated int64
		err = r.Scan(&d.ID, &d.Name, &d.Pipeline, &d.Stage, &d.Owner, &open, &updated)
		d.Contact, d.Open, d.UpdatedAt = contact, open == 1, at(updated)
		return d, err
	})
}

// SaveOwner mirrors an owner.
func (s *Store) SaveOwner(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, o switchboard.Owner) error {
	_, err := s.on(tx).exec(ctx, saveOwner, account, o.ID, o.UserID, o.Email, o.Name, bit(o.Active))
	return err
}

// DropOwner forgets an owner whom the CRM does not list any more.
func (s *Store) DropOwner(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.OwnerID) error {
	_, err := s.on(tx).exec(ctx, dropOwnerRow, account, id)
	return err
}

// Owners lists mirrored owners. tx may be nil.
func (s *Store) Owners(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Owner, error) {
	r, err := s.on(tx).many(ctx, listOwners, account)
	return collect(r, err, func(r row) (o switchboard.Owner, err error) {
		var active int64
		err = r.Scan(&o.ID, &o.UserID, &o.Email, &o.Name, &active)
		o.Active = active == 1
		return o, err
	})
}

// SavePipelines replaces the mirrored pipelines.
func (s *Store) SavePipelines(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, now []switchboard.Pipeline) error {
	had, err := s.Pipelines(ctx, tx, account)
	if err != nil {
		return err
	}
	keep := map[switchboard.PipelineID]bool{}
	for _, p := range now {
		keep[p.ID] = true
		stages, err := json.Marshal(p.Stages)
		if err != nil {
			return fmt.Errorf("encode stages: %w", err)
		}
		if _, err := s.on(tx).exec(ctx, savePipeline, account, p.ID, p.Label, p.Position, string(stages)); err != nil {
			return err
		}
	}
	for _, p := range had {
		if keep[p.ID] {
			continue
		}
		if _, err := s.on(tx).exec(ctx, dropPipeline, account, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// Pipelines lists mirrored pipelines. tx may be nil.
func (s *Store) Pipelines(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Pipeline, error) {
	r, err := s.on(tx).many(ctx, listPipelines, account)
	return collect(r, err, func(r row) (p switchboard.Pipeline, err error) {
		var stages string
		if err := r.Scan(&p.ID, &p.Label, &p.Position, &stages); err != nil {
			return p, err
		}
		return p, json.Unmarshal([]byte(stages), &p.Stages)
	})
}

// PollPosition reads how far polling of a kind got, "" at the beginning.
func (s *Store) PollPosition(ctx context.Context, account switchboard.AccountID, kind string) (position string, err error) {
	err = scan(s.on(nil).one(ctx, readPoll, account, kind), &position)
	if errors.Is(err, switchboard.ErrNotFound) {
		return "", nil
	}
	return position, err
}

// SavePoll notes how far polling of a kind got, with what it brought.
func (s *Store) SavePoll(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, kind, position string) error {
	_, err := s.on(tx).exec(ctx, savePoll, account, kind, position, ms(s.clock()))
	return err
}
