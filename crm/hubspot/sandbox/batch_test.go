package sandbox

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestATracedBatchTellsWhichInputsFailed(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.contact(`{"email":"anna@shop.example"}`)
	out := b.call("POST", contactsPath+"/batch/create", `{"inputs":[
		{"properties":{"firstname":"New"},"associations":[],"objectWriteTraceId":"t1"},
		{"properties":{"email":"anna@shop.example"},"associations":[],"objectWriteTraceId":"t2"},
		{"properties":{"firstname":"X","nosuch":"1"},"associations":[],"objectWriteTraceId":"t3"}]}`).want(207).batch()
	if len(out.Results) != 1 || out.Results[0].TraceID != "t1" || out.NumErrors != 2 || out.Status != "COMPLETE" {
		t.Fatalf("got %+v", out)
	}
	traces := []string{out.Errors[0].Context["objectWriteTraceId"][0], out.Errors[1].Context["objectWriteTraceId"][0]}
	if diff := cmp.Diff([]string{"t2", "t3"}, traces); diff != "" {
		t.Error(diff)
	}
	if out.Errors[0].Category != "CONFLICT" || !strings.Contains(out.Errors[0].Message, "Existing ID: ") {
		t.Errorf("got %+v", out.Errors[0])
	}
}

func TestAnUntracedBatchIsMadeWhollyOrNotAtAll(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.uniqueProperty("notes", "switchboard_key")
	b.wrong("POST", contactsPath+"/batch/create", `{"inputs":[
		{"properties":{"firstname":"New"},"associations":[]},{"properties":{"firstname":"X","nosuch":"1"},"associations":[]}]}`).want(400)
	b.call("POST", notesPath+"/batch/create", `{"inputs":[
		{"properties":{"hs_timestamp":"1","switchboard_key":"a"},"associations":[]},
		{"properties":{"hs_timestamp":"2","switchboard_key":"a"},"associations":[]}]}`).want(409)
	if n := len(b.Records("contacts")) + len(b.Records("notes")); n != 0 {
		t.Errorf("a refused batch made %d records", n)
	}
	out := b.call("POST", notesPath+"/batch/create", `{"inputs":[{"properties":{"hs_timestamp":"1","switchboard_key":"a"},"associations":[]},
		{"properties":{"hs_timestamp":"2"},"associations":[]},{"properties":{"hs_timestamp":"2"},"associations":[]}]}`).want(201).batch()
	if len(out.Results) != 3 {
		t.Errorf("got %d", len(out.Results))
	}
}

func TestAnUpsertCreatesOnceAndThenUpdates(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.uniqueProperty("contacts", "switchboard_uid")
	upsert := func(first string) batchOut {
		return b.call("POST", contactsPath+"/batch/upsert", `{"inputs":[{"id":"client-1","idProperty":"switchboard_uid",
			"properties":{"firstname":"`+first+`"},"objectWriteTraceId":"t9"}]}`).want(200).batch()
	}
	one, two := upsert("Anna"), upsert("Anna Ivanova")
	if one.Results[0].New == nil || !*one.Results[0].New || two.Results[0].New == nil || *two.Results[0].New {
		t.Error("new must be true, then false")
	}
	if one.Results[0].ID != two.Results[0].ID || len(b.Records("contacts")) != 1 {
		t.Error("an upsert made a second record")
	}
	if value(two.Results[0], "firstname") != "Anna Ivanova" || two.Results[0].TraceID != "t9" {
		t.Errorf("got %+v", two.Results[0])
	}
}

func TestUpsertsByAPropertyThatIsNotUniqueOrTwiceAreRefused(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.call("POST", contactsPath+"/batch/upsert", `{"inputs":[{"id":"A","idProperty":"firstname","properties":{"lastname":"B"}}]}`).want(400)
	b.call("POST", contactsPath+"/batch/upsert", `{"inputs":[{"id":"a@b.example","idProperty":"email","properties":{"lastname":"B"}},
		{"id":"A@b.example","idProperty":"email","properties":{"lastname":"C"}}]}`).want(400)
	if n := len(b.Records("contacts")); n != 0 {
		t.Errorf("made %d records", n)
	}
}

