package hubspot

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"switchboard"
	"switchboard/crm"
)

func (c *Client) deal(r record, contact switchboard.ContactID) switchboard.Deal {
	p := r.Properties
	d := switchboard.Deal{
		ID: switchboard.DealID(r.ID), Contact: contact, Name: p["dealname"],
		Pipeline: switchboard.PipelineID(p["pipeline"]), Stage: switchboard.StageID(p["dealstage"]),
		Owner: switchboard.OwnerID(p[propOwner]), UpdatedAt: r.changed(dealsType),
	}
	closed := p["hs_is_closed"] == "true"
	if p["hs_is_closed"] == "" {
		closed = c.shared.stageClosed(d.Pipeline, d.Stage)
	}
	d.Open = !closed && !r.Archived
	return d
}

// UpsertDeal makes the deal with its association to the contact in one call, or gives
// the one that carries the client's unique property; repeating it makes nothing new
// (DEAL-3). After a lost answer it looks once, and says crm.Lost when nothing is there
// yet. One or two calls.
func (c *Client) UpsertDeal(ctx context.Context, n crm.NewDeal) (switchboard.Deal, error) {
	props := newDealProps(n)
	req := call{method: http.MethodPost, route: objects(dealsType), path: objects(dealsType), write: true,
		body: createInput{Properties: props, Associations: []association{
			c.associate(dealsType, contactsType, string(n.Contact)),
		}}}
	var r record
	err := c.do(ctx, req, &r)
	if err == nil {
		return c.deal(withSent(r, props), n.Contact), nil
	}
	p := problemOf(err)
	taken := p != nil && (p.conflict() || crm.ClassOf(err) == crm.Refused && p.names(DealUID))
	if !taken && crm.ClassOf(err) != crm.Lost {
		return switchboard.Deal{}, err
	}
	r, found, lookErr := c.readRecord(ctx, dealsType, string(n.Client), DealUID, dealProps)
	switch {
	case found:
		return c.deal(r, n.Contact), nil
	case taken && lookErr != nil:
		return switchboard.Deal{}, lookErr
	}
	return switchboard.Deal{}, err
}

func newDealProps(n crm.NewDeal) map[string]string {
	props := map[string]string{
		"dealname": cmp.Or(n.Name, string(n.Client)), "pipeline": string(n.Pipeline),
		"dealstage": string(n.Stage), DealUID: string(n.Client),
	}
	if n.Owner != "" {
		props[propOwner] = string(n.Owner)
	}
	return props
}

// DealsOfContact reads the contact's deals, open and closed. Two calls, and more for a
// contact with more than a hundred deals.
func (c *Client) DealsOfContact(ctx context.Context, id switchboard.ContactID) ([]switchboard.Deal, error) {
	req := oneRecord(http.MethodGet, contactsType, string(id), "")
	req.query.Set("associations", dealsType)
	req.query.Set("properties", propObjectID)
	var contact record
	if err := c.do(ctx, req, &contact); err != nil {
		return nil, err
	}
	ids, more := linkedDeals(contact)
	if more {
		linked, err := c.associated(ctx, contactsType, dealsType, []string{string(contact.ID)})
		if err != nil {
			return nil, err
		}
		ids = linked[string(contact.ID)]
	}
	var list []switchboard.Deal
	for chunk := range slices.Chunk(ids, maxBatch) {
		records, err := c.batchRead(ctx, dealsType, "", chunk, dealProps)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			list = append(list, c.deal(r, switchboard.ContactID(contact.ID)))
		}
	}
	return list, nil
}

// linkedDeals are the ids inside a contact's answer, each once; more tells that the
// answer does not hold them all.
func linkedDeals(contact record) (ids []string, more bool) {
	for _, name := range []string{dealsType, "0-3"} {
		links := contact.Associations[name]
		more = more || links.Paging.Next.After != ""
		for _, link := range links.Results {
			if !slices.Contains(ids, string(link.ID)) {
				ids = append(ids, string(link.ID))
			}
		}
	}
	return ids, more
}

type associationsAnswer struct {
	Status  string `json:"status"`
	Results []struct {
		From struct {
			ID text `json:"id"`
		} `json:"from"`
		To []struct {
			ID text `json:"toObjectId"`
		} `json:"to"`
		Paging paging `json:"paging"`
	} `json:"results"`
}

func (a *associationsAnswer) complete() bool { return a.Status != "" || a.Results != nil }

type pageInput struct {
	ID    string `json:"id"`
	After string `json:"after,omitempty"`
}

const (
	maxAssocRead  = 1000 // records per association read
	maxAssocPages = 50   // per record: a bound, not an expectation
)

// associated reads which records of kind to belong to each of the records, each id
// once, oldest first. One call per thousand records, and more where a record has many.
func (c *Client) associated(ctx context.Context, from, to string, ids []string) (map[string][]string, error) {
	linked := map[string][]string{}
	path := "/crm/associations/" + Version + "/" + from + "/" + to + "/batch/read"
	var asks []pageInput
	for _, id := range ids {
		asks = append(asks, pageInput{ID: id})
	}
	for round := 0; len(asks) > 0 && round < maxAssocPages*(1+len(ids)/maxAssocRead); round++ {
		now := asks[:min(len(asks), maxAssocRead)]
		asks = asks[len(now):]
		var a associationsAnswer
		req := call{method: http.MethodPost, route: path, path: path, body: inputs[pageInput]{now}}
		if err := c.do(ctx, req, &a); err != nil {
			return nil, err
		}
		asks = append(asks, a.into(linked)...)
	}
	if len(asks) > 0 {
		return nil, &crm.Error{Class: crm.Refused, Reason: "a record has too many associations"}
	}
	for id, list := range linked {
		slices.SortFunc(list, compareIDs)
		linked[id] = slices.Compact(list)
	}
	return linked, nil
}

// into adds the links and gives what is still to be asked.
func (a *associationsAnswer) into(linked map[string][]string) (more []pageInput) {
	for _, row := range a.Results {
		from := string(row.From.ID)
		for _, to := range row.To {
			linked[from] = append(linked[from], string(to.ID))
		}
		if after := row.Paging.Next.After; after != "" {
			more = append(more, pageInput{ID: from, After: string(after)})
		}
	}
	return more
}
