package hubspot

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"switchboard"
)

// The kinds of object, as paths name them.
const (
	contactsType       = "contacts"
	dealsType          = "deals"
	communicationsType = "communications"
	notesType          = "notes"
)

// Our unique properties. A record that carries one is never made twice (DEAL-3).
const (
	ContactUID = "switchboard_uid"
	DealUID    = "switchboard_deal_uid"
	EntryUID   = "switchboard_entry_uid"
)

const (
	propOwner    = "hubspot_owner_id"
	propObjectID = "hs_object_id"
	propMerged   = "hs_merged_object_ids"
	propStamp    = "hs_timestamp"
)

// modifiedProp is the time of a record's last change, by kind.
var modifiedProp = map[string]string{contactsType: "lastmodifieddate", dealsType: "hs_lastmodifieddate"}

var (
	contactProps = []string{"firstname", "lastname", "email", "phone", "mobilephone", propOwner,
		"createdate", "lastmodifieddate", ContactUID, propMerged}
	dealProps = []string{"dealname", "pipeline", "dealstage", propOwner, "hs_is_closed",
		"createdate", "hs_lastmodifieddate", DealUID, propMerged}
)

const maxBatch = 100 // records per batch call

// text is a string that some answers give as a number.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte(`"`)) {
		err := json.Unmarshal(b, &s)
		*t = text(s)
		return err
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return errors.New("neither text nor number")
	}
	*t = text(n)
	return nil
}

// moment is a time as ISO 8601 text or milliseconds; anything else is zero.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(b []byte) error {
	var t text
	if t.UnmarshalJSON(b) == nil {
		m.Time = parseMoment(string(t))
	}
	return nil
}

func parseMoment(s string) time.Time {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil && len(s) > 8 && len(s) < 16 {
		return time.UnixMilli(ms).UTC()
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC()
	}
	return time.Time{}
}

// record is any CRM object.
type record struct {
	ID           text              `json:"id"`
	Properties   map[string]string `json:"properties"`
	CreatedAt    moment            `json:"createdAt"`
	UpdatedAt    moment            `json:"updatedAt"`
	Archived     bool              `json:"archived"`
	TraceID      string            `json:"objectWriteTraceId"`
	Associations map[string]struct {
		Results []struct {
			ID text `json:"id"`
		} `json:"results"`
		Paging paging `json:"paging"`
	} `json:"associations"`
}

func (r *record) complete() bool { return r.ID != "" && r.Properties != nil }

type paging struct {
	Next struct {
		After text `json:"after"`
	} `json:"next"`
}

// changed is when a record of a kind was last changed: the property that searches
// filter by, or the record's own time where it is missing.
func (r record) changed(kind string) time.Time {
	if t := parseMoment(r.Properties[modifiedProp[kind]]); !t.IsZero() {
		return t
	}
	return r.UpdatedAt.Time
}

// has tells whether all the properties were asked for and answered.
func (r record) has(names []string) bool {
	for _, name := range names {
		if _, ok := r.Properties[name]; !ok {
			return false
		}
	}
	return true
}

// mergedIDs are the ids of records that were merged into this one.
func (r record) mergedIDs() []string {
	return strings.FieldsFunc(r.Properties[propMerged], func(c rune) bool { return c == ';' || c == ',' || c == ' ' })
}

func (r record) contact() switchboard.Contact {
	p := r.Properties
	phone := p["phone"]
	if phone == "" {
		phone = p["mobilephone"]
	}
	return switchboard.Contact{
		ID: switchboard.ContactID(r.ID), Name: strings.TrimSpace(p["firstname"] + " " + p["lastname"]),
		Phone: phone, Email: p["email"], Owner: switchboard.OwnerID(p[propOwner]),
		UpdatedAt: r.changed(contactsType), CreatedAt: r.CreatedAt.Time, Deleted: r.Archived,
	}
}

// batchAnswer is what batch endpoints give, wholly (200, 201) or partly (207) done.
type batchAnswer struct {
	Results     []record  `json:"results"`
	Errors      []refusal `json:"errors"`
	CompletedAt moment    `json:"completedAt"`
}

func (b *batchAnswer) complete() bool {
	for i := range b.Results {
		if !b.Results[i].complete() {
			return false
		}
	}
	return b.Results != nil || len(b.Errors) > 0
}

// Requests.

type idInput struct {
	ID string `json:"id"`
}

type readInput struct {
	Inputs     []idInput `json:"inputs"`
	Properties []string  `json:"properties"`
	History    []string  `json:"propertiesWithHistory"`
	IDProperty string    `json:"idProperty,omitempty"`
}

type association struct {
	To    idInput     `json:"to"`
	Types []assocType `json:"types"`
}

type assocType struct {
	Category string `json:"associationCategory"`
	TypeID   int    `json:"associationTypeId"`
}

type createInput struct {
	Properties   map[string]string `json:"properties"`
	Associations []association     `json:"associations"`
	TraceID      string            `json:"objectWriteTraceId,omitempty"`
}

type upsertInput struct {
	ID         string            `json:"id"`
	IDProperty string            `json:"idProperty"`
	Properties map[string]string `json:"properties"`
	TraceID    string            `json:"objectWriteTraceId"`
}

type inputs[T any] struct {
	Inputs []T `json:"inputs"`
}

// objects is the path of a kind of object, with parts of ours and escaped ids.
func objects(kind string, parts ...string) string {
	var path strings.Builder
	path.WriteString("/crm/objects/" + Version + "/" + kind)
	for _, part := range parts {
		path.WriteString("/" + url.PathEscape(part))
	}
	return path.String()
}

func oneRecord(method, kind, id, idProperty string) call {
	req := call{method: method, route: objects(kind) + "/{id}", path: objects(kind, id), query: url.Values{}}
	if idProperty != "" {
		req.query.Set("idProperty", idProperty)
	}
	return req
}

func batchCall(kind, action string, body any) call {
	path := objects(kind, "batch", action)
	return call{method: http.MethodPost, route: path, path: path, body: body, write: action != "read"}
}

// defaultAssociations are HubSpot's own type ids by "from/to".
var defaultAssociations = map[string]int{
	"deals/contacts": 3, "communications/contacts": 81, "communications/deals": 85,
	"notes/contacts": 202, "notes/deals": 214,
}

// associate makes an association of a new record of kind from.
func (c *Client) associate(from, to, id string) association {
	key := from + "/" + to
	typeID := c.portal.Associations[key]
	if typeID == 0 {
		typeID = defaultAssociations[key]
	}
	return association{To: idInput{id}, Types: []assocType{{Category: "HUBSPOT_DEFINED", TypeID: typeID}}}
}
