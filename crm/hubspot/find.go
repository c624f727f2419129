package hubspot

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"switchboard/crm"
	"switchboard/phone"
)

const (
	searchPage       = 200
	maxPersonPhones  = 10
	maxPersonEmails  = 10
	propNationalTel  = "hs_searchable_calculated_phone_number"
	propNationalCell = "hs_searchable_calculated_mobile_number"
)

type filter struct {
	Property string   `json:"propertyName"`
	Operator string   `json:"operator"`
	Value    string   `json:"value,omitempty"`
	Values   []string `json:"values,omitempty"`
	High     string   `json:"highValue,omitempty"`
}

// group is one alternative of a search; all its filters must hold.
type group struct {
	Filters []filter `json:"filters"`
}

type sorting struct {
	Property  string `json:"propertyName"`
	Direction string `json:"direction"`
}

type searchInput struct {
	Groups     []group   `json:"filterGroups"`
	Sorts      []sorting `json:"sorts"`
	Properties []string  `json:"properties"`
	Limit      int       `json:"limit"`
	After      string    `json:"after"`
}

type searchAnswer struct {
	Results []record `json:"results"`
	Paging  paging   `json:"paging"`
}

func (a *searchAnswer) complete() bool {
	return a.Results != nil && !slices.ContainsFunc(a.Results, func(r record) bool { return !r.complete() })
}

func (c *Client) search(ctx context.Context, kind string, in searchInput) (searchAnswer, error) {
	path := objects(kind, "search")
	if in.Groups == nil {
		in.Groups = []group{}
	}
	var a searchAnswer
	err := c.do(ctx, call{method: http.MethodPost, route: path, path: path, body: in, search: true}, &a)
	return a, err
}

// FindContacts gives the contact that carries the client's unique property, or else
// those whose phone (in E.164) or e-mail is one of the query's, newest first. Search
// shows a record some seconds after it was written. One or two calls.
func (c *Client) FindContacts(ctx context.Context, q crm.PersonQuery) ([]crm.Found, error) {
	if q.Client != "" {
		r, found, err := c.readRecord(ctx, contactsType, string(q.Client), ContactUID, contactProps)
		if err != nil {
			return nil, err
		}
		if found {
			return []crm.Found{{Contact: r.contact(), Ours: true}}, nil
		}
	}
	groups := personGroups(q)
	if len(groups) == 0 {
		return nil, nil
	}
	a, err := c.search(ctx, contactsType, searchInput{Groups: groups, Properties: contactProps, Limit: searchPage,
		After: "0", Sorts: []sorting{{"createdate", "DESCENDING"}}})
	if err != nil {
		return nil, err
	}
	return confirmed(a.Results, q), nil
}

// personGroups finds too much rather than too little: HubSpot keeps phones as typed
// and national digits as it understood them. Five alternatives are allowed.
func personGroups(q crm.PersonQuery) []group {
	var groups []group
	either := func(property, operator, value string, values []string) {
		groups = append(groups, group{[]filter{{Property: property, Operator: operator, Value: value, Values: values}}})
	}
	if national, typed := phoneForms(q.Phones); len(national) > 0 {
		either(propNationalTel, "IN", "", typed)
		either(propNationalCell, "IN", "", typed)
		// Where HubSpot understood nothing, the text as typed may still end so.
		either("phone", "CONTAINS_TOKEN", "*"+national[0], nil)
		either("mobilephone", "CONTAINS_TOKEN", "*"+national[0], nil)
	}
	if emails := lowered(q.Emails); len(emails) > 0 {
		either("email", "IN", "", emails)
	}
	return groups
}

// phoneForms are the national digits of numbers, and all forms in which the digits may
// have been kept: alone, after the trunk prefix 8 or 0, after the country's code.
func phoneForms(phones []string) (national, typed []string) {
	for _, e164 := range phones[:min(len(phones), maxPersonPhones)] {
		n := phone.NationalDigits(e164)
		if n == "" {
			continue
		}
		national = append(national, n)
		for _, form := range []string{n, "8" + n, "0" + n, strings.TrimPrefix(e164, "+")} {
			if !slices.Contains(typed, form) {
				typed = append(typed, form)
			}
		}
		typed = append(typed, formerNumbers(e164, n)...)
	}
	return national, typed
}

// formerNumbers are national digits before a country renumbered its mobile numbers:
// Brazil without the ninth digit, Mexico and Argentina with the old 1 and without the 9.
func formerNumbers(e164, national string) []string {
	switch {
	case strings.HasPrefix(e164, "+55") && len(national) == 11 && national[2] == '9':
		return []string{national[:2] + national[3:]}
	case strings.HasPrefix(e164, "+52") && len(national) == 10:
		return []string{"1" + national}
	case strings.HasPrefix(e164, "+54") && len(national) == 11 && national[0] == '9':
		return []string{national[1:]}
	}
	return nil
}

func lowered(emails []string) []string {
	var out []string
	for _, e := range emails[:min(len(emails), maxPersonEmails)] {
		if e = strings.ToLower(strings.TrimSpace(e)); e != "" && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// confirmed keeps the records that really match, newest first.
func confirmed(records []record, q crm.PersonQuery) []crm.Found {
	var found []crm.Found
	for _, r := range records {
		if !matches(r, q) {
			continue
		}
		found = append(found, crm.Found{Contact: r.contact(), Ours: q.Client != "" && r.Properties[ContactUID] == string(q.Client)})
	}
	slices.SortStableFunc(found, func(a, b crm.Found) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), compareIDs(string(b.ID), string(a.ID)))
	})
	return found
}

func matches(r record, q crm.PersonQuery) bool {
	if slices.Contains(lowered(q.Emails), strings.ToLower(r.Properties["email"])) {
		return true
	}
	for _, name := range []string{"phone", "mobilephone"} {
		e164, ok := phone.Parse(r.Properties[name], q.Country, q.EightToSeven)
		if ok && slices.Contains(q.Phones, e164) {
			return true
		}
	}
	return false
}

// compareIDs orders HubSpot's ids, which are numbers of any length.
func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}
