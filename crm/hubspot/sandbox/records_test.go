package sandbox

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadsBackAContactAtOnce(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	made := b.contact(`{"firstname":"Anna","phone":"+7 (921) 000-11-22","hubspot_owner_id":"71000001"}`)
	read := b.call("GET", contactsPath+"/"+made.ID+"?properties=firstname,phone,lastname,hubspot_owner_id,nosuch", "").want(200).record()
	if value(read, "firstname") != "Anna" || value(read, "hubspot_owner_id") != "71000001" {
		t.Errorf("got %v", read.Properties)
	}
	if p, asked := read.Properties["lastname"]; !asked || p != nil {
		t.Error("an unset property that was asked for must be null")
	}
	if _, asked := read.Properties["nosuch"]; asked {
		t.Error("a property that does not exist must be left out")
	}
	if value(read, "createdate") != "2026-11-23T09:00:00.000Z" || read.CreatedAt != "2026-11-23T09:00:00.000Z" {
		t.Errorf("got created %s", read.CreatedAt)
	}
}

func TestKeepsSearchablePhonesBesideTypedOnes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typed, national, international string }{
		{"+7 (921) 000-11-22", "9210001122", "79210001122"},
		{"8 921 000 11 22", "9210001122", "79210001122"},
		{"9210001122", "9210001122", "79210001122"},
		{"+44 20 7946 0958", "2079460958", "442079460958"},
		{"+375 29 123-45-67", "291234567", "375291234567"},
		{"+1 (212) 555-0100 ext 5", "2125550100", "12125550100"},
	} {
		b := open(t, nil)
		made := b.contact(`{"firstname":"A","phone":"` + c.typed + `"}`)
		if got := value(made, propNationalPhone); got != c.national {
			t.Errorf("%s: national %q, want %q", c.typed, got, c.national)
		}
		if got := value(made, propInternationalPhone); got != c.international {
			t.Errorf("%s: international %q, want %q", c.typed, got, c.international)
		}
		if got := value(made, "phone"); got != c.typed {
			t.Errorf("the typed phone became %q", got)
		}
	}
}

func TestRefusesWhatTheSchemaDoesNotAllow(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	for _, c := range []struct{ path, props, code string }{
		{contactsPath, `{"firstname":"A","nosuch":"1"}`, "PROPERTY_DOESNT_EXIST"},
		{contactsPath, `{"firstname":"A","email":"not an address"}`, "INVALID_EMAIL"},
		{contactsPath, `{"firstname":"A","lifecyclestage":"friend"}`, "INVALID_OPTION"},
		{contactsPath, `{"firstname":"A","hubspot_owner_id":"5"}`, "INVALID_OWNER_ID"},
		{contactsPath, `{"firstname":"A","hs_object_id":"5"}`, "READ_ONLY_VALUE"},
		{contactsPath, `{"phone":"+79210001122"}`, ""},
		{dealsPath, `{"dealname":"D","pipeline":"default"}`, "MISSING_REQUIRED_PROPERTY"},
		{dealsPath, `{"dealname":"D","pipeline":"nosuch","dealstage":"newrequest"}`, "INVALID_OPTION"},
		{dealsPath, `{"dealname":"D","pipeline":"default","dealstage":"180240011"}`, "INVALID_OPTION"},
		{dealsPath, `{"dealname":"D","pipeline":"default","dealstage":"newrequest","amount":"much"}`, "INVALID_DOUBLE"},
		{notesPath, `{"hs_note_body":"no time"}`, "MISSING_REQUIRED_PROPERTY"},
		{notesPath, `{"hs_timestamp":"yesterday"}`, "INVALID_DATE"},
	} {
		e := b.wrong("POST", c.path, `{"properties":`+c.props+`,"associations":[]}`).want(400).problem()
		if e.Category != "VALIDATION_ERROR" || e.CorrelationID == "" {
			t.Errorf("%s: got %+v", c.props, e)
		}
		if c.code != "" && (len(e.Errors) == 0 || e.Errors[0].Code != c.code) {
			t.Errorf("%s: got %+v, want code %s", c.props, e.Errors, c.code)
		}
	}
	if n := len(b.Records("contacts")) + len(b.Records("deals")) + len(b.Records("notes")); n != 0 {
		t.Errorf("%d records were made by refused calls", n)
	}
}

