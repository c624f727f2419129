package sandbox

import (
	"cmp"
	"html"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	shownEntries    = 100
	maxShownEntries = 5_000
	previewRunes    = 110
)

// recordBody is the page of one contact, deal or lead.
type recordBody struct {
	Kind, KindLabel, TypeID, ID string
	Name, Initials              string
	Facts                       []cell
	Editable                    []field
	OwnerID, OwnerName          string
	OwnerGone                   bool
	HasStage                    bool
	PipelineID, PipelineName    string
	StageName                   string
	Closed                      bool
	Pipelines                   []Pipeline
	Stages                      []stageChoice
	AllProps                    []field
	Related                     []relatedCard
	NewDealStages               []stageChoice
	Entries                     []entry
	EntriesTotal                int
	MoreEntries                 string
	Filters                     []filterTick
}

// relatedCard lists associated records of one kind.
type relatedCard struct {
	Kind, Title, Empty string
	Rows               []relatedRow
}

type relatedRow struct{ Link, ID, Name, Note, OwnerName string }

// entry is one activity of the feed.
type entry struct {
	Kind, Type, ID string
	Title, Preview string
	Body           template.HTML
	At, Moment     string
	OwnerName      string
	Edited         bool
	On             []relatedRow
	when           time.Time
}

type filterTick struct{ Type, Label, TestID string }

func (s *Server) recordPage(k *kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.st.mu.RLock()
		if unchanged(w, r, s.st.rev) {
			s.st.mu.RUnlock()
			return
		}
		rec := s.st.tables[k].find(r.PathValue("id"))
		if rec == nil {
			s.st.mu.RUnlock()
			s.missingPage(w, r)
			return
		}
		p := s.newPage(w, r, s.recordName(rec))
		most, _ := strconv.Atoi(r.URL.Query().Get("entries"))
		p.Body = s.recordBody(rec, p.Lang, most)
		s.st.mu.RUnlock()
		s.render(w, http.StatusOK, "record", p)
	}
}

