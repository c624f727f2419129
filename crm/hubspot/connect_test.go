package hubspot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/crm"
	"switchboard/crm/crmtest"
	"switchboard/crm/hubspot"
	"switchboard/crm/hubspot/sandbox"
	"switchboard/secret"
)

func connect(t *testing.T, s *stand) (hubspot.Report, error) {
	t.Helper()
	c, err := hubspot.New(s.config())
	if err != nil {
		t.Fatal(err)
	}
	return c.Connect(t.Context())
}

func states(r hubspot.Report) map[string]hubspot.ItemState {
	got := map[string]hubspot.ItemState{}
	for _, i := range r.Items {
		if i.State != hubspot.ItemOK {
			got[i.Key] = i.State
		}
		if i.Sentence != "crm.hubspot."+i.Key {
			panic(i.Sentence)
		}
	}
	return got
}

func TestConnectingMakesThePropertiesAndReadsTheAccount(t *testing.T) {
	t.Parallel()
	s := newStand(t, nil)
	for _, again := range []bool{false, true} {
		r, err := connect(t, s)
		if err != nil || !r.Usable() || len(states(r)) > 0 {
			t.Fatalf("again %t: %v, %+v", again, err, r)
		}
		want := hubspot.Portal{ID: 62515001, Type: r.Portal.Type, TimeZone: "Europe/Moscow", UIDomain: "crm.example",
			EntryUID: map[string]bool{"communications": true, "notes": true},
			Associations: map[string]int{"deals/contacts": 3, "communications/contacts": 81, "communications/deals": 85,
				"notes/contacts": 202, "notes/deals": 214}}
		if diff := cmp.Diff(want, r.Portal); diff != "" {
			t.Errorf("again %t: (-want +got)\n%s", again, diff)
		}
	}
	if n := len(s.Records("contacts")) + len(s.Records("deals")); n != 0 {
		t.Errorf("connecting left %d records", n)
	}
}

func TestAnAccountThatRefusesThePropertyOnEntriesIsUsable(t *testing.T) {
	t.Parallel()
	r, err := connect(t, newStand(t, func(cfg *sandbox.Config) { cfg.RefuseEngagementUnique = true }))
	if err != nil || !r.Usable() {
		t.Fatalf("%v, %+v", err, r)
	}
	want := map[string]hubspot.ItemState{"communication_property": hubspot.ItemMissing, "note_property": hubspot.ItemMissing}
	if diff := cmp.Diff(want, states(r)); diff != "" || r.Portal.EntryUID["notes"] || r.Portal.EntryUID["communications"] {
		t.Errorf("%+v\n%s", r.Portal, diff)
	}
}

// SET-4: each missing scope is named, alone.
func TestNamesEachMissingScope(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string][]string{
		"crm.objects.contacts.write": {"contacts_write"},
		"crm.objects.deals.write":    {"deals_write"},
		"crm.objects.owners.read":    {"owners_read"},
		"crm.schemas.deals.write":    {"deal_property"},
	} {
		s := newStand(t, func(cfg *sandbox.Config) {
			granted := slices.DeleteFunc(sandbox.AllScopes(), func(one string) bool { return one == scope })
			cfg.Tokens = []sandbox.Token{{Value: token, Scopes: granted}}
		})
		r, err := connect(t, s)
		if err != nil || r.Usable() {
			t.Errorf("without %s: %v, usable %t", scope, err, r.Usable())
		}
		for _, key := range want {
			i := slices.IndexFunc(r.Items, func(i hubspot.Item) bool { return i.Key == key })
			if i < 0 || r.Items[i].State != hubspot.ItemMissing || r.Items[i].Scope != scope {
				t.Errorf("without %s: %s is %+v", scope, key, r.Items)
			}
		}
	}
}

func TestAWrongTokenAndASilentServerAreErrors(t *testing.T) {
	t.Parallel()
	s := newStand(t, nil)
	cfg := s.config()
	cfg.Token = secret.New("pat-eu1-wrong-canary")
	c, err := hubspot.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Connect(t.Context())
	if crm.ClassOf(err) != crm.Unauthentic || err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a wrong token gave %v", err)
	}
	s.must(s.SetDown(sandbox.Down503))
	if _, err = connect(t, s); crm.ClassOf(err) != crm.Unavailable || err == nil {
		t.Errorf("a server that is down gave %v", err)
	}
}

// DEAL-3 stands on the property being unique.
func TestAPropertyThatIsNotUniqueIsRefused(t *testing.T) {
	t.Parallel()
	s := newStand(t, nil)
	body := `{"name":"switchboard_uid","label":"x","type":"string","fieldType":"text","groupName":"contactinformation","hasUniqueValue":false}`
	post(t, s, "/crm/properties/2026-03/contacts", body)
	r, err := connect(t, s)
	if err != nil || r.Usable() || states(r)["contact_property"] != hubspot.ItemMissing {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestRecordPagesHaveAnAddressOnceTheAccountIsKnown(t *testing.T) {
	t.Parallel()
	cfg := hubspot.Config{HTTP: newStand(t, nil).http, Token: secret.New(token)}
	c, err := hubspot.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.RecordURL(crm.RecordContact, "5"); got != "" {
		t.Errorf("before: %q", got)
	}
	c = c.WithPortal(hubspot.Portal{ID: 7, UIDomain: "app-eu1.hubspot.com"})
	for kind, want := range map[crm.RecordKind]string{
		crm.RecordContact: "https://app-eu1.hubspot.com/contacts/7/record/0-1/5",
		crm.RecordDeal:    "https://app-eu1.hubspot.com/contacts/7/record/0-3/5",
		"company":         "",
	} {
		if got := c.RecordURL(kind, "5"); got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
	if got := c.RecordURL(crm.RecordContact, "../x?"); strings.Contains(got, "..") && !strings.Contains(got, "%2F") {
		t.Errorf("an id changes the path: %q", got)
	}
}

// A merged-away id that the batch already explains needs no call of its own.
func TestMergedContactsCostNoFurtherCalls(t *testing.T) {
	t.Parallel()
	s := newStand(t, nil)
	c := s.client()
	winner, loser := s.AddContact(crmtest.Person{Name: "Anna"}), s.AddContact(crmtest.Person{Name: "Anya"})
	s.MergeContacts(winner, loser)
	before := s.Calls()
	got, err := c.Contacts(t.Context(), []switchboard.ContactID{loser, winner})
	if err != nil || len(got) != 2 || got[0].ID != winner || got[1].ID != winner || s.Calls()-before != 1 {
		t.Errorf("%v, %+v, %d calls", err, got, s.Calls()-before)
	}
}
