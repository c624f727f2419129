package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// createInput is one record to be made.
type createInput struct {
	Properties   values       `json:"properties"`
	Associations []assocInput `json:"associations"`
	TraceID      string       `json:"objectWriteTraceId"`
}

type assocInput struct {
	To    idInput    `json:"to"`
	Types []typeSpec `json:"types"`
}

type idInput struct {
	ID string `json:"id"`
}

type typeSpec struct {
	Category string `json:"associationCategory"`
	TypeID   int    `json:"associationTypeId"`
}

// wantedLink is an association that was found to be possible.
type wantedLink struct {
	to    *record
	types []int
}

// create makes a record, or says why not and changes nothing.
func (s *Server) create(t *table, in createInput, now time.Time) (*record, *apiError) {
	props, wanted, bad := s.checkCreate(t, in)
	if bad != nil {
		return nil, bad
	}
	return s.insert(t, props, wanted, now), nil
}

// checkCreate judges a record to be made and gives its values and links.
func (s *Server) checkCreate(t *table, in createInput) (map[string]string, []wantedLink, *apiError) {
	if bad := t.checkValues(in.Properties); bad != nil {
		return nil, nil, bad
	}
	props := t.cleaned(in.Properties)
	if bad := s.checkRequired(t.kind, props); bad != nil {
		return nil, nil, bad
	}
	if bad := s.checkReferences(t.kind, nil, props); bad != nil {
		return nil, nil, bad
	}
	wanted, bad := s.wantedLinks(t.kind, in.Associations)
	if bad != nil {
		return nil, nil, bad
	}
	if bad := checkRequiredLinks(t.kind, wanted); bad != nil {
		return nil, nil, bad
	}
	return props, wanted, t.checkUnique(nil, props)
}

func (s *Server) insert(t *table, props map[string]string, wanted []wantedLink, now time.Time) *record {
	r := &record{id: t.newID(), kind: t.kind, created: now}
	props[propObjectID] = r.id
	if props[t.kind.createdProp] == "" {
		props[t.kind.createdProp] = stampTime(now)
	}
	s.calculate(t.kind, nil, props, now)
	t.put(r, props, now)
	s.st.changed(recordChange(r))
	for _, w := range wanted {
		s.st.link(r, w.to, w.types)
	}
	return r
}

// update changes values of a record; an empty value clears. A request that
// changes nothing leaves the record as it was.
func (s *Server) update(t *table, r *record, v values, now time.Time) *apiError {
	if err := t.checkValues(v); err != nil {
		return err
	}
	props := maps.Clone(r.props)
	for name, value := range v {
		setOrDrop(props, name, t.stored(name, value))
	}
	if err := s.checkReferences(t.kind, r.props, props); err != nil {
		return err
	}
	if err := t.checkUnique(r, props); err != nil {
		return err
	}
	if maps.Equal(props, r.props) {
		return nil
	}
	s.calculate(t.kind, r.props, props, now)
	t.put(r, props, now)
	s.st.changed(recordChange(r))
	return nil
}

func (t *table) cleaned(v values) map[string]string {
	props := make(map[string]string, len(v)+4)
	for name, value := range v {
		setOrDrop(props, name, t.stored(name, value))
	}
	return props
}

// calculate fills in what the CRM keeps by itself.
func (s *Server) calculate(k *kind, before, props map[string]string, now time.Time) {
	props[k.modifiedProp] = stampTime(now)
	if props[propOwner] != before[propOwner] {
		props[propOwnerSince] = stampTime(now)
	}
	switch k {
	case contacts:
		calculatePhones(props, s.cfg.Portal.CountryCode)
		if before == nil && props["lifecyclestage"] == "" {
			props["lifecyclestage"] = "lead"
		}
	case deals:
		s.calculateDeal(before, props, now)
	case leads:
		stage := s.leadStage(props)
		props["hs_lead_is_open"] = boolText(!stage.Closed)
	}
}

func (s *Server) calculateDeal(before, props map[string]string, now time.Time) {
	pipe, _ := findPipeline(s.st.dealPipe, props["pipeline"])
	stage, _ := pipe.stage(props["dealstage"])
	won := stage.Closed && strings.HasPrefix(stage.Probability, "1")
	props["hs_is_closed"], props["hs_is_closed_won"] = boolText(stage.Closed), boolText(won)
	props["hs_deal_stage_probability"] = stage.Probability
	if stage.Closed && before["hs_is_closed"] == "false" {
		props["closedate"] = stampTime(now)
	}
}

