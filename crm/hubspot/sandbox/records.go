package sandbox

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxListLimit     = 100
	defaultListLimit = 10
	// inlineLinks is how many associations a record carries inline and one
	// page of an association read.
	inlineLinks = 500
)

// recordOut is a record as the API shows it.
type recordOut struct {
	ID           string               `json:"id"`
	Properties   map[string]*string   `json:"properties"`
	CreatedAt    string               `json:"createdAt"`
	UpdatedAt    string               `json:"updatedAt"`
	Archived     bool                 `json:"archived"`
	ArchivedAt   string               `json:"archivedAt,omitempty"`
	URL          string               `json:"url,omitempty"`
	Associations map[string]linksOut  `json:"associations,omitempty"`
	TraceID      string               `json:"objectWriteTraceId,omitempty"`
	New          *bool                `json:"new,omitempty"`
	History      map[string][]history `json:"propertiesWithHistory,omitempty"`
}

// history is one former value; the sandbox knows the present one only.
type history struct {
	Value      string `json:"value"`
	Timestamp  string `json:"timestamp"`
	SourceType string `json:"sourceType"`
}

type linksOut struct {
	Results []linkOut  `json:"results"`
	Paging  *pagingOut `json:"paging,omitempty"`
}

type linkOut struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

type pagingOut struct {
	Next nextOut `json:"next"`
}

type nextOut struct {
	After string `json:"after"`
	Link  string `json:"link,omitempty"`
}

func nextPage(after string) *pagingOut { return &pagingOut{nextOut{After: after}} }

type listOut struct {
	Results []recordOut `json:"results"`
	Paging  *pagingOut  `json:"paging,omitempty"`
}

// view says what of a record to show.
type view struct {
	props   []string // nil means the kind's default ones
	linked  []*kind
	history []string
	all     bool // every value the record has, as after a create
}

// viewOf reads properties= and associations= of a request.
func viewOf(q url.Values) (view, *apiError) {
	v := view{props: listParam(q, "properties"), history: listParam(q, "propertiesWithHistory")}
	for _, name := range listParam(q, "associations") {
		k := kindOf(name)
		if k == nil {
			return v, invalid("Unable to infer object type from: %s", clip(name))
		}
		v.linked = append(v.linked, k)
	}
	return v, nil
}

