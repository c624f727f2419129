package hubspot

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"switchboard"
	"switchboard/crm"
)

const (
	// overlap is how far each sweep begins before the newest change seen: a change may
	// stay invisible to search for about half of it.
	overlap = 60 * time.Second
	// maxSeen bounds what a cursor remembers; beyond it changes come twice, which the
	// reader's own "older news is ignored" takes.
	maxSeen = 5000
	// maxSilentPages is how many pages without news one call reads.
	maxSilentPages = 10
)

// progress is what a Cursor holds. All moments are HubSpot's own, in milliseconds.
//
// Changes are read in sweeps: from Floor to the end, ascending, page by page; a page
// starts at the time at which the last one ended (never at an offset: records move
// while we read). Where a whole page has one and the same time, the records of that
// time are read by id (Tie). What was delivered is in Seen until no later sweep can
// meet it. The next sweep starts at High minus the overlap, because a change older
// than the newest one may have been invisible.
type progress struct {
	Floor int64 `json:"floor"`
	High  int64 `json:"high"`
	// Pos is where the sweep under way stands, 0 between sweeps; Pages counts its pages.
	Pos   int64  `json:"pos,omitempty"`
	Pages int    `json:"pages,omitempty"`
	Tie   string `json:"tie,omitempty"`
	// Quiet is HubSpot's time after a long sweep. What was changed before it, less the
	// overlap, is visible to the next sweep, which therefore need not be repeated.
	Quiet int64            `json:"quiet,omitempty"`
	Seen  map[string]int64 `json:"seen,omitempty"`
}

func parseCursor(since crm.Cursor) (progress, error) {
	p := progress{}
	if err := json.Unmarshal([]byte(since), &p); err != nil || p.Floor < 0 || p.Pos < 0 {
		return p, &crm.Error{Class: crm.Refused, Reason: "the stored place in the changes cannot be read"}
	}
	return p, nil
}

func (p progress) cursor() crm.Cursor {
	b, err := json.Marshal(p)
	if err != nil {
		panic("encode numbers and texts: " + err.Error())
	}
	return crm.Cursor(b)
}

// ChangedContacts lists contacts changed since the cursor. An empty cursor starts with
// the changes of the last minute before the newest one. No clock of ours is asked. A
// caller reads on until nothing comes. One search per page.
func (c *Client) ChangedContacts(ctx context.Context, since crm.Cursor) ([]switchboard.Contact, crm.Cursor, error) {
	records, next, err := c.changes(ctx, contactsType, contactProps, since)
	if err != nil {
		return nil, since, err
	}
	list := make([]switchboard.Contact, 0, len(records))
	for _, r := range records {
		list = append(list, r.contact())
	}
	return list, next, nil
}

// ChangedDeals lists deals changed since the cursor, as ChangedContacts does, with the
// contact each belongs to (the oldest, of several). One call more when there are any.
func (c *Client) ChangedDeals(ctx context.Context, since crm.Cursor) ([]switchboard.Deal, crm.Cursor, error) {
	records, next, err := c.changes(ctx, dealsType, dealProps, since)
	if err != nil {
		return nil, since, err
	}
	var ids []string
	for _, r := range records {
		ids = append(ids, string(r.ID))
	}
	owners, err := c.associated(ctx, dealsType, contactsType, ids)
	if err != nil {
		return nil, since, err
	}
	list := make([]switchboard.Deal, 0, len(records))
	for _, r := range records {
		var contact switchboard.ContactID
		if of := owners[string(r.ID)]; len(of) > 0 {
			contact = switchboard.ContactID(of[0])
		}
		list = append(list, c.deal(r, contact))
	}
	return list, next, nil
}

func (c *Client) changes(ctx context.Context, kind string, props []string, since crm.Cursor) ([]record, crm.Cursor, error) {
	p, err := c.place(ctx, kind, since)
	if err != nil {
		return nil, since, err
	}
	for range maxSilentPages {
		a, err := c.search(ctx, kind, p.query(kind, props))
		if err != nil {
			return nil, since, err
		}
		news := p.take(kind, a)
		if p.Pos == 0 && p.Pages > 1 {
			if p.Quiet, err = c.serverTime(ctx, kind, a); err != nil {
				return nil, since, err
			}
		}
		if len(news) > 0 || p.Pos == 0 {
			return news, p.cursor(), nil
		}
	}
	return nil, p.cursor(), nil
}

