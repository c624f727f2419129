package hubspot

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"switchboard"
	"switchboard/crm"
)

// UpsertContact makes the contact, or gives the one that carries the client's unique
// property; repeating it makes nothing new (DEAL-3). When another contact holds the
// e-mail, that one is adopted: it gets our property if it carries none, and values
// only where it has none. An e-mail that HubSpot does not take is left out.
// One call; two to four in these rare cases.
func (c *Client) UpsertContact(ctx context.Context, n crm.NewContact) (switchboard.Contact, error) {
	r, err := c.upsertContact(ctx, n)
	if refusedEmail(err) && n.Email != "" {
		n.Email = ""
		r, err = c.upsertContact(ctx, n)
	}
	if err == nil {
		return r.contact(), nil
	}
	p := problemOf(err)
	if p == nil || !p.conflict() {
		return switchboard.Contact{}, err
	}
	return c.adoptContact(ctx, n, p.existing)
}

func (c *Client) upsertContact(ctx context.Context, n crm.NewContact) (record, error) {
	uid, props := string(n.Client), newContactProps(n)
	var a batchAnswer
	err := c.do(ctx, batchCall(contactsType, "upsert", inputs[upsertInput]{[]upsertInput{
		{ID: uid, IDProperty: ContactUID, Properties: props, TraceID: uid},
	}}), &a)
	switch {
	case err != nil:
		return record{}, err
	case len(a.Results) > 0:
		return withSent(a.Results[0], props), nil
	case len(a.Errors) > 0:
		return record{}, a.Errors[0].failure(props)
	}
	return record{}, &crm.Error{Class: crm.Lost, Err: errors.New("the answer lacks its record")}
}

func newContactProps(n crm.NewContact) map[string]string {
	// HubSpot wants a name or an e-mail.
	props := map[string]string{"firstname": cmp.Or(n.Name, n.Phone, n.Email, string(n.Client))}
	put := func(name, value string) {
		if value != "" {
			props[name] = value
		}
	}
	put("phone", n.Phone)
	put("email", n.Email)
	put(propOwner, string(n.Owner))
	return props
}

// withSent completes an answer that holds only some of the values just written.
func withSent(r record, sent map[string]string) record {
	for name, value := range sent {
		if _, ok := r.Properties[name]; !ok {
			r.Properties[name] = value
		}
	}
	return r
}

func refusedEmail(err error) bool {
	p := problemOf(err)
	return crm.ClassOf(err) == crm.Refused && p != nil && slices.Contains(p.Codes, "INVALID_EMAIL")
}

// adoptContact takes over the contact that holds a unique value of ours: its id if
// HubSpot named it, else found by our property or by the e-mail.
func (c *Client) adoptContact(ctx context.Context, n crm.NewContact, existing string) (switchboard.Contact, error) {
	r, err := c.findHolder(ctx, n, existing)
	if err != nil {
		return switchboard.Contact{}, err
	}
	holder := r.Properties[ContactUID]
	if holder == string(n.Client) {
		return r.contact(), nil // somebody was faster with the same client
	}
	missing := missingProps(r, n)
	if holder == "" {
		missing[ContactUID] = string(n.Client)
	}
	if len(missing) == 0 || holder != "" {
		return r.contact(), nil // another client's contact: one person, nothing to write
	}
	patched, err := c.patchContact(ctx, string(r.ID), missing)
	if p := problemOf(err); p != nil && p.conflict() {
		return c.contactByUID(ctx, n.Client)
	}
	if err != nil {
		return switchboard.Contact{}, err
	}
	maps.Copy(r.Properties, missing)
	r.Properties[modifiedProp[contactsType]] = patched.Properties[modifiedProp[contactsType]]
	r.UpdatedAt = patched.UpdatedAt
	return r.contact(), nil
}

// missingProps are values of ours for what the contact does not have. Nothing that a
// person typed is replaced.
func missingProps(r record, n crm.NewContact) map[string]string {
	props := map[string]string{}
	p := r.Properties
	if p["phone"] == "" && p["mobilephone"] == "" && n.Phone != "" {
		props["phone"] = n.Phone
	}
	if p["firstname"] == "" && p["lastname"] == "" && n.Name != "" {
		props["firstname"] = n.Name
	}
	if p[propOwner] == "" && n.Owner != "" {
		props[propOwner] = string(n.Owner)
	}
	return props
}

// findHolder reads the colliding contact. It may have gone meanwhile: then the whole
// is to be tried again.
func (c *Client) findHolder(ctx context.Context, n crm.NewContact, existing string) (record, error) {
	tries := []struct{ id, by string }{{existing, ""}, {string(n.Client), ContactUID}, {n.Email, "email"}}
	for _, try := range tries {
		if try.id == "" {
			continue
		}
		r, found, err := c.readRecord(ctx, contactsType, try.id, try.by, contactProps)
		if found || err != nil {
			return r, err
		}
	}
	return record{}, &crm.Error{Class: crm.Unavailable, Reason: "the contact that holds the value has gone"}
}

