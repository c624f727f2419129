package sandbox

// kind is one type of CRM record.
type kind struct {
	name     string // in paths and association results: "contacts"
	singular string // in association type names: "contact"
	typeID   string // "0-1"
	scope    string // prefix of its read and write scopes
	schema   string // prefix of its property scopes
	title    string // opens the documented 409 text

	createdProp  string
	modifiedProp string
	defaultProps []string // returned when no properties were asked for
	queryProps   []string // looked at by the search's "query"
	firstID      int64
}

var (
	contacts = &kind{
		name: "contacts", singular: "contact", typeID: "0-1", title: "Contact",
		scope: "crm.objects.contacts", schema: "crm.schemas.contacts",
		createdProp: "createdate", modifiedProp: "lastmodifieddate",
		defaultProps: []string{"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"},
		queryProps: []string{"firstname", "lastname", "email", "phone", "mobilephone",
			propNationalPhone, propNationalMobile, propInternationalPhone, propInternationalMobile},
		firstID: 37765120001,
	}
	deals = &kind{
		name: "deals", singular: "deal", typeID: "0-3", title: "Deal",
		scope: "crm.objects.deals", schema: "crm.schemas.deals",
		createdProp: "createdate", modifiedProp: "hs_lastmodifieddate",
		defaultProps: []string{"amount", "closedate", "createdate", "dealname", "dealstage",
			"hs_lastmodifieddate", "hs_object_id", "pipeline"},
		queryProps: []string{"dealname", "description"},
		firstID:    19204510001,
	}
	leads = &kind{
		name: "leads", singular: "lead", typeID: "0-136", title: "Lead",
		scope: "crm.objects.leads", schema: "crm.schemas.deals",
		createdProp: "hs_createdate", modifiedProp: "hs_lastmodifieddate",
		defaultProps: []string{"hs_createdate", "hs_lastmodifieddate", "hs_object_id"},
		queryProps:   []string{"hs_lead_name"},
		firstID:      44150300001,
	}
	communications = &kind{
		name: "communications", singular: "communication", typeID: "0-18", title: "Communication",
		scope: "crm.objects.contacts", schema: "crm.schemas.contacts",
		createdProp: "hs_createdate", modifiedProp: "hs_lastmodifieddate",
		defaultProps: []string{"hs_createdate", "hs_lastmodifieddate", "hs_object_id"},
		queryProps:   []string{"hs_communication_body"},
		firstID:      58820700001,
	}
	notes = &kind{
		name: "notes", singular: "note", typeID: "0-46", title: "Note",
		scope: "crm.objects.contacts", schema: "crm.schemas.contacts",
		createdProp: "hs_createdate", modifiedProp: "hs_lastmodifieddate",
		defaultProps: []string{"hs_createdate", "hs_lastmodifieddate", "hs_object_id"},
		queryProps:   []string{"hs_note_body"},
		firstID:      66410900001,
	}
	allKinds = []*kind{contacts, deals, leads, communications, notes}
)

// isEngagement: an entry of the activity feed.
func (k *kind) isEngagement() bool { return k == communications || k == notes }

// kindOf finds a kind by its name, singular or type id.
func kindOf(text string) *kind {
	for _, k := range allKinds {
		if text == k.name || text == k.singular || text == k.typeID {
			return k
		}
	}
	return nil
}

// assocType is one HUBSPOT_DEFINED type of link in one direction.
type assocType struct {
	from, to *kind
	id       int
	back     int    // the type id of the opposite direction
	name     string // as in a record's inline associations
	label    string // empty for the unlabelled default
}

// assocTypes: the first of a pair is its default. The ids from the side of a
// contact, deal, note or communication towards a lead are not documented;
// those are the sandbox's own, and an integration must ask for the labels.
var assocTypes = buildAssocTypes([]assocType{
	{from: contacts, to: deals, id: 4, back: 3},
	{from: communications, to: contacts, id: 81, back: 82},
	{from: communications, to: deals, id: 85, back: 86},
	{from: notes, to: contacts, id: 202, back: 201},
	{from: notes, to: deals, id: 214, back: 213},
	{from: leads, to: contacts, id: 608, back: 609},
	{from: leads, to: contacts, id: 578, back: 579, label: "Primary"},
	{from: leads, to: deals, id: 583, back: 584},
	{from: leads, to: communications, id: 602, back: 603},
	{from: leads, to: notes, id: 854, back: 855},
})

const leadToPrimaryContact = 578

func buildAssocTypes(one []assocType) map[pair][]assocType {
	all := map[pair][]assocType{}
	add := func(t assocType) {
		t.name = t.from.singular + "_to_" + t.to.singular
		if t.label != "" {
			t.name = t.from.singular + "_to_primary_" + t.to.singular
		}
		key := pair{t.from, t.to}
		all[key] = append(all[key], t)
	}
	for _, t := range one {
		add(t)
		add(assocType{from: t.to, to: t.from, id: t.back, back: t.id, label: t.label})
	}
	return all
}

type pair struct{ from, to *kind }

func findAssocType(from, to *kind, id int) (assocType, bool) {
	for _, t := range assocTypes[pair{from, to}] {
		if t.id == id {
			return t, true
		}
	}
	return assocType{}, false
}