func TestASecondContactWithTheSameEmailIsAConflictWithTheDocumentedText(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	first := b.contact(`{"email":"anna@shop.example"}`)
	e := b.call("POST", contactsPath, `{"properties":{"email":"ANNA@shop.example"},"associations":[]}`).want(409).problem()
	if e.Message != "Contact already exists. Existing ID: "+first.ID || e.Category != "CONFLICT" {
		t.Errorf("got %q %q", e.Category, e.Message)
	}
	b.contact(`{"firstname":"B","phone":"+79210001122"}`)
	b.contact(`{"firstname":"C","phone":"+79210001122"}`) // DEAL-3: equal phones are accepted silently
}

func TestReadsByAUniquePropertyAndRefusesItTwice(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.uniqueProperty("contacts", "switchboard_uid")
	made := b.contact(`{"firstname":"Anna","switchboard_uid":"webchat:1"}`)
	read := b.call("GET", contactsPath+"/webchat:1?idProperty=switchboard_uid", "").want(200).record()
	if read.ID != made.ID {
		t.Errorf("got %s, want %s", read.ID, made.ID)
	}
	e := b.call("POST", contactsPath, `{"properties":{"firstname":"B","switchboard_uid":"webchat:1"},"associations":[]}`).want(409).problem()
	if !strings.HasSuffix(e.Message, "Existing ID: "+made.ID) {
		t.Errorf("got %q", e.Message)
	}
	b.call("GET", contactsPath+"/webchat:2?idProperty=switchboard_uid", "").want(404)
	b.call("GET", contactsPath+"/Anna?idProperty=firstname", "").want(400)
}

func TestUpdatesMoveTheModifiedDateOnlyWhenSomethingChanged(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	made := b.contact(`{"firstname":"Anna"}`)
	b.clock.advance(time.Minute)
	same := b.call("PATCH", contactsPath+"/"+made.ID, `{"properties":{"firstname":"Anna"}}`).want(200).record()
	if same.UpdatedAt != made.UpdatedAt {
		t.Error("an update that changes nothing moved the date")
	}
	changed := b.call("PATCH", contactsPath+"/"+made.ID, `{"properties":{"hubspot_owner_id":"71000002"}}`).want(200).record()
	if changed.UpdatedAt != "2026-11-23T09:01:00.000Z" || value(changed, "lastmodifieddate") != changed.UpdatedAt {
		t.Errorf("got %s, property %s", changed.UpdatedAt, value(changed, "lastmodifieddate"))
	}
	cleared := b.call("PATCH", contactsPath+"/"+made.ID, `{"properties":{"hubspot_owner_id":""}}`).want(200).record()
	if _, there := cleared.Properties["hubspot_owner_id"]; there {
		t.Error("an empty value must clear the property")
	}
	b.call("PATCH", contactsPath+"/1", `{"properties":{"firstname":"X"}}`).want(404)
}

func TestAnArchivedContactIsGoneAndFreesItsUniqueValues(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	made := b.contact(`{"email":"anna@shop.example"}`)
	b.call("DELETE", contactsPath+"/"+made.ID, "").want(204)
	b.call("DELETE", contactsPath+"/"+made.ID, "").want(204)
	b.call("GET", contactsPath+"/"+made.ID, "").want(404)
	if old := b.call("GET", contactsPath+"/"+made.ID+"?archived=true", "").want(200).record(); !old.Archived || old.ArchivedAt == "" {
		t.Errorf("got %+v", old)
	}
	if again := b.contact(`{"email":"anna@shop.example"}`); again.ID == made.ID {
		t.Error("the archived record came back")
	}
}