func (s *Server) recordBody(r *record, lang string, most int) recordBody {
	name := s.recordName(r)
	b := recordBody{Kind: r.kind.name, KindLabel: pageText(lang, r.kind.singular), TypeID: r.kind.typeID, ID: r.id,
		Name: name, Initials: initials(name), Facts: s.facts(r, lang),
		OwnerID: r.props[propOwner], OwnerName: s.ownerName(r.props[propOwner], lang)}
	if o, ok := s.st.owner(b.OwnerID); b.OwnerID != "" && (!ok || o.Archived) {
		b.OwnerGone = true
	}
	for _, name := range addedFields[r.kind] {
		b.Editable = append(b.Editable, field{name, pageText(lang, name), r.props[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(r.props)) {
		b.AllProps = append(b.AllProps, field{Name: name, Value: r.props[name]})
	}
	if r.kind != contacts {
		s.fillStage(&b, r)
	} else {
		b.NewDealStages = s.stageChoices(nil)
	}
	b.Related = s.related(r, lang)
	s.fillEntries(&b, r, lang, most)
	return b
}

func (s *Server) fillStage(b *recordBody, r *record) {
	pipeProp, stageProp := stageProps(r.kind)
	b.HasStage = true
	b.PipelineName, b.StageName = s.stageNames(r)
	b.PipelineID = r.props[pipeProp]
	b.Pipelines = s.st.pipelines(r.kind)
	b.Stages = s.stageChoices(r)
	p, _ := findPipeline(b.Pipelines, b.PipelineID)
	stage, _ := p.stage(r.props[stageProp])
	b.Closed = stage.Closed
}

// facts are the fields at the top of a record.
func (s *Server) facts(r *record, lang string) []cell {
	var out []cell
	add := func(key, value string) {
		if value != "" {
			out = append(out, cell{pageText(lang, key), value, "field-" + key})
		}
	}
	for _, name := range []string{"email", "phone", "mobilephone", "company", "amount"} {
		add(name, r.props[name])
	}
	if t, ok := parseMoment(r.props["closedate"]); ok {
		add("closedate", s.shownTime(t, lang))
	}
	add("lifecycle", r.props["lifecyclestage"])
	add("created", s.shownTime(r.created, lang))
	add("modified", s.shownTime(r.updated, lang))
	add("recordID", r.id)
	return out
}

func (s *Server) related(r *record, lang string) []relatedCard {
	var out []relatedCard
	for _, k := range []*kind{contacts, deals, leads} {
		linked := s.st.linked(r, k)
		if k == r.kind || (k == leads && len(linked) == 0) {
			continue
		}
		card := relatedCard{Kind: k.name, Title: pageText(lang, k.name), Empty: pageText(lang, "no"+titleCase(k.name))}
		for _, other := range slices.Backward(linked) {
			card.Rows = append(card.Rows, s.relatedRow(other, lang))
		}
		out = append(out, card)
	}
	return out
}

func titleCase(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (s *Server) relatedRow(r *record, lang string) relatedRow {
	row := relatedRow{Link: "/" + r.kind.name + "/" + r.id, ID: r.id, Name: s.recordName(r), OwnerName: s.ownerName(r.props[propOwner], lang)}
	if r.kind == contacts {
		row.Note = firstOf(r.props["phone"], r.props["email"])
		return row
	}
	pipe, stage := s.stageNames(r)
	row.Note = pipe + " · " + stage
	return row
}

// fillEntries gives the feed, newest first, and its filter.
func (s *Server) fillEntries(b *recordBody, r *record, lang string, most int) {
	if most <= 0 {
		most = shownEntries
	}
	most = min(most, maxShownEntries)
	var all []*record
	for _, k := range []*kind{communications, notes} {
		all = append(all, s.st.linked(r, k)...)
	}
	slices.SortFunc(all, func(x, y *record) int {
		return cmp.Or(entryTime(y).Compare(entryTime(x)), y.created.Compare(x.created), cmp.Compare(numericID(y.id), numericID(x.id)))
	})
	b.EntriesTotal = len(all)
	if len(all) > most {
		all = all[:most]
		b.MoreEntries = "?entries=" + strconv.Itoa(most*5)
	}
	for _, e := range all {
		b.Entries = append(b.Entries, s.entry(e, lang))
	}
	for _, kind := range []string{"WHATS_APP", "SMS", "LINKEDIN_MESSAGE", "NOTE"} {
		b.Filters = append(b.Filters, filterTick{kind, pageText(lang, "f."+kind),
			"filter-" + strings.ToLower(strings.ReplaceAll(strings.TrimSuffix(kind, "_MESSAGE"), "_", ""))})
	}
}

func entryTime(r *record) time.Time {
	if t, ok := parseMoment(r.props["hs_timestamp"]); ok {
		return t
	}
	return r.created
}

func (s *Server) entry(r *record, lang string) entry {
	e := entry{Kind: r.kind.name, Type: "NOTE", ID: r.id, when: entryTime(r), Edited: r.updated.After(r.created)}
	text := r.props["hs_note_body"]
	if r.kind == communications {
		e.Type, text = r.props["hs_communication_channel_type"], r.props["hs_communication_body"]
	}
	e.Title, e.Preview, e.Body = pageText(lang, "e."+e.Type), plain(text, previewRunes), sanitize(text)
	e.At, e.Moment = s.shownTime(e.when, lang), stampTime(e.when)
	if id := r.props[propOwner]; id != "" {
		e.OwnerName = s.ownerName(id, lang)
	}
	for _, k := range []*kind{contacts, deals, leads} {
		for _, other := range s.st.linked(r, k) {
			e.On = append(e.On, relatedRow{Link: "/" + k.name + "/" + other.id, Name: s.recordName(other)})
		}
	}
	return e
}

// editByHand changes the fields a form names: owner, stage, pipeline, texts.
func (s *Server) editByHand(k *kind) func(http.ResponseWriter, *http.Request) (string, error) {
	return func(_ http.ResponseWriter, r *http.Request) (string, error) {
		id := r.PathValue("id")
		props := map[string]string{}
		for _, name := range addedFields[k] {
			if r.PostForm.Has(name) {
				props[name] = strings.TrimSpace(r.PostForm.Get(name))
			}
		}
		if r.PostForm.Has("owner") {
			props[propOwner] = r.PostForm.Get("owner")
		}
		pipeProp, stageProp := stageProps(k)
		if r.PostForm.Has("stage") && k != contacts {
			props[stageProp] = r.PostForm.Get("stage")
		}
		if pipe := r.PostForm.Get("pipeline"); pipe != "" && k != contacts {
			props[pipeProp], props[stageProp] = pipe, s.firstStage(k, pipe)
		}
		return "/" + k.name + "/" + id, s.Update(k.name, id, props)
	}
}

func (s *Server) firstStage(k *kind, pipeline string) string {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	p, _ := findPipeline(s.st.pipelines(k), pipeline)
	for _, stage := range p.Stages {
		if !stage.Archived && !stage.ReadOnly {
			return stage.ID
		}
	}
	return ""
}

// noteByHand adds a note of the signed-in user.
func (s *Server) noteByHand(k *kind) func(http.ResponseWriter, *http.Request) (string, error) {
	return func(_ http.ResponseWriter, r *http.Request) (string, error) {
		s.st.mu.RLock()
		user := s.actingUser(r)
		s.st.mu.RUnlock()
		id := r.PathValue("id")
		text := strings.ReplaceAll(strings.TrimSpace(r.PostForm.Get("note")), "\r\n", "\n")
		next := "/" + k.name + "/" + id
		if text == "" {
			return next, nil
		}
		_, err := s.Create(notes.name, map[string]string{
			"hs_note_body": strings.ReplaceAll(html.EscapeString(text), "\n", "<br>"),
			"hs_timestamp": strconv.FormatInt(s.now().UnixMilli(), 10), propOwner: user.ID,
		}, Link{k.name, id})
		return next, err
	}
}

func (s *Server) deleteByHand(k *kind) func(http.ResponseWriter, *http.Request) (string, error) {
	return func(_ http.ResponseWriter, r *http.Request) (string, error) {
		return "/" + k.name, s.Archive(k.name, r.PathValue("id"))
	}
}
