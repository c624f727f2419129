package sandbox

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// DEAL-3 leans on this: a unique property lets one record through.
func TestAHundredUpsertsAtOnceMakeOneContact(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.uniqueProperty("contacts", "switchboard_uid")
	body := `{"inputs":[{"id":"client-1","idProperty":"switchboard_uid","properties":{"firstname":"Anna"}}]}`
	reqs := make([]*http.Request, 100)
	for i := range reqs {
		reqs[i] = b.request("POST", contactsPath+"/batch/upsert", body)
	}
	statuses := make([]int, len(reqs))
	var all sync.WaitGroup
	for i, req := range reqs {
		all.Go(func() {
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				statuses[i] = resp.StatusCode
				resp.Body.Close()
			}
		})
	}
	all.Wait()
	for i, status := range statuses {
		if status != http.StatusOK {
			t.Errorf("call %d: %d", i, status)
		}
	}
	if n := len(b.Records("contacts")); n != 1 {
		t.Errorf("%d contacts", n)
	}
}

// phoneSearch is the way integrations look a person up: five groups.
const phoneSearch = `{"filterGroups":[
	{"filters":[{"propertyName":"hs_searchable_calculated_phone_number","operator":"EQ","value":"9210019999"}]},
	{"filters":[{"propertyName":"phone","operator":"CONTAINS_TOKEN","value":"*9210019999"}]},
	{"filters":[{"propertyName":"mobilephone","operator":"CONTAINS_TOKEN","value":"*9210019999"}]},
	{"filters":[{"propertyName":"phone","operator":"EQ","value":"+79210019999"}]},
	{"filters":[{"propertyName":"mobilephone","operator":"EQ","value":"+79210019999"}]}],
	"sorts":[],"properties":["phone"],"limit":10,"after":"0"}`

const changedSince = `{"filterGroups":[{"filters":[{"propertyName":"lastmodifieddate","operator":"GTE","value":"1795424400000"}]}],
	"sorts":[{"propertyName":"lastmodifieddate","direction":"ASCENDING"}],"properties":["hubspot_owner_id"],"limit":100,"after":"0"}`

func BenchmarkSearchAmongTwentyThousand(b *testing.B) {
	c := newClock()
	s, err := New(Config{Clock: c.now, Tokens: []Token{{Value: testToken}}, SearchLag: -1})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 20_000 {
		if _, err := s.Create("contacts", map[string]string{"firstname": "N", "phone": fmt.Sprintf("+7921%07d", i)}); err != nil {
			b.Fatal(err)
		}
	}
	for name, body := range map[string]string{"phone": phoneSearch, "changed": changedSince} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if a := s.searchRecords(&call{now: s.now(), body: []byte(body), table: s.st.tables[contacts]}); a.status != 200 {
					b.Fatal(a.status)
				}
			}
		})
	}
}