// place reads the cursor; an empty one begins at the newest change there is.
func (c *Client) place(ctx context.Context, kind string, since crm.Cursor) (progress, error) {
	if since != "" {
		return parseCursor(since)
	}
	a, err := c.search(ctx, kind, searchInput{Properties: []string{modifiedProp[kind]}, Limit: 1, After: "0",
		Sorts: []sorting{{modifiedProp[kind], "DESCENDING"}}})
	if err != nil || len(a.Results) == 0 {
		return progress{}, err
	}
	newest := a.Results[0].changed(kind).UnixMilli()
	return progress{Floor: max(newest-overlap.Milliseconds(), 0), High: newest}, nil
}

func millis(ms int64) string { return strconv.FormatInt(ms, 10) }

// query asks for the next page.
func (p *progress) query(kind string, props []string) searchInput {
	if p.Pos == 0 {
		p.Pos, p.Pages = max(p.Floor, 1), 0
	}
	by, at := modifiedProp[kind], millis(p.Pos)
	in := searchInput{Properties: props, Limit: searchPage, After: "0", Sorts: []sorting{{by, "ASCENDING"}},
		Groups: []group{{[]filter{{Property: by, Operator: "GTE", Value: at}}}}}
	if p.Tie != "" {
		in.Sorts[0].Property = propObjectID
		in.Groups = []group{{[]filter{
			{Property: by, Operator: "BETWEEN", Value: at, High: at},
			{Property: propObjectID, Operator: "GT", Value: p.Tie},
		}}}
	}
	return in
}

// take moves on by a page and gives the records that were not delivered before.
func (p *progress) take(kind string, a searchAnswer) []record {
	if p.Seen == nil {
		p.Seen = map[string]int64{}
	}
	var news []record
	for _, r := range a.Results {
		at := r.changed(kind).UnixMilli()
		if seen, ok := p.Seen[string(r.ID)]; ok && seen >= at {
			continue
		}
		p.Seen[string(r.ID)] = at
		p.High = max(p.High, at)
		news = append(news, r)
	}
	p.Pages++
	p.advance(kind, a)
	p.forget()
	return news
}

// advance moves the place within the sweep, or ends the sweep.
func (p *progress) advance(kind string, a searchAnswer) {
	more := len(a.Results) > 0 && (a.Paging.Next.After != "" || len(a.Results) >= searchPage)
	var last record
	if more {
		last = a.Results[len(a.Results)-1]
	}
	switch {
	case p.Tie != "" && more && compareIDs(string(last.ID), p.Tie) > 0:
		p.Tie = string(last.ID)
	case p.Tie != "": // all records of that time are read
		p.Tie, p.Pos = "", p.Pos+1
	case more && last.changed(kind).UnixMilli() > p.Pos:
		p.Pos = last.changed(kind).UnixMilli()
	case more:
		p.Tie = "0"
	default:
		p.finish()
	}
}

// finish ends a sweep.
func (p *progress) finish() {
	p.Floor = max(p.Floor, p.High-overlap.Milliseconds())
	if p.Quiet > 0 {
		p.Floor = max(p.Floor, min(p.High+1, p.Quiet-overlap.Milliseconds()))
	}
	p.Pos, p.Quiet = 0, 0
}

// forget drops what no later page can show again.
func (p *progress) forget() {
	floor := max(p.Floor, p.High-overlap.Milliseconds())
	if p.Pos > 0 {
		floor = min(p.Pos, floor)
	} else {
		floor = p.Floor
	}
	maps.DeleteFunc(p.Seen, func(_ string, at int64) bool { return at < floor })
	if len(p.Seen) <= maxSeen {
		return
	}
	ids := slices.SortedFunc(maps.Keys(p.Seen), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.Seen[a], p.Seen[b]), compareIDs(a, b))
	})
	for _, id := range ids[:len(ids)-maxSeen] {
		delete(p.Seen, id)
	}
}

// serverTime asks HubSpot for its time, which the answers of batch reads carry.
func (c *Client) serverTime(ctx context.Context, kind string, a searchAnswer) (int64, error) {
	if len(a.Results) == 0 {
		return 0, nil
	}
	last := a.Results[len(a.Results)-1]
	answer, err := c.batchReadAnswer(ctx, kind, "", []string{string(last.ID)}, []string{propObjectID})
	if err != nil || answer.CompletedAt.IsZero() {
		return 0, err
	}
	return answer.CompletedAt.UnixMilli(), nil
}