func (c *Client) contactByUID(ctx context.Context, client switchboard.ClientID) (switchboard.Contact, error) {
	r, found, err := c.readRecord(ctx, contactsType, string(client), ContactUID, contactProps)
	if err == nil && !found {
		err = &crm.Error{Class: crm.Unavailable, Reason: "the contact that holds the value has gone"}
	}
	return r.contact(), err
}

// readRecord reads one record by id or by a unique property: immediate, unlike search.
func (c *Client) readRecord(ctx context.Context, kind, id, idProperty string, props []string) (record, bool, error) {
	req := oneRecord(http.MethodGet, kind, id, idProperty)
	req.query.Set("properties", joined(props))
	var r record
	err := c.do(ctx, req, &r)
	if crm.ClassOf(err) == crm.Missing {
		return record{}, false, nil
	}
	return r, err == nil, err
}

func (c *Client) patchContact(ctx context.Context, id string, props map[string]string) (record, error) {
	req := oneRecord(http.MethodPatch, contactsType, id, "")
	req.body = map[string]any{"properties": props}
	req.write = true
	var r record
	err := c.do(ctx, req, &r)
	return r, err
}

// SetContactOwner makes owner responsible for the contact; "" makes nobody. One call,
// and a second one where HubSpot answers with the changed values only.
func (c *Client) SetContactOwner(ctx context.Context, id switchboard.ContactID, owner switchboard.OwnerID) (switchboard.Contact, error) {
	r, err := c.patchContact(ctx, string(id), map[string]string{propOwner: string(owner)})
	if err != nil {
		return switchboard.Contact{}, err
	}
	if r.has(contactProps) {
		return r.contact(), nil
	}
	r, found, err := c.readRecord(ctx, contactsType, string(r.ID), "", contactProps)
	if err == nil && !found {
		err = &crm.Error{Class: crm.Missing, Reason: "the contact has gone"}
	}
	return r.contact(), err
}

// Contacts re-reads contacts: one answer per id, in the order asked. The answer to a
// merged-away id carries the survivor's id; a missing one comes with Deleted. One call
// per hundred, and one for each id that HubSpot does not list.
func (c *Client) Contacts(ctx context.Context, ids []switchboard.ContactID) ([]switchboard.Contact, error) {
	known := map[string]switchboard.Contact{}
	var unique []string
	for _, id := range ids {
		if !slices.Contains(unique, string(id)) && id != "" {
			unique = append(unique, string(id))
		}
	}
	for chunk := range slices.Chunk(unique, maxBatch) {
		if err := c.readContacts(ctx, chunk, known); err != nil {
			return nil, err
		}
	}
	list := make([]switchboard.Contact, 0, len(ids))
	for _, id := range ids {
		contact, ok := known[string(id)]
		if !ok {
			contact = switchboard.Contact{ID: id, Deleted: true}
		}
		list = append(list, contact)
	}
	return list, nil
}

func (c *Client) readContacts(ctx context.Context, ids []string, into map[string]switchboard.Contact) error {
	records, err := c.batchRead(ctx, contactsType, "", ids, contactProps)
	if err != nil {
		return err
	}
	for _, r := range records {
		contact := r.contact()
		for _, old := range r.mergedIDs() {
			if _, ok := into[old]; !ok {
				into[old] = contact
			}
		}
		into[string(r.ID)] = contact
	}
	for _, id := range ids {
		if _, ok := into[id]; ok {
			continue
		}
		// A single read leads from a merged-away id to its survivor.
		r, found, err := c.readRecord(ctx, contactsType, id, "", contactProps)
		if err != nil {
			return err
		}
		if found {
			into[id] = r.contact()
		}
	}
	return nil
}

// batchRead reads at most a hundred records; missing ones are left out.
func (c *Client) batchRead(ctx context.Context, kind, idProperty string, ids, props []string) ([]record, error) {
	a, err := c.batchReadAnswer(ctx, kind, idProperty, ids, props)
	return a.Results, err
}

func (c *Client) batchReadAnswer(ctx context.Context, kind, idProperty string, ids, props []string) (batchAnswer, error) {
	in := readInput{Properties: props, History: []string{}, IDProperty: idProperty}
	for _, id := range ids {
		in.Inputs = append(in.Inputs, idInput{id})
	}
	var a batchAnswer
	err := c.do(ctx, batchCall(kind, "read", in), &a)
	return a, err
}

func problemOf(err error) *Problem {
	p, _ := errors.AsType[*Problem](err)
	return p
}

// failure makes the error of one refused input of a batch.
func (r refusal) failure(sent map[string]string) *crm.Error {
	p, private := r.problem(), map[string]bool{}
	for _, value := range sent {
		addWords(private, value)
	}
	e := &crm.Error{Class: crm.Refused, Status: http.StatusMultiStatus, Reason: reason(p, r.Message, private), Err: p}
	switch {
	case p.targetGone():
		e.Class = crm.Missing
	case p.Category == "LOCKED" || p.Category == "OBJECT_LOCKED":
		e.Class, e.After = crm.Locked, lockedWait
	case p.Category == "RATE_LIMITS":
		e.Class, e.After = crm.Limited, rollingWait
	case strings.Contains(p.Category, "INTERNAL"):
		e.Class = crm.Unavailable
	}
	return e
}
