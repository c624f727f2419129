package contracttest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"switchboard/crm/hubspot/contract/contracttest"
)

// recorder is a test that notes what is reported to it.
type recorder struct {
	testing.TB
	reports []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.reports = append(r.reports, fmt.Sprintf(format, args...))
}
func (r *recorder) Helper() {}

const search = "/crm/objects/2026-03/contacts/search"

func TestReportsWhatBreaksTheContract(t *testing.T) {
	t.Parallel()
	good := `{"filterGroups":[],"sorts":[],"properties":[],"limit":1,"after":"0"}`
	for name, c := range map[string]struct {
		path, body, answer string
		status             int
		want               string // "" = nothing is reported
	}{
		"all well":           {search, good, `{"total":0,"results":[]}`, 200, ""},
		"page over 200":      {search, strings.Replace(good, `"limit":1`, `"limit":201`, 1), `{"total":0,"results":[]}`, 200, "limit"},
		"sorts left out":     {search, `{"filterGroups":[],"properties":[],"limit":1,"after":"0"}`, `{"total":0,"results":[]}`, 200, "sorts"},
		"unknown address":    {"/crm/v3/objects/contacts/search", good, `{"status":"error"}`, 404, "not in the contract"},
		"answer lacks total": {search, good, `{"results":[]}`, 200, "total"},
		"unknown status":     {search, good, `{}`, 299, "status"},
		"a cut answer":       {search, good, `{"total":0,"resu`, 200, ""},
		"a page":             {search, good, `<html>`, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got, _ := io.ReadAll(r.Body); string(got) != c.body {
					t.Errorf("the server got %q, want %q", got, c.body)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
			}))
			defer srv.Close()
			rec := &recorder{TB: t}
			client := http.Client{Transport: contracttest.RoundTripper(rec, nil)}
			res, err := client.Post(srv.URL+c.path, "application/json", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if got, _ := io.ReadAll(res.Body); string(got) != c.answer {
				t.Errorf("the caller got %q, want %q", got, c.answer)
			}
			checkReports(t, rec.reports, c.want)
		})
	}
}

func TestAServersAnswersAreJudgedAndItsPagesAreNot(t *testing.T) {
	t.Parallel()
	rec := &recorder{TB: t}
	checked := contracttest.Handler(rec, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"results":[{"id":1}]}`)
	}))
	srv := httptest.NewServer(checked)
	defer srv.Close()
	for _, path := range []string{"/contacts/1/record/0-1/5", "/crm/owners/2026-03"} {
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	srv.Close()
	checkReports(t, rec.reports, "/crm/owners/2026-03")
	if _, answers := checked.Judged(); answers != 1 {
		t.Errorf("%d answers were judged, want 1", answers)
	}
}

func checkReports(t *testing.T, reports []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(reports) > 0:
		t.Errorf("reported %q, want nothing", reports)
	case want != "" && (len(reports) != 1 || !strings.Contains(reports[0], want)):
		t.Errorf("reported %q, want one about %q", reports, want)
	}
}
