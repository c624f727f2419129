package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

const (
	maxAssocRead  = 1000
	maxAssocWrite = 2000
)

// assocCall is a call about the links between two kinds.
type assocCall struct {
	*call
	from, to *kind
}

// between resolves the kinds of an association path.
func (s *Server) between(handle func(*assocCall) answer) func(*call) answer {
	return func(c *call) answer {
		a := &assocCall{c, kindOf(c.PathValue("type")), kindOf(c.PathValue("to"))}
		if a.from == nil || a.to == nil || len(assocTypes[pair{a.from, a.to}]) == 0 {
			return invalid("Unable to infer object type from: %s, %s", clip(c.PathValue("type")), clip(c.PathValue("to"))).answer()
		}
		return handle(a)
	}
}

// ends finds the two records of an association path.
func (s *Server) ends(c *assocCall) (from, to *record, bad *apiError) {
	from = s.st.tables[c.from].find(c.PathValue("id"))
	to = s.st.tables[c.to].find(c.PathValue("toID"))
	if from == nil || to == nil {
		e := notFound("One of the records")
		e.SubCategory = "crm.associations.INVALID_OBJECT_IDS"
		return nil, nil, e
	}
	return from, to, nil
}

type assocRow struct {
	From idRef    `json:"from"`
	To   idRef    `json:"to"`
	Spec typeSpec `json:"associationSpec"`
}

type idRef struct {
	ID string `json:"id"`
}

func (s *Server) associateDefault(c *assocCall) answer {
	from, to, bad := s.ends(c)
	if bad != nil {
		return bad.answer()
	}
	return ok(map[string]any{"status": "COMPLETE", "results": s.linkDefault(from, to),
		"startedAt": stampTime(c.now), "completedAt": stampTime(s.now())}).of(from).of(to)
}

// linkDefault adds the unlabelled type and tells both directions.
func (s *Server) linkDefault(from, to *record) []assocRow {
	t := assocTypes[pair{from.kind, to.kind}][0]
	s.st.link(from, to, []int{t.id})
	return []assocRow{
		{idRef{from.id}, idRef{to.id}, typeSpec{"HUBSPOT_DEFINED", t.id}},
		{idRef{to.id}, idRef{from.id}, typeSpec{"HUBSPOT_DEFINED", t.back}},
	}
}

func (s *Server) associateLabelled(c *assocCall) answer {
	var specs []typeSpec
	if bad := c.decode(&specs); bad != nil {
		return bad.answer()
	}
	if len(specs) == 0 {
		return invalid("At least one association type is needed").answer()
	}
	from, to, bad := s.ends(c)
	if bad != nil {
		return bad.answer()
	}
	var ids []int
	labels := []string{}
	for _, spec := range specs {
		t, known := findAssocType(c.from, c.to, spec.TypeID)
		if !known || spec.Category != "HUBSPOT_DEFINED" {
			e := invalid("Association type %d is not valid from %s to %s", spec.TypeID, c.from.name, c.to.name)
			e.SubCategory = "crm.associations.INVALID_ASSOCIATION_TYPE"
			return e.answer()
		}
		ids = append(ids, t.id)
		if t.label != "" {
			labels = append(labels, t.label)
		}
	}
	s.st.link(from, to, ids)
	return created(map[string]any{"fromObjectId": from.id, "toObjectId": to.id, "labels": labels,
		"fromObjectTypeId": c.from.typeID, "toObjectTypeId": c.to.typeID}).of(from).of(to)
}

func (s *Server) dissociate(c *assocCall) answer {
	from, to, bad := s.ends(c)
	if bad != nil {
		return noContent()
	}
	s.st.unlink(from, to)
	return noContent().of(from).of(to)
}

type labelOut struct {
	Category string  `json:"category"`
	TypeID   int     `json:"typeId"`
	Label    *string `json:"label"`
}

func labelRow(t assocType) labelOut {
	out := labelOut{Category: "HUBSPOT_DEFINED", TypeID: t.id}
	if t.label != "" {
		out.Label = &t.label
	}
	return out
}

func (s *Server) associationLabels(c *assocCall) answer {
	rows := []labelOut{}
	for _, t := range assocTypes[pair{c.from, c.to}] {
		rows = append(rows, labelRow(t))
	}
	return ok(map[string]any{"results": rows})
}

type toOut struct {
	ID    string     `json:"toObjectId"`
	Types []labelOut `json:"associationTypes"`
}

