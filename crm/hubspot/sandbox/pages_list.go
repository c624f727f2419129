package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const listPageSize = 50

// listBody is the page with all records of a kind.
type listBody struct {
	Kind    string
	Query   string
	Hint    string
	Rows    []listRow
	Total   int
	Newer   string
	Older   string
	Adding  []field
	Stages  []stageChoice
	Columns []string
}

type listRow struct {
	Kind, ID, Name, Initials string
	Cells                    []cell
}

type cell struct{ Label, Value, TestID string }

// field is an input of a form.
type field struct{ Name, Label, Value string }

// stageChoice is a pipeline's stage in a select.
type stageChoice struct {
	Pipeline, PipelineLabel string
	ID, Label               string
	Closed, Selected        bool
}

func (s *Server) listPage(k *kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.st.mu.RLock()
		if unchanged(w, r, s.st.rev) {
			s.st.mu.RUnlock()
			return
		}
		p := s.newPage(w, r, "")
		p.Title = p.T(k.name)
		p.Body = s.listBody(k, p.Lang, r.URL.Query())
		s.st.mu.RUnlock()
		s.render(w, http.StatusOK, "list", p)
	}
}

func (s *Server) listBody(k *kind, lang string, q url.Values) listBody {
	body := listBody{Kind: k.name, Query: q.Get("q"), Hint: pageText(lang, "searchHint")}
	if k != contacts {
		body.Hint = pageText(lang, "searchDeals")
	}
	number, _ := strconv.Atoi(q.Get("page"))
	number = max(0, number)
	found := s.newestFirst(k, words(body.Query))
	body.Total = len(found)
	from := min(number*listPageSize, len(found))
	to := min(from+listPageSize, len(found))
	for _, r := range found[from:to] {
		body.Rows = append(body.Rows, s.listRow(r, lang))
	}
	link := func(n int) string {
		return "?" + url.Values{"q": {body.Query}, "page": {strconv.Itoa(n)}}.Encode()
	}
	if number > 0 {
		body.Newer = link(number - 1)
	}
	if to < len(found) {
		body.Older = link(number + 1)
	}
	for _, name := range addedFields[k] {
		body.Adding = append(body.Adding, field{Name: name, Label: pageText(lang, name)})
	}
	if k == deals {
		body.Stages = s.stageChoices(nil)
	}
	return body
}

// addedFields are the inputs of "create by hand".
var addedFields = map[*kind][]string{
	contacts: {"firstname", "lastname", "email", "phone", "mobilephone"},
	deals:    {"dealname", "amount"},
}

func (s *Server) newestFirst(k *kind, query []string) []*record {
	var out []*record
	for _, r := range slices.Backward(s.st.tables[k].order) {
		if !r.archived && matchesQuery(k, query, r.props) {
			out = append(out, r)
		}
	}
	return out
}

func (s *Server) listRow(r *record, lang string) listRow {
	name := s.recordName(r)
	row := listRow{Kind: r.kind.name, ID: r.id, Name: name, Initials: initials(name)}
	add := func(key, value string) { row.Cells = append(row.Cells, cell{pageText(lang, key), value, "row-" + key}) }
	switch r.kind {
	case contacts:
		add("email", r.props["email"])
		add("phone", firstOf(r.props["phone"], r.props["mobilephone"]))
	case deals:
		pipe, stage := s.stageNames(r)
		add("pipeline", pipe)
		add("stage", stage)
	case leads:
		pipe, stage := s.stageNames(r)
		add("pipeline", pipe)
		add("stage", stage)
	}
	add("owner", s.ownerName(r.props[propOwner], lang))
	add("created", s.shownTime(r.created, lang))
	return row
}

func firstOf(options ...string) string {
	for _, o := range options {
		if o != "" {
			return o
		}
	}
	return ""
}

// recordName is how a record is called on pages.
func (s *Server) recordName(r *record) string {
	p := r.props
	full := strings.TrimSpace(p["firstname"] + " " + p["lastname"])
	return firstOf(full, p["dealname"], p["hs_lead_name"], p["email"], p["phone"], r.id)
}

func initials(name string) string {
	var out []rune
	for _, w := range words(name) {
		if len(out) < 2 {
			out = append(out, []rune(strings.ToUpper(w))[0])
		}
	}
	return string(out)
}

// stageProps names the properties that hold a kind's pipeline and stage.
func stageProps(k *kind) (pipeline, stage string) {
	if k == leads {
		return "hs_pipeline", "hs_pipeline_stage"
	}
	return "pipeline", "dealstage"
}

func (s *Server) stageNames(r *record) (pipeline, stage string) {
	pipeProp, stageProp := stageProps(r.kind)
	p, ok := findPipeline(s.st.pipelines(r.kind), r.props[pipeProp])
	if !ok {
		return r.props[pipeProp], r.props[stageProp]
	}
	st, ok := p.stage(r.props[stageProp])
	if !ok {
		return p.Label, r.props[stageProp]
	}
	return p.Label, st.Label
}

// stageChoices lists the open stages of every deal pipeline, or, for a
// record, all stages of its own pipeline.
func (s *Server) stageChoices(of *record) []stageChoice {
	var out []stageChoice
	k, pipeProp, stageProp := deals, "", ""
	if of != nil {
		k = of.kind
		pipeProp, stageProp = stageProps(k)
	}
	for _, p := range s.st.pipelines(k) {
		if p.Archived || (of != nil && p.ID != of.props[pipeProp]) {
			continue
		}
		for _, st := range p.Stages {
			if st.Archived {
				continue
			}
			out = append(out, stageChoice{p.ID, p.Label, st.ID, st.Label, st.Closed, of != nil && of.props[stageProp] == st.ID})
		}
	}
	return out
}

// addByHand creates a record from the form of a list or of a contact.
func (s *Server) addByHand(k *kind) func(http.ResponseWriter, *http.Request) (string, error) {
	return func(_ http.ResponseWriter, r *http.Request) (string, error) {
		s.st.mu.RLock()
		user := s.actingUser(r)
		s.st.mu.RUnlock()
		props := map[string]string{propOwner: user.ID}
		for _, name := range addedFields[k] {
			setOrDrop(props, name, strings.TrimSpace(r.PostForm.Get(name)))
		}
		if k == leads {
			return "/leads", errors.New("leads are created through the API")
		}
		var to []Link
		if k == deals {
			props["pipeline"], props["dealstage"], _ = strings.Cut(r.PostForm.Get("stage"), "|")
			if id := r.PostForm.Get("contact"); id != "" {
				to = append(to, Link{contacts.name, id})
			}
		}
		id, err := s.Create(k.name, props, to...)
		if err != nil {
			return "/" + k.name, err
		}
		return "/" + k.name + "/" + id, nil
	}
}