// listParam reads a list given with commas, by repetition, or both.
func listParam(q url.Values, name string) []string {
	var out []string
	for _, value := range q[name] {
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// show renders a record with values (those of the record, or older ones that
// search still sees).
func (s *Server) show(r *record, values map[string]string, v view) recordOut {
	out := recordOut{
		ID: r.id, CreatedAt: stampTime(r.created), UpdatedAt: stampTime(r.updated), Archived: r.archived,
		Properties: s.shownProps(r, values, v), URL: s.recordURL(r),
	}
	if r.archived {
		out.ArchivedAt = stampTime(r.archivedAt)
	}
	for _, name := range v.history {
		if out.History == nil {
			out.History = map[string][]history{}
		}
		out.History[name] = []history{{values[name], stampTime(r.updated), "INTEGRATION"}}
	}
	for _, k := range v.linked {
		if shown := s.inlineLinks(r, k); len(shown.Results) > 0 {
			if out.Associations == nil {
				out.Associations = map[string]linksOut{}
			}
			out.Associations[k.name] = shown
		}
	}
	return out
}

func (s *Server) shownProps(r *record, values map[string]string, v view) map[string]*string {
	shown := map[string]*string{}
	set := func(name string) {
		if value, ok := values[name]; ok {
			shown[name] = &value
		} else if _, known := s.st.tables[r.kind].props[name]; known {
			shown[name] = nil
		}
	}
	if v.all {
		for name := range values {
			set(name)
		}
		return shown
	}
	names := v.props
	if len(names) == 0 {
		names = r.kind.defaultProps
	}
	for _, name := range names {
		set(name)
	}
	set(propObjectID)
	set(r.kind.createdProp)
	set(r.kind.modifiedProp)
	return shown
}

func (s *Server) inlineLinks(r *record, k *kind) linksOut {
	out := linksOut{Results: []linkOut{}}
	l := r.links[k]
	if l == nil {
		return out
	}
	for i, other := range s.st.linked(r, k) {
		if i == inlineLinks {
			last := out.Results[len(out.Results)-1].ID
			out.Paging = nextPage(last)
			out.Paging.Next.Link = "/crm/objects/" + apiVersion + "/" + r.kind.name + "/" + r.id +
				"/associations/" + k.name + "?after=" + last
			break
		}
		for _, id := range l.types[other.id] {
			if t, ok := findAssocType(r.kind, k, id); ok {
				out.Results = append(out.Results, linkOut{other.id, t.name})
			}
		}
	}
	return out
}

func (s *Server) recordURL(r *record) string {
	if s.cfg.PublicURL == "" {
		return ""
	}
	return s.cfg.PublicURL + "/contacts/" + strconv.FormatInt(s.cfg.Portal.ID, 10) + "/record/" + r.kind.typeID + "/" + r.id
}

// target finds the record a path names, by id or by idProperty.
func (s *Server) target(c *call, t *table) (*record, *apiError) {
	id, by := c.PathValue("id"), c.query.Get("idProperty")
	if !t.isUnique(by) {
		return nil, invalid("%q is not a unique property of %s", clip(by), t.kind.name)
	}
	if c.query.Get("archived") == "true" {
		if r := t.byID[id]; r != nil && r.archived {
			return r, nil
		}
		return nil, notFound("resource")
	}
	if r := t.findBy(by, id); r != nil {
		return r, nil
	}
	return nil, notFound("resource")
}

func (s *Server) readRecord(c *call) answer {
	v, bad := viewOf(c.query)
	if bad != nil {
		return bad.answer()
	}
	r, bad := s.target(c, c.table)
	if bad != nil {
		return bad.answer()
	}
	return ok(s.show(r, r.props, v)).of(r)
}

// of notes the touched record for the ledger.
func (a answer) of(r *record) answer {
	a.ids = append(a.ids, r.id)
	return a
}

func (s *Server) createRecord(c *call) answer {
	var in createInput
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	r, bad := s.create(c.table, in, c.now)
	if bad != nil {
		return bad.answer()
	}
	out := s.show(r, r.props, view{all: true})
	out.TraceID = in.TraceID
	return created(out).of(r)
}

func (s *Server) patchRecord(c *call) answer {
	var in struct {
		Properties values `json:"properties"`
	}
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	if len(in.Properties) == 0 {
		return invalid("No properties were given to update").answer()
	}
	r, bad := s.target(c, c.table)
	if bad != nil {
		return bad.answer()
	}
	if bad := s.update(c.table, r, in.Properties, c.now); bad != nil {
		return bad.answer()
	}
	return ok(s.show(r, r.props, view{all: true})).of(r)
}

func (s *Server) archiveRecord(c *call) answer {
	if r := c.table.find(c.PathValue("id")); r != nil {
		s.archive(r, c.now)
		return noContent().of(r)
	}
	return noContent() // archiving twice is no error
}

func (s *Server) archive(r *record, now time.Time) {
	s.st.tables[r.kind].archive(r, now)
	s.st.changed(recordChange(r))
}

func (s *Server) listRecords(c *call) answer {
	v, bad := viewOf(c.query)
	if bad != nil {
		return bad.answer()
	}
	limit, bad := c.limit(defaultListLimit, maxListLimit)
	if bad != nil {
		return bad.answer()
	}
	archived := c.query.Get("archived") == "true"
	out := listOut{Results: []recordOut{}}
	for _, r := range c.table.order[c.table.since(c.query.Get("after")):] {
		if r.archived != archived {
			continue
		}
		if len(out.Results) == limit {
			out.Paging = nextPage(out.Results[limit-1].ID)
			break
		}
		out.Results = append(out.Results, s.show(r, r.props, v))
	}
	a := ok(out)
	a.records = len(out.Results)
	return a
}

// eraseContact forgets a person for good.
func (s *Server) eraseContact(c *call) answer {
	var in struct {
		ObjectID   string `json:"objectId"`
		IDProperty string `json:"idProperty"`
	}
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	if !c.table.isUnique(in.IDProperty) {
		return invalid("%q is not a unique property", clip(in.IDProperty)).answer()
	}
	r := c.table.findBy(in.IDProperty, in.ObjectID)
	if r == nil {
		return noContent()
	}
	ref := r.ref()
	s.st.erase(r)
	s.st.changed(change{Gone: &ref})
	return noContent().of(r)
}

// mergeRecords moves what the second record has to the first. The second id
// keeps leading to the survivor.
func (s *Server) mergeRecords(c *call) answer {
	var in struct {
		Primary string `json:"primaryObjectId"`
		Merged  string `json:"objectIdToMerge"`
	}
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	first, second := c.table.find(in.Primary), c.table.find(in.Merged)
	if first == nil || second == nil {
		return notFound("One of the records to merge").answer()
	}
	if first == second {
		return invalid("A record can not be merged with itself").answer()
	}
	s.merge(first, second, c.now)
	return ok(s.show(first, first.props, view{all: true})).of(first).of(second)
}

func (s *Server) merge(first, second *record, now time.Time) {
	t := s.st.tables[first.kind]
	s.moveLinks(first, second)
	second.mergedInto = first.id
	s.archive(second, now)
	props := maps.Clone(second.props)
	maps.Copy(props, first.props)
	props["hs_merged_object_ids"] = joinIDs(first.props["hs_merged_object_ids"], second.props["hs_merged_object_ids"], second.id)
	s.calculate(first.kind, first.props, props, now)
	t.put(first, props, now)
	s.st.changed(recordChange(first))
}

func (s *Server) moveLinks(to, from *record) {
	for _, k := range allKinds {
		for _, other := range s.st.linked(from, k) {
			types := slices.Clone(from.links[k].types[other.id])
			s.st.unlink(from, other)
			s.st.link(to, other, types)
		}
	}
}

func joinIDs(lists ...string) string {
	return strings.Join(slices.DeleteFunc(lists, func(s string) bool { return s == "" }), ";")
}

// limit reads limit= within its bounds.
func (c *call) limit(usual, most int) (int, *apiError) {
	text := c.query.Get("limit")
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, invalid("limit must be between 1 and %d", most)
	}
	return n, nil
}
