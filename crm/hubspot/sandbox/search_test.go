package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func names(out searchOut) []string {
	got := []string{}
	for _, r := range out.Results {
		got = append(got, value(r, "firstname"))
	}
	return got
}

func TestSearchSeesAWriteOnlyAfterTheLag(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	made := b.contact(`{"firstname":"Anna"}`)
	anna, vera := `[{"propertyName":"firstname","operator":"EQ","value":"Anna"}]`, `[{"propertyName":"firstname","operator":"EQ","value":"Vera"}]`
	b.clock.advance(1999 * time.Millisecond)
	if out := b.search(contactsPath, anna); out.Total != 0 {
		t.Fatal("a new record was found before the lag had passed")
	}
	b.clock.advance(time.Millisecond)
	if out := b.search(contactsPath, anna); out.Total != 1 {
		t.Fatal("the record was not found after the lag")
	}
	b.call("PATCH", contactsPath+"/"+made.ID, `{"properties":{"firstname":"Vera"}}`).want(200)
	if b.search(contactsPath, anna).Total != 1 || b.search(contactsPath, vera).Total != 0 {
		t.Error("search must show the old value until the lag has passed")
	}
	b.clock.advance(2 * time.Second)
	if b.search(contactsPath, anna).Total != 0 || b.search(contactsPath, vera).Total != 1 {
		t.Error("search must show the new value after the lag")
	}
}

func TestTheLagCanBeChangedWhileRunning(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.contact(`{"firstname":"Anna"}`)
	filters := `[{"propertyName":"firstname","operator":"HAS_PROPERTY"}]`
	if err := b.SetSearchLag(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(29 * time.Second)
	if b.search(contactsPath, filters).Total != 0 {
		t.Error("found before 30 s")
	}
	if err := b.SetSearchLag(0); err != nil {
		t.Fatal(err)
	}
	if b.search(contactsPath, filters).Total != 1 {
		t.Error("not found without a lag")
	}
}

func TestSearchNeverFindsArchivedRecords(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	made := b.contact(`{"firstname":"Anna"}`)
	b.clock.advance(time.Minute)
	b.call("DELETE", contactsPath+"/"+made.ID, "").want(204)
	if b.search(contactsPath, `[{"propertyName":"firstname","operator":"EQ","value":"Anna"}]`).Total != 0 {
		t.Error("an archived record was found")
	}
}

func TestEveryOperatorJudgesAsDescribed(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.SearchLag = -1 })
	b.contact(`{"firstname":"Anna","email":"anna@shop.example","phone":"+79210001122","company":"Blue Sky"}`)
	b.clock.advance(time.Hour)
	b.contact(`{"firstname":"Boris","phone":"8 (921) 000-11-22","company":"blue"}`)
	b.clock.advance(time.Hour)
	b.contact(`{"firstname":"Vera","company":"Red"}`)
	for _, c := range []struct {
		filter string
		want   []string
	}{
		{`"firstname","operator":"EQ","value":"anna"`, []string{"Anna"}},
		{`"firstname","operator":"NEQ","value":"Anna"`, []string{"Boris", "Vera"}},
		{`"createdate","operator":"GT","value":"2026-11-23T10:00:00Z"`, []string{"Vera"}},
		{`"createdate","operator":"GTE","value":"2026-11-23T10:00:00Z"`, []string{"Boris", "Vera"}},
		{`"createdate","operator":"LT","value":"1795428000000"`, []string{"Anna"}},
		{`"createdate","operator":"LTE","value":"2026-11-23T10:00:00.000Z"`, []string{"Anna", "Boris"}},
		{`"createdate","operator":"BETWEEN","value":"2026-11-23T09:30:00Z","highValue":"2026-11-23T10:30:00Z"`, []string{"Boris"}},
		{`"firstname","operator":"IN","values":["anna","vera"]`, []string{"Anna", "Vera"}},
		{`"firstname","operator":"NOT_IN","values":["anna","vera"]`, []string{"Boris"}},
		{`"email","operator":"HAS_PROPERTY"`, []string{"Anna"}},
		{`"email","operator":"NOT_HAS_PROPERTY"`, []string{"Boris", "Vera"}},
		{`"company","operator":"CONTAINS_TOKEN","value":"blue"`, []string{"Anna", "Boris"}},
		{`"company","operator":"CONTAINS_TOKEN","value":"sky bl*"`, []string{"Anna"}},
		{`"company","operator":"NOT_CONTAINS_TOKEN","value":"blue"`, []string{"Vera"}},
		{`"phone","operator":"CONTAINS_TOKEN","value":"*9210001122"`, []string{"Anna"}},
		{`"email","operator":"CONTAINS_TOKEN","value":"*@shop.example"`, []string{"Anna"}},
		{`"hs_searchable_calculated_phone_number","operator":"EQ","value":"9210001122"`, []string{"Anna", "Boris"}},
		{`"hs_object_id","operator":"GT","value":"37765120001"`, []string{"Boris", "Vera"}},
	} {
		body := `{"filterGroups":[{"filters":[{"propertyName":` + c.filter + `}]}],"sorts":[],"properties":["firstname"],"limit":10,"after":"0"}`
		out := b.call("POST", contactsPath+"/search", body).want(200).found()
		if diff := cmp.Diff(c.want, names(out)); diff != "" {
			t.Errorf("%s: %s", c.filter, diff)
		}
	}
}

