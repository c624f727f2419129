package sandbox

import (
	"net/http"
	"time"
)

const maxBatch = 100

// batchOut is the answer of the batch endpoints; with errors it is a 207.
type batchOut struct {
	Status      string       `json:"status"`
	Results     []recordOut  `json:"results"`
	StartedAt   string       `json:"startedAt"`
	CompletedAt string       `json:"completedAt"`
	NumErrors   int          `json:"numErrors,omitempty"`
	Errors      []batchError `json:"errors,omitempty"`
}

type batchError struct {
	Status      string              `json:"status"`
	ID          string              `json:"id,omitempty"`
	Category    string              `json:"category"`
	SubCategory string              `json:"subCategory,omitempty"`
	Message     string              `json:"message"`
	Context     map[string][]string `json:"context"`
	Errors      []errorDetail       `json:"errors"`
	Links       map[string]string   `json:"links"`
}

// batch collects the outcome of a batch call.
type batch struct {
	out  batchOut
	ids  []string
	size int // inputs
}

func (b *batch) add(r *record, out recordOut) {
	b.out.Results = append(b.out.Results, out)
	b.ids = append(b.ids, r.id)
}

func (b *batch) refuse(e *apiError, trace string) {
	row := batchError{Status: "error", Category: e.Category, SubCategory: e.SubCategory, Message: e.Message,
		Context: map[string][]string{}, Errors: e.Errors, Links: map[string]string{}}
	for name, list := range e.Context {
		row.Context[name] = list
	}
	if trace != "" {
		row.Context["objectWriteTraceId"] = []string{trace}
	}
	if row.Errors == nil {
		row.Errors = []errorDetail{}
	}
	b.out.Errors = append(b.out.Errors, row)
}

// missing notes a record that does not exist.
func (b *batch) missing(k *kind, id, trace string) {
	e := notFound(k.title + " " + clip(id))
	e.Context = map[string][]string{"ids": {clip(id)}}
	b.refuse(e, trace)
	b.out.Errors[len(b.out.Errors)-1].ID = clip(id)
}

func (b *batch) answer(status int, started, completed time.Time) answer {
	b.out.Status, b.out.StartedAt, b.out.CompletedAt = "COMPLETE", stampTime(started), stampTime(completed)
	b.out.NumErrors = len(b.out.Errors)
	if b.out.NumErrors > 0 {
		status = http.StatusMultiStatus
	}
	if b.out.Results == nil {
		b.out.Results = []recordOut{}
	}
	return answer{status: status, body: &b.out, records: b.size, ids: b.ids}
}

func checkBatch(n int) *apiError {
	if n == 0 {
		return invalid("A batch needs at least one input")
	}
	if n > maxBatch {
		return invalid("The maximum batch size is %d, this batch has %d", maxBatch, n)
	}
	return nil
}

// checkDuplicates refuses a batch that names one record twice.
func checkDuplicates(ids []string) *apiError {
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			return invalid("Duplicate IDs found in batch input: [%s]. IDs must be unique", clip(id))
		}
		seen[id] = true
	}
	return nil
}

// batchCreate tells each record's outcome only when the inputs carry trace
// ids; without them one bad input refuses the whole batch.
func (s *Server) batchCreate(c *call) answer {
	var in struct {
		Inputs []createInput `json:"inputs"`
	}
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	if bad := checkBatch(len(in.Inputs)); bad != nil {
		return bad.answer()
	}
	traced := true
	for _, one := range in.Inputs {
		traced = traced && one.TraceID != ""
	}
	if !traced {
		if bad := s.rehearse(c, in.Inputs); bad != nil {
			return bad.answer()
		}
	}
	b := &batch{size: len(in.Inputs)}
	for _, one := range in.Inputs {
		r, bad := s.create(c.table, one, c.now)
		if bad != nil {
			b.refuse(bad, one.TraceID)
			continue
		}
		out := s.show(r, r.props, view{all: true})
		out.TraceID = one.TraceID
		b.add(r, out)
	}
	return b.answer(http.StatusCreated, c.now, s.now())
}

// rehearse finds the first input that would be refused, among the others too.
func (s *Server) rehearse(c *call, inputs []createInput) *apiError {
	taken := map[string]bool{}
	for i, in := range inputs {
		if _, _, bad := s.checkCreate(c.table, in); bad != nil {
			return bad
		}
		for name := range c.table.unique {
			key := name + "\x00" + uniqueKey(name, in.Properties[name])
			if in.Properties[name] != "" && taken[key] {
				e := fail(http.StatusConflict, "CONFLICT", "Input %d repeats a unique value of another input", i)
				e.Context = map[string][]string{"propertyName": {name}}
				return e
			}
			taken[key] = true
		}
	}
	return nil
}