func (s *Server) leadStage(props map[string]string) Stage {
	pipe, _ := findPipeline(s.st.leadPipe, props["hs_pipeline"])
	stage, _ := pipe.stage(props["hs_pipeline_stage"])
	return stage
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// requiredProps by kind; contacts need any one of theirs.
var requiredProps = map[*kind][]string{
	deals: {"dealname", "pipeline", "dealstage"},
	leads: {"hs_lead_name"},
	communications: {"hs_communication_channel_type", "hs_communication_logged_from",
		"hs_communication_body", "hs_timestamp"},
	notes: {"hs_timestamp"},
}

// checkRequired also fills in the default pipeline of a lead.
func (s *Server) checkRequired(k *kind, props map[string]string) *apiError {
	if k == contacts && props["email"]+props["firstname"]+props["lastname"] == "" {
		return invalid("A contact needs at least one of email, firstname, lastname")
	}
	var missing []string
	for _, name := range requiredProps[k] {
		if props[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		e := invalid("Error creating %s. Some required properties were not set.", strings.ToUpper(k.singular))
		e.Context = map[string][]string{"properties": missing}
		for _, name := range missing {
			e.Errors = append(e.Errors, errorDetail{
				Message: "Required property " + name + " was not set", Code: "MISSING_REQUIRED_PROPERTY",
				Context: map[string][]string{"propertyName": {name}},
			})
		}
		return e
	}
	if k == leads && props["hs_pipeline"] == "" && len(s.st.leadPipe) > 0 {
		props["hs_pipeline"] = s.st.leadPipe[0].ID
		props["hs_pipeline_stage"] = s.st.leadPipe[0].Stages[0].ID
	}
	return nil
}

// checkReferences judges owner, pipeline and stage where they changed.
func (s *Server) checkReferences(k *kind, before, props map[string]string) *apiError {
	if id := props[propOwner]; id != "" && id != before[propOwner] {
		if o, ok := s.st.owner(id); !ok || o.Archived {
			return invalidProperty("INVALID_OWNER_ID", propOwner, "The owner ID %q is not an active owner", clip(id))
		}
	}
	switch k {
	case deals:
		return checkStage(s.st.dealPipe, "pipeline", "dealstage", before, props)
	case leads:
		return checkStage(s.st.leadPipe, "hs_pipeline", "hs_pipeline_stage", before, props)
	}
	return nil
}

func checkStage(list []Pipeline, pipeProp, stageProp string, before, props map[string]string) *apiError {
	if props[pipeProp] == before[pipeProp] && props[stageProp] == before[stageProp] {
		return nil
	}
	pipe, ok := findPipeline(list, props[pipeProp])
	if !ok || pipe.Archived {
		return invalidProperty("INVALID_OPTION", pipeProp, "Pipeline ID %q is not valid", clip(props[pipeProp]))
	}
	stage, ok := pipe.stage(props[stageProp])
	if !ok || stage.Archived {
		return invalidProperty("INVALID_OPTION", stageProp, "Stage ID %q is not valid for pipeline %q",
			clip(props[stageProp]), clip(pipe.ID))
	}
	if stage.ReadOnly {
		return invalidProperty("READ_ONLY_VALUE", stageProp, "Stage ID %q does not accept records", clip(stage.ID))
	}
	return nil
}

// clip bounds what of a request is repeated in an answer.
func clip(s string) string {
	if len(s) > maxPropNameSize {
		return strings.ToValidUTF8(s[:maxPropNameSize], "") + "..."
	}
	return s
}

// checkUnique refuses values that another live record holds. The text is the
// documented one: integrations read the id from it.
func (t *table) checkUnique(self *record, props map[string]string) *apiError {
	names := slices.Sorted(maps.Keys(t.unique))
	for _, name := range names {
		value := props[name]
		if value == "" {
			continue
		}
		other := t.unique[name][uniqueKey(name, value)]
		if other == nil || other == self {
			continue
		}
		e := fail(http.StatusConflict, "CONFLICT", "%s already exists. Existing ID: %s", t.kind.title, other.id)
		e.Context = map[string][]string{"propertyName": {name}}
		return e
	}
	return nil
}

// wantedLinks resolves the associations of a create.
func (s *Server) wantedLinks(from *kind, in []assocInput) ([]wantedLink, *apiError) {
	var out []wantedLink
	for _, a := range in {
		if len(a.Types) == 0 {
			return nil, invalid("An association needs at least one type")
		}
		w, err := s.wantedLink(from, a)
		if err != nil {
			return nil, err
		}
		out = append(out, w)
	}
	return out, nil
}

func (s *Server) wantedLink(from *kind, a assocInput) (wantedLink, *apiError) {
	w := wantedLink{}
	var to *kind
	for _, spec := range a.Types {
		target := targetOf(from, spec)
		if target == nil || (to != nil && target != to) {
			e := invalid("Association type %d is not valid from %s", spec.TypeID, from.name)
			e.SubCategory = "crm.associations.INVALID_ASSOCIATION_TYPE"
			return w, e
		}
		to = target
		w.types = append(w.types, spec.TypeID)
	}
	if w.to = s.st.tables[to].find(a.To.ID); w.to == nil {
		e := invalid("One or more associations are not valid: no %s has the ID %q", to.singular, clip(a.To.ID))
		e.SubCategory = "crm.associations.INVALID_OBJECT_IDS"
		e.Context = map[string][]string{strings.ToUpper(to.singular): {clip(a.To.ID)}}
		return w, e
	}
	return w, nil
}

// targetOf finds the kind a type id leads to.
func targetOf(from *kind, spec typeSpec) *kind {
	if spec.Category != "HUBSPOT_DEFINED" {
		return nil
	}
	for _, to := range allKinds {
		if _, ok := findAssocType(from, to, spec.TypeID); ok {
			return to
		}
	}
	return nil
}

func checkRequiredLinks(k *kind, wanted []wantedLink) *apiError {
	switch k {
	case leads:
		primary := slices.ContainsFunc(wanted, func(w wantedLink) bool {
			return slices.Contains(w.types, leadToPrimaryContact)
		})
		if !primary {
			return invalid("A lead must be associated with a primary contact (type %d) in the same request", leadToPrimaryContact)
		}
	case communications:
		if len(wanted) == 0 {
			return invalid("A communication must be associated with a record in the same request")
		}
	}
	return nil
}
