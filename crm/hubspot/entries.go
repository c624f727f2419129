package hubspot

import (
	"context"
	"slices"
	"strconv"

	"switchboard/crm"
)

// sinkKind says which kind of object a sink's entries are, and which property is
// their body.
var sinkKind = map[crm.Sink]struct{ kind, body string }{
	crm.SinkCommunication: {communicationsType, "hs_communication_body"},
	crm.SinkNote:          {notesType, "hs_note_body"},
}

// maxProbes bounds the calls by which one WriteEntries looks for the bad inputs of a
// refused batch.
const maxProbes = 24

// WriteEntries writes timeline entries, a hundred per call and sink. Every entry gets
// an outcome; an error comes only when nothing at all was sent. A batch that HubSpot
// refuses as a whole is halved until the bad entries are found: more calls, and what
// is left over is EntryLocked, to be tried again.
func (c *Client) WriteEntries(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error) {
	w := &writing{c: c, results: map[crm.EntryKey]crm.EntryResult{}, taken: map[crm.EntryKey]bool{}, probes: maxProbes}
	for _, sink := range []crm.Sink{crm.SinkCommunication, crm.SinkNote} {
		var group []crm.Entry
		for _, e := range entries {
			if e.Sink == sink && w.accept(e) {
				group = append(group, e)
			}
		}
		for _, chunk := range batches(group) {
			w.write(ctx, sink, chunk)
			again := w.again
			w.again = nil
			w.write(ctx, sink, again)
		}
	}
	if w.stopped != nil && !w.sent {
		return nil, w.stopped
	}
	return w.list(entries), nil
}

// maxBatchText bounds the texts of one call, in bytes before escaping.
const maxBatchText = 2 << 20

// batches divides entries into calls.
func batches(entries []crm.Entry) [][]crm.Entry {
	var list [][]crm.Entry
	size := 0
	for _, e := range entries {
		length := min(len(e.Text), 4*maxBody)
		last := len(list) - 1
		if last < 0 || len(list[last]) == maxBatch || size+length > maxBatchText {
			list, last, size = append(list, nil), last+1, 0
		}
		list[last] = append(list[last], e)
		size += length
	}
	return list
}

// writing collects the outcomes of one WriteEntries.
type writing struct {
	c       *Client
	results map[crm.EntryKey]crm.EntryResult
	sent    bool // something was settled by HubSpot, or may have been written
	stopped error
	probes  int
	taken   map[crm.EntryKey]bool
	again   []crm.Entry // to be written without their author
}

func (w *writing) settle(key crm.EntryKey, outcome crm.EntryOutcome, id, reason string) {
	w.results[key] = crm.EntryResult{Key: key, Outcome: outcome, ID: id, Reason: reason}
}

// accept refuses an entry without a target, and passes each key once.
func (w *writing) accept(e crm.Entry) bool {
	if e.Contact == "" && len(e.Deals) == 0 {
		w.settle(e.Key, crm.EntryRefused, "", "the entry has no record to stand on")
		return false
	}
	fresh := e.Key != "" && !w.taken[e.Key]
	w.taken[e.Key] = true
	return fresh
}

func (w *writing) list(entries []crm.Entry) []crm.EntryResult {
	list := make([]crm.EntryResult, 0, len(entries))
	for _, e := range entries {
		r, ok := w.results[e.Key]
		switch {
		case ok:
		case sinkKind[e.Sink].kind == "":
			r = crm.EntryResult{Key: e.Key, Outcome: crm.EntryRefused, Reason: "unknown sink"}
		default:
			r = crm.EntryResult{Key: e.Key, Outcome: crm.EntryLocked, Reason: "not sent yet"}
		}
		list = append(list, r)
	}
	return list
}

func (w *writing) write(ctx context.Context, sink crm.Sink, batch []crm.Entry) {
	if w.stopped != nil || len(batch) == 0 {
		return
	}
	kind := sinkKind[sink]
	var in inputs[createInput]
	for _, e := range batch {
		in.Inputs = append(in.Inputs, w.c.entryInput(kind.kind, kind.body, e))
	}
	var a batchAnswer
	err := w.c.do(ctx, batchCall(kind.kind, "create", in), &a)
	switch {
	case err == nil:
		w.sent = true
		w.read(sink, batch, a)
	case maybeWritten(err):
		w.sent = true
		for _, e := range batch {
			w.settle(e.Key, crm.EntryUnknown, "", "the answer was lost")
		}
		w.stopped = err
	case !isVerdict(err):
		w.stopped = err
	case len(batch) == 1:
		w.sent = true
		w.verdict(sink, batch[0], err)
	default:
		w.halve(ctx, sink, batch)
	}
}

// maybeWritten: the call may have been carried out. An entry has no key of its own by
// which repeating would be harmless, so a server's error leaves it open too.
func maybeWritten(err error) bool {
	e, ok := asError(err)
	return ok && (e.Class == crm.Lost || e.Class == crm.Unavailable && e.Status >= 500)
}