// updateInput is one record to be changed, or to be made by an upsert.
type updateInput struct {
	ID         string `json:"id"`
	IDProperty string `json:"idProperty"`
	Properties values `json:"properties"`
	TraceID    string `json:"objectWriteTraceId"`
}

func (c *call) updateInputs() ([]updateInput, *apiError) {
	var in struct {
		Inputs []updateInput `json:"inputs"`
	}
	if bad := c.decode(&in); bad != nil {
		return nil, bad
	}
	if bad := checkBatch(len(in.Inputs)); bad != nil {
		return nil, bad
	}
	var ids []string
	for _, one := range in.Inputs {
		if !c.table.isUnique(one.IDProperty) {
			return nil, invalid("%q is not a unique property of %s", clip(one.IDProperty), c.table.kind.name)
		}
		ids = append(ids, uniqueKey(one.IDProperty, one.ID))
	}
	return in.Inputs, checkDuplicates(ids)
}

func (s *Server) batchUpdate(c *call) answer {
	inputs, bad := c.updateInputs()
	if bad != nil {
		return bad.answer()
	}
	b := &batch{size: len(inputs)}
	for _, one := range inputs {
		r := c.table.findBy(one.IDProperty, one.ID)
		if r == nil {
			b.missing(c.table.kind, one.ID, one.TraceID)
			continue
		}
		s.updateOne(c, b, r, one, nil)
	}
	return b.answer(http.StatusOK, c.now, s.now())
}

func (s *Server) updateOne(c *call, b *batch, r *record, in updateInput, isNew *bool) {
	if bad := s.update(c.table, r, in.Properties, c.now); bad != nil {
		b.refuse(bad, in.TraceID)
		return
	}
	out := s.show(r, r.props, view{all: true})
	out.TraceID, out.New = in.TraceID, isNew
	b.add(r, out)
}

func (s *Server) batchUpsert(c *call) answer {
	inputs, bad := c.updateInputs()
	if bad != nil {
		return bad.answer()
	}
	b := &batch{size: len(inputs)}
	for _, one := range inputs {
		s.upsertOne(c, b, one)
	}
	return b.answer(http.StatusOK, c.now, s.now())
}

func (s *Server) upsertOne(c *call, b *batch, in updateInput) {
	isNew := false
	if r := c.table.findBy(in.IDProperty, in.ID); r != nil {
		s.updateOne(c, b, r, in, &isNew)
		return
	}
	if in.IDProperty == "" || in.IDProperty == propObjectID {
		b.missing(c.table.kind, in.ID, in.TraceID)
		return
	}
	props := values{}
	for name, value := range in.Properties {
		props[name] = value
	}
	props[in.IDProperty] = in.ID
	r, bad := s.create(c.table, createInput{Properties: props}, c.now)
	if bad != nil {
		b.refuse(bad, in.TraceID)
		return
	}
	isNew = true
	out := s.show(r, r.props, view{all: true})
	out.TraceID, out.New = in.TraceID, &isNew
	b.add(r, out)
}

func (s *Server) batchRead(c *call) answer {
	var in struct {
		Inputs     []idInput `json:"inputs"`
		Properties []string  `json:"properties"`
		History    []string  `json:"propertiesWithHistory"`
		IDProperty string    `json:"idProperty"`
	}
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	if bad := checkBatch(len(in.Inputs)); bad != nil {
		return bad.answer()
	}
	if !c.table.isUnique(in.IDProperty) {
		return invalid("%q is not a unique property of %s", clip(in.IDProperty), c.table.kind.name).answer()
	}
	b := &batch{size: len(in.Inputs)}
	v := view{props: in.Properties, history: in.History}
	for _, one := range in.Inputs {
		if r := c.table.findBy(in.IDProperty, one.ID); r != nil {
			b.add(r, s.show(r, r.props, v))
			continue
		}
		b.missing(c.table.kind, one.ID, "")
	}
	return b.answer(http.StatusOK, c.now, s.now())
}

func (s *Server) batchArchive(c *call) answer {
	var in struct {
		Inputs []idInput `json:"inputs"`
	}
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	if bad := checkBatch(len(in.Inputs)); bad != nil {
		return bad.answer()
	}
	a := noContent()
	a.records = len(in.Inputs)
	for _, one := range in.Inputs {
		if r := c.table.find(one.ID); r != nil {
			s.archive(r, c.now)
			a = a.of(r)
		}
	}
	return a
}