type fromOut struct {
	From   idRef      `json:"from"`
	To     []toOut    `json:"to"`
	Paging *pagingOut `json:"paging,omitempty"`
}

// linkPage gives one page of the links of a record after a linked id.
func (s *Server) linkPage(r *record, k *kind, after string, limit int) ([]toOut, *pagingOut) {
	linked := s.st.linked(r, k)
	if i := slices.IndexFunc(linked, func(o *record) bool { return o.id == after }); i >= 0 {
		linked = linked[i+1:]
	}
	rows := []toOut{}
	for i, other := range linked {
		if i == limit {
			return rows, nextPage(rows[limit-1].ID)
		}
		row := toOut{ID: other.id}
		for _, id := range r.links[k].types[other.id] {
			if t, ok := findAssocType(r.kind, k, id); ok {
				row.Types = append(row.Types, labelRow(t))
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (s *Server) listAssociations(c *assocCall) answer {
	r := s.st.tables[c.from].find(c.PathValue("id"))
	if r == nil {
		return notFound("resource").answer()
	}
	limit, bad := c.limit(inlineLinks, inlineLinks)
	if bad != nil {
		return bad.answer()
	}
	rows, paging := s.linkPage(r, c.to, c.query.Get("after"), limit)
	out := map[string]any{"results": rows}
	if paging != nil {
		out["paging"] = paging
	}
	return ok(out).of(r)
}

type assocBatchOut struct {
	Status      string       `json:"status"`
	Results     any          `json:"results"`
	NumErrors   int          `json:"numErrors,omitempty"`
	Errors      []batchError `json:"errors,omitempty"`
	StartedAt   string       `json:"startedAt"`
	CompletedAt string       `json:"completedAt"`
}

func (s *Server) assocBatch(c *assocCall, rows any, b *batch, n int) answer {
	out := assocBatchOut{Status: "COMPLETE", Results: rows, NumErrors: len(b.out.Errors), Errors: b.out.Errors,
		StartedAt: stampTime(c.now), CompletedAt: stampTime(s.now())}
	a := ok(out)
	a.records = n
	if out.NumErrors > 0 {
		a.status = http.StatusMultiStatus
	}
	return a
}

// readAssociations answers 207 when some of the records have no such links.
func (s *Server) readAssociations(c *assocCall) answer {
	var in struct {
		Inputs []struct {
			ID    string `json:"id"`
			After string `json:"after"`
		} `json:"inputs"`
	}
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	if len(in.Inputs) > maxAssocRead {
		return invalid("The maximum batch size is %d", maxAssocRead).answer()
	}
	rows, b := []fromOut{}, &batch{}
	for _, one := range in.Inputs {
		r := s.st.tables[c.from].find(one.ID)
		if r == nil || len(s.st.linked(r, c.to)) == 0 {
			e := notFound("An association of " + c.from.singular + " " + clip(one.ID) + " with " + c.to.name)
			e.SubCategory = "crm.associations.NO_ASSOCIATIONS_FOUND"
			e.Context = map[string][]string{"fromObjectId": {clip(one.ID)},
				"fromObjectType": {c.from.typeID}, "toObjectType": {c.to.typeID}}
			b.refuse(e, "")
			continue
		}
		to, paging := s.linkPage(r, c.to, one.After, inlineLinks)
		rows = append(rows, fromOut{idRef{one.ID}, to, paging})
	}
	return s.assocBatch(c, rows, b, len(in.Inputs))
}

func (s *Server) associateBatch(c *assocCall) answer {
	var in struct {
		Inputs []struct {
			From idRef `json:"from"`
			To   idRef `json:"to"`
		} `json:"inputs"`
	}
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	if len(in.Inputs) > maxAssocWrite {
		return invalid("The maximum batch size is %d", maxAssocWrite).answer()
	}
	rows, b := []assocRow{}, &batch{}
	for _, one := range in.Inputs {
		from, to := s.st.tables[c.from].find(one.From.ID), s.st.tables[c.to].find(one.To.ID)
		if from == nil || to == nil {
			e := notFound("One of the records")
			e.SubCategory = "crm.associations.INVALID_OBJECT_IDS"
			e.Context = map[string][]string{strings.ToUpper(c.from.singular): {clip(one.From.ID)}}
			b.refuse(e, "")
			continue
		}
		rows = append(rows, s.linkDefault(from, to)...)
	}
	return s.assocBatch(c, rows, b, len(in.Inputs))
}