// isVerdict: HubSpot judged the content, and wrote nothing.
func isVerdict(err error) bool {
	return slices.Contains([]crm.ErrorClass{crm.Refused, crm.Missing, crm.Locked}, crm.ClassOf(err))
}

// halve looks for the entries because of which a batch was refused.
func (w *writing) halve(ctx context.Context, sink crm.Sink, batch []crm.Entry) {
	for _, half := range [][]crm.Entry{batch[:len(batch)/2], batch[len(batch)/2:]} {
		if w.probes == 0 {
			return
		}
		w.probes--
		w.write(ctx, sink, half)
	}
}

// verdict settles one entry that HubSpot did not take.
func (w *writing) verdict(sink crm.Sink, e crm.Entry, err error) {
	p := problemOf(err)
	switch class := crm.ClassOf(err); {
	case p != nil && p.conflict() && p.existing != "" && w.c.hasEntryUID(sink):
		w.settle(e.Key, crm.EntryWritten, p.existing, "") // it was there already
	case p != nil && p.names(propOwner) && e.Owner != "":
		// An author who left the company cannot be named any more.
		e.Owner = ""
		w.again = append(w.again, e)
	case class == crm.Missing:
		w.settle(e.Key, crm.EntryGone, "", reasonOf(err))
	case class == crm.Locked || class == crm.Limited || class == crm.Unavailable:
		w.settle(e.Key, crm.EntryLocked, "", reasonOf(err))
	default:
		w.settle(e.Key, crm.EntryRefused, "", reasonOf(err))
	}
}

func (c *Client) entryInput(kind, bodyProp string, e crm.Entry) createInput {
	props := map[string]string{bodyProp: entryBody(e), propStamp: strconv.FormatInt(e.At.UnixMilli(), 10)}
	if kind == communicationsType {
		props["hs_communication_channel_type"] = "WHATS_APP"
		props["hs_communication_logged_from"] = "CRM"
	}
	if e.Owner != "" {
		props[propOwner] = string(e.Owner)
	}
	if c.portal.EntryUID[kind] {
		props[EntryUID] = string(e.Key)
	}
	in := createInput{Properties: props, TraceID: string(e.Key), Associations: []association{}}
	if e.Contact != "" {
		in.Associations = append(in.Associations, c.associate(kind, contactsType, string(e.Contact)))
	}
	for _, deal := range e.Deals {
		in.Associations = append(in.Associations, c.associate(kind, dealsType, string(deal)))
	}
	return in
}

// read settles the entries of an answered batch. An answer names its inputs by trace
// id; results without one are recognised by our property or link.
func (w *writing) read(sink crm.Sink, batch []crm.Entry, a batchAnswer) {
	open := map[crm.EntryKey]crm.Entry{}
	for _, e := range batch {
		open[e.Key] = e
	}
	for _, r := range a.Results {
		if key, ok := recognise(r, sinkKind[sink].body, open); ok {
			w.settle(key, crm.EntryWritten, string(r.ID), "")
			delete(open, key)
		}
	}
	for _, refused := range a.Errors {
		if key, ok := refused.about(open); ok {
			sent := w.c.entryInput(sinkKind[sink].kind, sinkKind[sink].body, open[key]).Properties
			w.verdict(sink, open[key], refused.failure(sent))
			delete(open, key)
		}
	}
	all := len(a.Results) == len(batch) && len(a.Errors) == 0
	for key := range open {
		if all {
			w.settle(key, crm.EntryWritten, "", "")
		} else {
			w.settle(key, crm.EntryUnknown, "", "the answer does not mention it")
		}
	}
}

// recognise finds the entry a record is.
func recognise(r record, bodyProp string, open map[crm.EntryKey]crm.Entry) (crm.EntryKey, bool) {
	for _, key := range []string{r.TraceID, r.Properties[EntryUID]} {
		if _, ok := open[crm.EntryKey(key)]; ok && key != "" {
			return crm.EntryKey(key), true
		}
	}
	links := linksIn(r.Properties[bodyProp])
	for key, e := range open {
		if e.Link != "" && slices.Contains(links, e.Link) {
			return key, true
		}
	}
	return "", false
}

// about finds the entry an error of a batch is about.
func (r refusal) about(open map[crm.EntryKey]crm.Entry) (crm.EntryKey, bool) {
	candidates := append([]string{string(r.ID)}, r.Context["objectWriteTraceId"]...)
	for _, d := range r.Errors {
		candidates = append(candidates, d.Context["objectWriteTraceId"]...)
	}
	for _, key := range candidates {
		if _, ok := open[crm.EntryKey(key)]; ok {
			return crm.EntryKey(key), true
		}
	}
	return "", false
}
