package sandbox

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const commBody = `"hs_communication_channel_type":"WHATS_APP","hs_communication_logged_from":"CRM","hs_communication_body":"<b>Anna:</b> hello","hs_timestamp":"1795424400000"`

func (b *box) communication(contactID string) recordOut {
	b.t.Helper()
	return b.call("POST", commsPath, `{"properties":{`+commBody+`},"associations":[{"to":{"id":"`+contactID+`"},
		"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":81}]}]}`).want(201).record()
}

func TestAssociationsMadeWithARecordAreSeenFromBothSides(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c := b.contact(`{"firstname":"A"}`)
	d := b.deal(c.ID)
	read := b.call("GET", contactsPath+"/"+c.ID+"?associations=deals,notes", "").want(200).record()
	if diff := cmp.Diff(map[string]linksOut{"deals": {Results: []linkOut{{d.ID, "contact_to_deal"}}}}, read.Associations); diff != "" {
		t.Error(diff)
	}
	read = b.call("GET", dealsPath+"/"+d.ID+"?associations=0-1", "").want(200).record()
	if diff := cmp.Diff([]linkOut{{c.ID, "deal_to_contact"}}, read.Associations["contacts"].Results); diff != "" {
		t.Error(diff)
	}
}

func TestAnAssociationWithNothingOrOfAWrongTypeIsRefused(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c := b.contact(`{"firstname":"A"}`)
	for _, link := range []string{
		`{"to":{"id":"99"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":81}]}`,
		`{"to":{"id":"` + c.ID + `"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":9999}]}`,
		`{"to":{"id":"` + c.ID + `"},"types":[{"associationCategory":"USER_DEFINED","associationTypeId":81}]}`,
	} {
		b.call("POST", commsPath, `{"properties":{`+commBody+`},"associations":[`+link+`]}`).want(400)
	}
	b.wrong("POST", commsPath, `{"properties":{`+commBody+`},"associations":[]}`).want(400)
	if n := len(b.Records("communications")); n != 0 {
		t.Errorf("made %d", n)
	}
}

func TestDefaultAndLabelledAssociationsComeAndGo(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c := b.contact(`{"firstname":"A"}`)
	d := b.deal(c.ID)
	m := b.communication(c.ID)
	b.call("PUT", commsPath+"/"+m.ID+"/associations/default/deals/"+d.ID, "").want(200)
	b.call("PUT", commsPath+"/"+m.ID+"/associations/default/deals/"+d.ID, "").want(200)
	if got := b.Linked("deals", d.ID, "communications"); len(got) != 1 || got[0].ID != m.ID {
		t.Fatalf("got %v", got)
	}
	b.call("DELETE", commsPath+"/"+m.ID+"/associations/deals/"+d.ID, "").want(204)
	if got := b.Linked("deals", d.ID, "communications"); len(got) != 0 {
		t.Fatalf("got %v", got)
	}
	b.call("PUT", commsPath+"/"+m.ID+"/associations/deals/"+d.ID, `[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":85}]`).want(201)
	b.call("PUT", commsPath+"/"+m.ID+"/associations/deals/"+d.ID, `[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":81}]`).want(400)
	b.call("PUT", commsPath+"/"+m.ID+"/associations/default/deals/1", "").want(404)
}

func TestLabelsNameTheTypeIDs(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.Leads = true })
	var out struct{ Results []labelOut }
	b.call("GET", "/crm/associations/2026-03/notes/contacts/labels", "").want(200).json(&out)
	if len(out.Results) != 1 || out.Results[0].TypeID != 202 {
		t.Errorf("got %+v", out.Results)
	}
	b.call("GET", "/crm/associations/2026-03/0-136/0-1/labels", "").want(200).json(&out)
	if len(out.Results) != 2 || out.Results[0].TypeID != 608 || out.Results[1].TypeID != 578 {
		t.Errorf("got %+v", out.Results)
	}
	b.call("GET", "/crm/associations/2026-03/notes/nosuch/labels", "").want(400)
}

func TestABatchReadOfAssociationsPagesAndNamesTheLonely(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c, lonely := b.contact(`{"firstname":"A"}`), b.contact(`{"firstname":"B"}`)
	var want []string
	for range inlineLinks + 3 {
		id, err := b.Create("notes", map[string]string{"hs_timestamp": "1"}, Link{"contacts", c.ID})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	var out struct {
		Results []fromOut
		Errors  []batchError
	}
	path := "/crm/associations/2026-03/contacts/notes/batch/read"
	b.call("POST", path, `{"inputs":[{"id":"`+c.ID+`"},{"id":"`+lonely.ID+`"}]}`).want(207).json(&out)
	if len(out.Errors) != 1 || out.Errors[0].SubCategory != "crm.associations.NO_ASSOCIATIONS_FOUND" {
		t.Errorf("got %+v", out.Errors)
	}
	var got []string
	for _, to := range out.Results[0].To {
		got = append(got, to.ID)
	}
	next, _ := json.Marshal(out.Results[0].Paging.Next.After)
	b.call("POST", path, `{"inputs":[{"id":"`+c.ID+`","after":`+string(next)+`}]}`).want(200).json(&out)
	for _, to := range out.Results[0].To {
		got = append(got, to.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	read := b.call("GET", contactsPath+"/"+c.ID+"?associations=notes", "").want(200).record()
	if n := len(read.Associations["notes"].Results); n != inlineLinks || read.Associations["notes"].Paging == nil {
		t.Errorf("got %d inline", n)
	}
}

func TestABatchOfDefaultAssociationsIsMade(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c := b.contact(`{"firstname":"A"}`)
	d := b.deal(b.contact(`{"firstname":"B"}`).ID)
	b.call("POST", "/crm/associations/2026-03/contacts/deals/batch/associate/default",
		`{"inputs":[{"from":{"id":"`+c.ID+`"},"to":{"id":"`+d.ID+`"}},{"from":{"id":"1"},"to":{"id":"2"}}]}`).want(207)
	if got := b.Linked("contacts", c.ID, "deals"); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}