func TestABatchReadNamesTheMissing(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	one := b.contact(`{"firstname":"A"}`)
	out := b.call("POST", contactsPath+"/batch/read", `{"inputs":[{"id":"`+one.ID+`"},{"id":"77"}],"properties":["firstname"],"propertiesWithHistory":[]}`).want(207).batch()
	if len(out.Results) != 1 || len(out.Errors) != 1 || out.Errors[0].ID != "77" || out.Errors[0].Category != "OBJECT_NOT_FOUND" {
		t.Errorf("got %+v", out)
	}
	byMail := b.contact(`{"email":"anna@shop.example"}`)
	out = b.call("POST", contactsPath+"/batch/read", `{"inputs":[{"id":"anna@shop.example"}],"idProperty":"email","properties":[],"propertiesWithHistory":[]}`).want(200).batch()
	if out.Results[0].ID != byMail.ID {
		t.Errorf("got %+v", out.Results)
	}
}

func TestABatchUpdateGoesOnPastTheMissing(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	one := b.contact(`{"firstname":"A"}`)
	out := b.call("POST", contactsPath+"/batch/update", `{"inputs":[{"id":"77","properties":{"firstname":"B"},"objectWriteTraceId":"x"},
		{"id":"`+one.ID+`","properties":{"firstname":"B"}}]}`).want(207).batch()
	if len(out.Results) != 1 || value(out.Results[0], "firstname") != "B" || out.Errors[0].Context["objectWriteTraceId"][0] != "x" {
		t.Errorf("got %+v", out)
	}
	b.call("POST", contactsPath+"/batch/archive", `{"inputs":[{"id":"`+one.ID+`"}]}`).want(204)
	b.call("GET", contactsPath+"/"+one.ID, "").want(404)
}

func TestABatchHasAtMostAHundredRecords(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	inputs := func(n int) string {
		rows := make([]string, n)
		for i := range rows {
			rows[i] = fmt.Sprintf(`{"properties":{"hs_timestamp":"%d","hs_note_body":"n"},"associations":[]}`, i+1)
		}
		return `{"inputs":[` + strings.Join(rows, ",") + `]}`
	}
	b.call("POST", notesPath+"/batch/create", inputs(100)).want(201)
	b.wrong("POST", notesPath+"/batch/create", inputs(101)).want(400)
	b.wrong("POST", notesPath+"/batch/create", inputs(0)).want(400)
	if n := len(b.Records("notes")); n != 100 {
		t.Errorf("got %d", n)
	}
}

func TestTheDocumentedNumberOfUniquePropertiesIsTheLimit(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	for i := range maxUniqueProps {
		b.uniqueProperty("deals", fmt.Sprintf("key_%d", i))
	}
	one := func(name string) string {
		return `{"name":"` + name + `","label":"K","type":"string","fieldType":"text","groupName":"g","hasUniqueValue":true}`
	}
	b.call("POST", "/crm/properties/2026-03/deals", one("key_more")).want(400)
	e := b.call("POST", "/crm/properties/2026-03/deals", one("key_0")).want(409).problem()
	if e.Category != "OBJECT_ALREADY_EXISTS" {
		t.Errorf("got %q", e.Category)
	}
	b.call("GET", "/crm/properties/2026-03/0-3/key_0", "").want(200)
	b.call("GET", "/crm/properties/2026-03/deals/nosuch", "").want(404)
}

func TestUniquePropertiesOnEngagementsCanBeRefused(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.RefuseEngagementUnique = true })
	for _, kindName := range []string{"notes", "communications"} {
		b.call("POST", "/crm/properties/2026-03/"+kindName, `{"name":"key","label":"K","type":"string","fieldType":"text",
			"groupName":"g","hasUniqueValue":true}`).want(400)
	}
	b.uniqueProperty("contacts", "key")
}