func TestListsPageByPageInOrder(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	var want, got []string
	for range 25 {
		want = append(want, b.contact(`{"firstname":"A"}`).ID)
	}
	after := ""
	for pages := 0; ; pages++ {
		var out listOut
		b.call("GET", contactsPath+"?limit=10&after="+after, "").want(200).json(&out)
		for _, r := range out.Results {
			got = append(got, r.ID)
		}
		if out.Paging == nil {
			break
		}
		after = out.Paging.Next.After
		if pages > 5 {
			t.Fatal("paging does not end")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.wrong("GET", contactsPath+"?limit=101", "").want(400)
}

func TestADealFollowsItsStage(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	d := b.deal(b.contact(`{"firstname":"A"}`).ID)
	if value(d, "hs_is_closed") != "false" {
		t.Errorf("got %v", value(d, "hs_is_closed"))
	}
	won := b.call("PATCH", dealsPath+"/"+d.ID, `{"properties":{"dealstage":"closedwon"}}`).want(200).record()
	if value(won, "hs_is_closed") != "true" || value(won, "hs_is_closed_won") != "true" || value(won, "closedate") == "" {
		t.Errorf("got %v %v %v", value(won, "hs_is_closed"), value(won, "hs_is_closed_won"), value(won, "closedate"))
	}
	b.call("PATCH", dealsPath+"/"+d.ID, `{"properties":{"pipeline":"98752001"}}`).want(400)
	b.call("PATCH", dealsPath+"/"+d.ID, `{"properties":{"pipeline":"98752001","dealstage":"180240012"}}`).want(200)
}

func TestAMergedAwayContactLeadsToTheSurvivor(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	first, second := b.contact(`{"firstname":"A"}`), b.contact(`{"firstname":"B","phone":"+79210001122"}`)
	d := b.deal(second.ID)
	b.call("POST", contactsPath+"/merge", `{"primaryObjectId":"`+first.ID+`","objectIdToMerge":"`+second.ID+`"}`).want(200)
	read := b.call("GET", contactsPath+"/"+second.ID+"?properties=firstname,phone&associations=deals", "").want(200).record()
	if read.ID != first.ID || value(read, "firstname") != "A" || value(read, "phone") != "+79210001122" {
		t.Errorf("got %s %v", read.ID, read.Properties)
	}
	if links := read.Associations["deals"].Results; len(links) != 1 || links[0].ID != d.ID {
		t.Errorf("got %+v", links)
	}
}

func TestAnErasedContactLeavesNothing(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	made := b.contact(`{"email":"anna@shop.example"}`)
	d := b.deal(made.ID)
	b.call("POST", contactsPath+"/gdpr-delete", `{"objectId":"anna@shop.example","idProperty":"email"}`).want(204)
	b.call("GET", contactsPath+"/"+made.ID+"?archived=true", "").want(404)
	if links := b.Linked("deals", d.ID, "contacts"); len(links) != 0 {
		t.Errorf("got %v", links)
	}
}

func TestBodiesThatAreNoJSONAreRefused(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	for _, body := range []string{"", "{", "[]", `{"properties":{"firstname":["a"]}}`, strings.Repeat("[", 10_000), "\x00", `{"properties":"x"}`} {
		b.wrong("POST", contactsPath, body).want(400)
	}
	b.wrong("POST", contactsPath, `{"properties":{"firstname":"`+strings.Repeat("a", maxBody)+`"},"associations":[]}`).want(400)
}

func TestLeadsAreAbsentUntilSwitchedOn(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c := b.contact(`{"firstname":"A"}`)
	lead := `{"properties":{"hs_lead_name":"L"},"associations":[{"to":{"id":"` + c.ID + `"},
		"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":578}]}]}`
	b.call("POST", leadsPath, lead).want(403)
	b.call("GET", "/crm/pipelines/2026-03/leads", "").want(403)
	f := b.Faults()
	f.Leads = true
	if err := b.SetFaults(f); err != nil {
		t.Fatal(err)
	}
	made := b.call("POST", leadsPath, lead).want(201).record()
	if value(made, "hs_pipeline") != "lead-pipeline-id" || value(made, "hs_lead_is_open") != "true" {
		t.Errorf("got %v", made.Properties)
	}
	b.wrong("POST", leadsPath, `{"properties":{"hs_lead_name":"L"},"associations":[]}`).want(400)
}

func TestMomentsAreKeptInOneFormat(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	made := b.call("POST", notesPath, `{"properties":{"hs_timestamp":"1795424400123","hs_note_body":"n"},"associations":[]}`).want(201).record()
	if got := value(made, "hs_timestamp"); got != "2026-11-23T09:00:00.123Z" {
		t.Errorf("got %s", got)
	}
}