func TestGroupsAreAlternativesAndFiltersOfAGroupAllCount(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.SearchLag = -1 })
	b.contact(`{"firstname":"Anna","company":"Blue"}`)
	b.contact(`{"firstname":"Boris","company":"Blue"}`)
	b.contact(`{"firstname":"Vera","company":"Red"}`)
	out := b.call("POST", contactsPath+"/search", `{"filterGroups":[
		{"filters":[{"propertyName":"company","operator":"EQ","value":"Blue"},{"propertyName":"firstname","operator":"EQ","value":"Boris"}]},
		{"filters":[{"propertyName":"company","operator":"EQ","value":"Red"}]}],
		"sorts":[{"propertyName":"firstname","direction":"DESCENDING"}],"properties":["firstname"],"limit":10,"after":"0"}`).want(200).found()
	if diff := cmp.Diff([]string{"Vera", "Boris"}, names(out)); diff != "" {
		t.Error(diff)
	}
	out = b.call("POST", contactsPath+"/search", `{"filterGroups":[],"sorts":["-firstname"],"query":"blu","properties":["firstname"],"limit":10,"after":"0"}`).want(200).found()
	if len(out.Results) != 0 {
		t.Error("company is no default search field of a contact")
	}
	out = b.call("POST", contactsPath+"/search", `{"filterGroups":[],"sorts":["-firstname"],"query":"bor","properties":["firstname"],"limit":10,"after":"0"}`).want(200).found()
	if diff := cmp.Diff([]string{"Boris"}, names(out)); diff != "" {
		t.Error(diff)
	}
}

func TestSearchPagesAndCounts(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.SearchLag = -1 })
	for i := range 7 {
		b.contact(fmt.Sprintf(`{"firstname":"N%d"}`, i))
	}
	var got []string
	after := "0"
	for range 3 {
		out := b.call("POST", contactsPath+"/search", `{"filterGroups":[],"sorts":[],"properties":["firstname"],"limit":3,"after":"`+after+`"}`).want(200).found()
		if out.Total != 7 {
			t.Errorf("got total %d", out.Total)
		}
		got = append(got, names(out)...)
		if out.Paging != nil {
			after = out.Paging.Next.After
		}
	}
	if diff := cmp.Diff([]string{"N0", "N1", "N2", "N3", "N4", "N5", "N6"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSearchesBeyondTheLimitsAreRefused(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	one := `{"propertyName":"firstname","operator":"EQ","value":"A"}`
	group := `{"filters":[` + one + `]}`
	wide := `{"filters":[` + strings.Repeat(one+",", 5) + one + `]}`
	query := func(groups, rest string) string {
		return `{"filterGroups":[` + groups + `],"properties":[],` + rest + `}`
	}
	plain := `"sorts":[],"limit":10,"after":"0"`
	for name, body := range map[string]string{
		"six groups":       query(strings.Repeat(group+",", 5)+group, plain),
		"seven filters":    query(`{"filters":[`+strings.Repeat(one+",", 6)+one+`]}`, plain),
		"19 filters":       query(strings.Repeat(wide+",", 3)+group, plain),
		"201 per page":     query(group, `"sorts":[],"limit":201,"after":"0"`),
		"beyond 10,000":    query(group, `"sorts":[],"limit":100,"after":"9901"`),
		"two sorts":        query(group, `"sorts":["a","b"],"limit":10,"after":"0"`),
		"unknown property": query(`{"filters":[{"propertyName":"nosuch","operator":"EQ","value":"A"}]}`, plain),
		"unknown operator": query(`{"filters":[{"propertyName":"firstname","operator":"LIKE","value":"A"}]}`, plain),
		"no value":         query(`{"filters":[{"propertyName":"firstname","operator":"EQ"}]}`, plain),
		"no high value":    query(`{"filters":[{"propertyName":"firstname","operator":"BETWEEN","value":"A"}]}`, plain),
		"long query":       `{"filterGroups":[],"properties":[],"query":"` + strings.Repeat("a", 3001) + `",` + plain + `}`,
	} {
		if g := b.wrong("POST", contactsPath+"/search", body); g.status != 400 {
			t.Errorf("%s: got %d", name, g.status)
		}
	}
}

func TestWildcardsMatchRuns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "ac", true}, {"a*b*c", "axxbyyc", true},
		{"a*a", "a", false}, {"abc", "abc", true}, {"abc", "abcd", false}, {"*b*", "ac", false}, {"a*b*c", "acb", false},
	} {
		if got := wildcard(c.pattern, c.text); got != c.want {
			t.Errorf("%q on %q: got %v", c.pattern, c.text, got)
		}
	}
}
