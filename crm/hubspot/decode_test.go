package hubspot

import (
	"encoding/json"
	"strings"
	"testing"

	"switchboard/crm"
)

// seeds are answers as HubSpot gives them, and what it might give on a bad day.
var seeds = []string{
	`{"id":"1","properties":{"firstname":"Anna","phone":null},"createdAt":"2026-11-23T09:00:00.000Z","updatedAt":"2026-11-23T09:00:00Z","archived":false,"associations":{"deals":{"results":[{"id":"5","type":"contact_to_deal"}],"paging":{"next":{"after":"5"}}}}}`,
	`{"status":"COMPLETE","results":[{"id":7,"properties":{}}],"errors":[{"status":"error","category":"OBJECT_NOT_FOUND","message":"x","context":{"ids":["8"]}}],"completedAt":"2026-11-23T09:00:00.000Z"}`,
	`{"status":"error","message":"Contact already exists. Existing ID: 37765128953","correlationId":"aeb5f871-7f07-4993-9211-075dc63e7cbf","category":"CONFLICT"}`,
	`{"message":"Property values were not valid: [{\"isValid\":false,\"error\":\"INVALID_OPTION\",\"name\":\"dealstage\"}]","category":"VALIDATION_ERROR","context":"text","errors":[{"context":{"propertyName":["amount"],"n":5}}]}`,
	`{"results":[{"id":"1","email":"A@b.c","type":"PERSON","userId":7,"archived":false}],"paging":{"next":{"after":"1"}}}`,
	`{"results":[{"id":"default","label":"Sales","displayOrder":0,"stages":[{"id":"s","label":"New","metadata":{"isClosed":"false","probability":"0.2"},"writePermissions":"READ_ONLY"}]}]}`,
	`{"status":"COMPLETE","results":[{"from":{"id":"1"},"to":[{"toObjectId":9},{"toObjectId":"9"}],"paging":{"next":{"after":"9"}}}]}`,
	`[]`, `null`, `{"results":null}`, `{"id":{}}`, `{"id":"1","properties":{"a":{}}}`, ``, `<html>`, `{"a":` + strings.Repeat("[", 200),
}

// fuzz decodes bytes as one kind of answer, as a call would.
func fuzz[T any](f *testing.F, check func(t *testing.T, answer *T)) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var answer T
		req := call{write: true}
		err := decode(&req, 200, body, &answer)
		if err == nil {
			check(t, &answer)
			return
		}
		if crm.ClassOf(err) != crm.Lost {
			t.Errorf("an unreadable answer to a write has the class %s", crm.ClassOf(err))
		}
		if len(body) > 20 && strings.Contains(err.Error(), string(body)) {
			t.Error("the error repeats the answer")
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	fuzz(f, func(t *testing.T, r *record) {
		if contact := r.contact(); contact.ID == "" {
			t.Error("a contact without an id")
		}
		linkedDeals(*r)
		r.mergedIDs()
		(&Client{shared: newLearned()}).deal(*r, "1")
	})
}

func FuzzDecodeBatch(f *testing.F) {
	fuzz(f, func(t *testing.T, a *batchAnswer) {
		w := &writing{c: &Client{}, results: map[crm.EntryKey]crm.EntryResult{}}
		batch := []crm.Entry{{Key: "1", Sink: crm.SinkNote, Contact: "1"}, {Key: "2", Sink: crm.SinkNote, Contact: "1", Link: "https://a.b/c"}}
		w.read(crm.SinkNote, batch, *a)
		for _, r := range w.list(batch) {
			if r.Outcome == "" {
				t.Errorf("no outcome for %s", r.Key)
			}
		}
	})
}

func FuzzDecodeSearch(f *testing.F) {
	fuzz(f, func(t *testing.T, a *searchAnswer) {
		confirmed(a.Results, crm.PersonQuery{Client: "1", Phones: []string{"+79161234567"}, Country: "RU"})
		p := progress{High: 1, Floor: 1}
		p.query(contactsType, contactProps)
		for range 3 {
			before := p
			p.take(contactsType, *a)
			if p.Pos != 0 && p.Pos == before.Pos && p.Tie == before.Tie {
				t.Error("a sweep that stands still")
			}
		}
	})
}

func FuzzDecodeOwners(f *testing.F) {
	fuzz(f, func(_ *testing.T, a *ownersAnswer) {
		for _, o := range a.Results {
			o.noun()
		}
	})
}

func FuzzDecodePipelines(f *testing.F) {
	fuzz(f, func(t *testing.T, a *pipelinesAnswer) {
		for _, p := range a.Results {
			for _, s := range p.noun().Stages {
				if s.Closed && s.Offered {
					t.Error("a closed stage is offered")
				}
			}
		}
	})
}

func FuzzDecodeAssociations(f *testing.F) {
	fuzz(f, func(_ *testing.T, a *associationsAnswer) { a.into(map[string][]string{}) })
}

func FuzzDecodeRefusal(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed), 400)
	}
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		c := &Client{shared: newLearned(), now: nowNoon, jitter: func() float64 { return 0 }}
		e := c.failure(t.Context(), &call{}, status, nil, body)
		if e.Class == "" || e.After < 0 || len(e.Reason) > maxReason {
			t.Errorf("%d: %+v", status, e)
		}
		if strings.ContainsAny(e.Reason+e.Correlation, "@\x00\n<>") {
			t.Errorf("the reason is %q", e.Reason)
		}
	})
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add(`{"floor":1,"high":2,"pos":1,"tie":"7","seen":{"1":2}}`)
	f.Add(`{"floor":-1}`)
	f.Add(``)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parseCursor(crm.Cursor(text))
		if err != nil {
			return
		}
		if !json.Valid([]byte(p.cursor())) {
			t.Error("the cursor does not encode")
		}
		p.query(dealsType, dealProps)
		p.take(dealsType, searchAnswer{})
	})
}
