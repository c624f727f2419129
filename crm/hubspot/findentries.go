package hubspot

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"switchboard"
	"switchboard/crm"
)

// newestRead bounds how many entries of one contact are looked at, newest first.
const newestRead = 1000

// FindEntries tells which of the entries HubSpot has, with their records' ids. Empty
// contact means each entry's own: entries of many contacts are settled together.
// Where the account has our unique property one call per hundred entries and sink;
// else one for the associations and one per hundred entries that the contacts have.
func (c *Client) FindEntries(ctx context.Context, contact switchboard.ContactID, entries []crm.Entry) (map[crm.EntryKey]string, error) {
	found := map[crm.EntryKey]string{}
	for _, sink := range []crm.Sink{crm.SinkCommunication, crm.SinkNote} {
		open := map[crm.EntryKey]crm.Entry{}
		for _, e := range entries {
			if e.Sink == sink {
				e.Contact = cmp.Or(contact, e.Contact)
				open[e.Key] = e
			}
		}
		if len(open) == 0 {
			continue
		}
		look := c.findByLink
		if c.hasEntryUID(sink) {
			look = c.findByUID
		}
		if err := look(ctx, sink, open, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (c *Client) hasEntryUID(sink crm.Sink) bool { return c.portal.EntryUID[sinkKind[sink].kind] }

func (c *Client) findByUID(ctx context.Context, sink crm.Sink, open map[crm.EntryKey]crm.Entry, found map[crm.EntryKey]string) error {
	var keys []string
	for key := range open {
		keys = append(keys, string(key))
	}
	slices.Sort(keys)
	for chunk := range slices.Chunk(keys, maxBatch) {
		records, err := c.batchRead(ctx, sinkKind[sink].kind, EntryUID, chunk, []string{EntryUID})
		if err != nil {
			return err
		}
		for _, r := range records {
			if key, ok := recognise(r, "", open); ok {
				found[key] = string(r.ID)
			}
		}
	}
	return nil
}

// findByLink reads the entries associated to the contacts (or, for an entry without
// one, to its first deal), newest first, and looks for our links.
func (c *Client) findByLink(ctx context.Context, sink crm.Sink, open map[crm.EntryKey]crm.Entry, found map[crm.EntryKey]string) error {
	kind := sinkKind[sink]
	ids, err := c.newestEntries(ctx, kind.kind, open)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(ids, maxBatch) {
		records, err := c.batchRead(ctx, kind.kind, "", chunk, []string{kind.body})
		if err != nil {
			return err
		}
		for _, r := range records {
			if key, ok := recognise(r, kind.body, open); ok {
				found[key] = string(r.ID)
				delete(open, key)
			}
		}
		if len(open) == 0 {
			return nil
		}
	}
	return nil
}

func (c *Client) newestEntries(ctx context.Context, kind string, open map[crm.EntryKey]crm.Entry) ([]string, error) {
	holders := map[string][]string{}
	for _, e := range open {
		switch {
		case e.Contact != "":
			holders[contactsType] = append(holders[contactsType], string(e.Contact))
		case len(e.Deals) > 0:
			holders[dealsType] = append(holders[dealsType], string(e.Deals[0]))
		}
	}
	var ids []string
	for _, from := range []string{contactsType, dealsType} {
		if len(holders[from]) == 0 {
			continue
		}
		slices.Sort(holders[from])
		linked, err := c.associated(ctx, from, kind, slices.Compact(holders[from]))
		if err != nil {
			return nil, err
		}
		for _, list := range linked { // oldest first
			ids = append(ids, list[max(len(list)-newestRead, 0):]...)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return compareIDs(b, a) })
	return slices.Compact(ids), nil
}

func asError(err error) (*crm.Error, bool) {
	var e *crm.Error
	ok := errors.As(err, &e)
	return e, ok
}

func reasonOf(err error) string {
	if e, ok := asError(err); ok {
		return e.Reason
	}
	return ""
}
