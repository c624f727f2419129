package hubspot

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"switchboard/crm"
)

// Report tells what a connection may do; the settings page shows it line by line
// (SET-4).
type Report struct {
	Portal Portal `json:"portal"`
	Items  []Item `json:"items"`
}

// ItemState of one thing a connection needs.
type ItemState string

// The states.
const (
	ItemOK      ItemState = "ok"
	ItemMissing ItemState = "missing" // a person must grant or mend something
	ItemUnknown ItemState = "unknown" // could not be asked now: try again
)

// Item is one thing the connection needs, or could use.
type Item struct {
	Key   string    `json:"key"`
	State ItemState `json:"state"`
	// Required: without it the integration does not work; else it works with less.
	Required bool `json:"required"`
	// Sentence is the key of a sentence that says what it is: "crm.hubspot." and Key.
	Sentence string `json:"sentence"`
	// Scope is what to grant in HubSpot, "" where it is no matter of scopes.
	Scope  string `json:"scope,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Usable tells whether everything required is there.
func (r Report) Usable() bool {
	return !slices.ContainsFunc(r.Items, func(i Item) bool { return i.Required && i.State != ItemOK })
}

// probe is one thing to find out.
type probe struct {
	key, scope string
	required   bool
	ask        func(context.Context, *Client, *Portal) error
}

// probes in the order of the settings page.
var probes = []probe{
	{"account", "oauth", false, askAccount},
	{"contacts_read", "crm.objects.contacts.read", true, asks(listCall(contactsType))},
	{"contacts_write", "crm.objects.contacts.write", true, mayWrite(contactsType)},
	{"deals_read", "crm.objects.deals.read", true, asks(listCall(dealsType))},
	{"deals_write", "crm.objects.deals.write", true, mayWrite(dealsType)},
	{"owners_read", "crm.objects.owners.read", true, asks(ownersCall(false, 1, ""))},
	{"pipelines_read", "crm.schemas.deals.read", true, asks(pipelinesCall())},
	{"contact_property", "crm.schemas.contacts.write", true, ensure(contactsType, ContactUID)},
	{"deal_property", "crm.schemas.deals.write", true, ensure(dealsType, DealUID)},
	{"communication_property", "crm.schemas.contacts.write", false, ensureEntry(communicationsType)},
	{"note_property", "crm.schemas.contacts.write", false, ensureEntry(notesType)},
	{"associations", "", false, askLabels},
}

// Connect finds out what the token may do, makes our unique properties where they are
// missing, and reads what else is to be known about the account. An error means that
// nothing could be found out (crm.Unauthentic: the token is wrong); a report that is
// not Usable says what to mend. About twenty calls; safe to repeat.
func (c *Client) Connect(ctx context.Context) (Report, error) {
	r := Report{Portal: Portal{EntryUID: map[string]bool{}, Associations: map[string]int{}}}
	for _, p := range probes {
		err := p.ask(ctx, c, &r.Portal)
		class := crm.ClassOf(err)
		if err != nil && (class == crm.Unauthentic || class == crm.Limited || ctx.Err() != nil) {
			return Report{}, err
		}
		r.Items = append(r.Items, p.item(err))
	}
	if !slices.ContainsFunc(r.Items, func(i Item) bool { return i.State != ItemUnknown }) {
		return Report{}, &crm.Error{Class: crm.Unavailable, Reason: "the CRM does not answer"}
	}
	return r, nil
}

func (p probe) item(err error) Item {
	i := Item{Key: p.key, State: ItemOK, Required: p.required, Sentence: "crm.hubspot." + p.key, Scope: p.scope, Reason: reasonOf(err)}
	switch class := crm.ClassOf(err); {
	case err == nil:
	case class == crm.Unavailable || class == crm.Lost || class == crm.Locked:
		i.State = ItemUnknown
	default:
		i.State = ItemMissing
	}
	return i
}

type accountAnswer struct {
	PortalID int64  `json:"portalId"`
	Type     string `json:"accountType"`
	TimeZone string `json:"timeZone"`
	UIDomain string `json:"uiDomain"`
}

func (a *accountAnswer) complete() bool { return a.PortalID != 0 }

func askAccount(ctx context.Context, c *Client, p *Portal) error {
	path := "/account-info/" + Version + "/details"
	var a accountAnswer
	if err := c.do(ctx, call{method: http.MethodGet, route: path, path: path}, &a); err != nil {
		return err
	}
	p.ID, p.Type, p.TimeZone, p.UIDomain = a.PortalID, a.Type, a.TimeZone, a.UIDomain
	return nil
}

func listCall(kind string) call {
	return call{method: http.MethodGet, route: objects(kind), path: objects(kind), query: url.Values{"limit": {"1"}}}
}

// asks makes a call for its status only.
func asks(req call) func(context.Context, *Client, *Portal) error {
	return func(ctx context.Context, c *Client, _ *Portal) error { return c.do(ctx, req, nil) }
}

// nobody is an id that no record has.
const nobody = "0"

// mayWrite changes a record that does not exist: who may write is told that it is
// missing (or that the id is wrong), who may not is told so.
func mayWrite(kind string) func(context.Context, *Client, *Portal) error {
	return func(ctx context.Context, c *Client, _ *Portal) error {
		req := oneRecord(http.MethodPatch, kind, nobody, "")
		req.body = map[string]any{"properties": map[string]string{propOwner: ""}}
		err := c.do(ctx, req, nil)
		if class := crm.ClassOf(err); class == crm.Missing || class == crm.Refused {
			return nil
		}
		return err
	}
}

// propertyDef is a property as HubSpot defines it.
type propertyDef struct {
	Name      string `json:"name"`
	Label     string `json:"label"`
	GroupName string `json:"groupName"`
	Type      string `json:"type"`
	FieldType string `json:"fieldType"`
	Unique    bool   `json:"hasUniqueValue"`
	Hidden    bool   `json:"hidden"`
	FormField bool   `json:"formField"`
	Archived  bool   `json:"archived"`
}

func (d *propertyDef) complete() bool { return d.Name != "" }

// siblingOf is a property that every account has, by kind: ours goes into its group.
var siblingOf = map[string]string{
	contactsType: "firstname", dealsType: "dealname",
	communicationsType: "hs_communication_body", notesType: "hs_note_body",
}

func propertyCall(method, kind, name string) call {
	path := "/crm/properties/" + Version + "/" + kind
	req := call{method: method, route: path, path: path}
	if name != "" {
		req.route, req.path = path+"/{id}", path+"/"+url.PathEscape(name)
	}
	return req
}

// ensure makes a unique property where it is missing. One that exists counts only if
// its values are unique: without that a contact could be made twice.
func ensure(kind, name string) func(context.Context, *Client, *Portal) error {
	return func(ctx context.Context, c *Client, _ *Portal) error { return c.ensure(ctx, kind, name) }
}

func (c *Client) ensure(ctx context.Context, kind, name string) error {
	def, found, err := c.property(ctx, kind, name)
	if err == nil && !found {
		err = c.createProperty(ctx, kind, name)
		if p := problemOf(err); err == nil || p == nil || p.Category != "OBJECT_ALREADY_EXISTS" {
			return err
		}
		def, found, err = c.property(ctx, kind, name)
	}
	switch {
	case err != nil:
		return err
	case !found || def.Archived || !def.Unique:
		return &crm.Error{Class: crm.Refused, Reason: "the property " + name + " exists but is archived or does not hold unique values"}
	}
	return nil
}

func (c *Client) createProperty(ctx context.Context, kind, name string) error {
	sibling, _, err := c.property(ctx, kind, siblingOf[kind])
	if err != nil {
		return err
	}
	req := propertyCall(http.MethodPost, kind, "")
	req.write = true
	req.body = propertyDef{Name: name, Label: "Switchboard ID", GroupName: sibling.GroupName,
		Type: "string", FieldType: "text", Unique: true}
	return c.do(ctx, req, &propertyDef{})
}

func (c *Client) property(ctx context.Context, kind, name string) (propertyDef, bool, error) {
	var def propertyDef
	err := c.do(ctx, propertyCall(http.MethodGet, kind, name), &def)
	if crm.ClassOf(err) == crm.Missing {
		return def, false, nil
	}
	return def, err == nil, err
}

// ensureEntry tries our property on a kind of timeline entry and remembers the result.
func ensureEntry(kind string) func(context.Context, *Client, *Portal) error {
	return func(ctx context.Context, c *Client, p *Portal) error {
		err := c.ensure(ctx, kind, EntryUID)
		p.EntryUID[kind] = err == nil
		return err
	}
}

type labelsAnswer struct {
	Results []struct {
		Category string `json:"category"`
		TypeID   int    `json:"typeId"`
		Label    string `json:"label"`
	} `json:"results"`
}

func (a *labelsAnswer) complete() bool { return a.Results != nil }

// askLabels reads the type ids of the associations we make: HubSpot's own, unlabelled.
func askLabels(ctx context.Context, c *Client, p *Portal) error {
	pairs := [][2]string{{dealsType, contactsType}, {communicationsType, contactsType},
		{communicationsType, dealsType}, {notesType, contactsType}, {notesType, dealsType}}
	for _, pair := range pairs {
		key := pair[0] + "/" + pair[1]
		path := "/crm/associations/" + Version + "/" + key + "/labels"
		var a labelsAnswer
		if err := c.do(ctx, call{method: http.MethodGet, route: path, path: path}, &a); err != nil {
			return err
		}
		if id := a.plain(defaultAssociations[key]); id != 0 {
			p.Associations[key] = id
		}
	}
	return nil
}

// plain gives the usual id if it is listed, else the first unlabelled one.
func (a *labelsAnswer) plain(usual int) int {
	first := 0
	for _, row := range a.Results {
		if row.Category != "HUBSPOT_DEFINED" || row.Label != "" {
			continue
		}
		if row.TypeID == usual {
			return usual
		}
		if first == 0 {
			first = row.TypeID
		}
	}
	return first
}
