package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"switchboard"
)

func contract(t *testing.T) *openapi3.T {
	t.Helper()
	raw, err := os.ReadFile("../app.yaml")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestEveryOperationOfTheContractHasARow(t *testing.T) {
	want, got := []string{}, []string{}
	for path, item := range contract(t).Paths.Map() {
		for method, op := range item.Operations() {
			hasBody := op.RequestBody != nil && op.RequestBody.Value.Content.Get("application/json") != nil
			want = append(want, fmt.Sprintf("%s = %s %s, JSON %v", op.OperationID, method, path, hasBody))
		}
	}
	for _, r := range routes {
		got = append(got, fmt.Sprintf("%s = %s, JSON %v", r.operation, r.pattern, r.body != nil))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contract -, route table +:\n%s", diff)
	}
}

// filled gives a route's address and a body that is accepted as far as its form goes.
func filled(r route) (method, path string, body any) {
	method, path, _ = strings.Cut(r.pattern, " ")
	path = strings.NewReplacer("{channel}", "c", "{employee}", "e", "{chat}", "c", "{message}", "m", "{media}", "m", "{token}", "t").Replace(path)
	switch r.operation {
	case "changeRoles":
		body = map[string]any{"rows": []any{}}
	case "createChannel":
		body = map[string]any{"transport": "none", "config": map[string]any{}}
	case "changeChannelSettings":
		body = map[string]any{"target": ""}
	case "connectCRM":
		body = map[string]any{"token": " "}
	default:
		if r.body != nil {
			body = map[string]any{}
		}
	}
	return method, path, body
}

func TestOnlyAdministratorsChangeSettings(t *testing.T) { // section 4, ROLE-2
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		ch := s.widget("Shop")
		s.connect()
		people := map[string]person{"nobody's role": s.join("zoe")}
		rows := []map[string]any{}
		for _, role := range []string{"quality_control", "manager", "supervisor"} {
			p := s.join("with" + role[:1])
			people[role] = p
			rows = append(rows, map[string]any{"employeeId": p.id, "role": role, "receives": role != "quality_control"})
		}
		s.ok(s.admin, "PUT", "/api/app/channels/"+ch.Id+"/roles", map[string]any{"rows": rows}, nil)
		checked := 0
		for _, r := range routes {
			if r.who != administrator {
				continue
			}
			checked++
			method, path, body := filled(r)
			path = strings.Replace(path, "/channels/c", "/channels/"+ch.Id, 1)
			if a := s.do(person{}, method, path, body); a.status != http.StatusUnauthorized {
				t.Errorf("%s by a visitor: %d", r.operation, a.status)
			}
			for name, p := range people {
				a := s.do(p, method, path, body)
				if a.status != http.StatusForbidden || s.problem(a).Code != "access.not_administrator" {
					t.Errorf("%s by %s: %d %s", r.operation, name, a.status, a.body)
				}
			}
		}
		for _, r := range routes { // last: some of them change things
			method, path, body := filled(r)
			if r.who != administrator || r.operation == "disconnectCRM" {
				continue
			}
			if a := s.do(s.admin, method, path, body); a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status >= 500 {
				t.Errorf("%s by the administrator: %d %s", r.operation, a.status, a.body)
			}
		}
		if checked < 15 {
			t.Errorf("only %d operations were checked", checked)
		}
	})
}

func TestAFramesBearerChangesNoSettings(t *testing.T) {
	s := oneSite(t).open()
	for _, r := range routes {
		framed := Viewer{Session: switchboard.Session{Kind: switchboard.SessionFrame}}
		framed.Account, framed.Viewer.Employee, framed.Admin = s.account, s.admin.id, true
		if err := r.who.check(framed); (r.who == administrator) != (err == errNotInFrame) {
			t.Errorf("%s in a frame: %v", r.operation, err)
		}
	}
	a := s.do(person{}, "GET", "/api/app/settings", nil, header("Authorization", "Bearer "+s.admin.cookie))
	if a.status != http.StatusUnauthorized {
		t.Errorf("a cookie's token as a bearer: %d", a.status)
	}
}

func TestRequestsFromOtherSitesAreRefused(t *testing.T) {
	s := oneSite(t).open()
	body := map[string]any{"locale": "en"}
	for name, c := range map[string]struct {
		options []option
		want    int
	}{
		"another site":           {[]option{header("Sec-Fetch-Site", "cross-site")}, 403},
		"a sister site":          {[]option{header("Sec-Fetch-Site", "same-site")}, 403},
		"an old browser":         {[]option{header("Origin", "https://evil.example")}, 403},
		"our own page":           {[]option{header("Sec-Fetch-Site", "same-origin")}, 200},
		"our own, behind a door": {[]option{header("Origin", "https://chat.example")}, 200},
		"no browser":             {nil, 200},
	} {
		a := s.do(s.admin, "PATCH", "/api/app/session", body, c.options...)
		if a.status != c.want || c.want == 403 && s.problem(a).Code != "cross_origin" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	s := oneSite(t).open()
	for name, c := range map[string]struct {
		path, body, code, field string
		status                  int
	}{
		"unknown field":      {"sign-in", `{"email":"a","password":"b","admin":true}`, "unknown_field", "admin", 400},
		"unknown in a row":   {"roles", `{"rows":[{"employeeId":"e","role":"manager","receives":true,"position":1}]}`, "unknown_field", "position", 400},
		"missing field":      {"sign-in", `{"email":"a"}`, "invalid", "password", 400},
		"null field":         {"sign-in", `{"email":"a","password":null}`, "invalid", "password", 400},
		"wrong type":         {"sign-in", `{"email":"a","password":7}`, "invalid", "password", 400},
		"not in the list":    {"roles", `{"rows":[{"employeeId":"e","role":"king","receives":true}]}`, "invalid", "role", 400},
		"role left out":      {"roles", `{"rows":[{"employeeId":"e","receives":true}]}`, "invalid", "role", 400},
		"NUL":                {"sign-in", `{"email":"a\u0000","password":"b"}`, "invalid", "email", 400},
		"NUL deeper":         {"roles", `{"rows":[{"employeeId":"e\u0000","role":"manager","receives":true}]}`, "invalid", "employeeId", 400},
		"not UTF-8":          {"sign-in", "{\"email\":\"a\xff\",\"password\":\"b\"}", "malformed_body", "", 400},
		"not JSON":           {"sign-in", `hello`, "malformed_body", "", 400},
		"cut JSON":           {"sign-in", `{"email":"a`, "malformed_body", "", 400},
		"two values":         {"sign-in", `{"email":"a","password":"b"} {}`, "malformed_body", "", 400},
		"a list":             {"sign-in", `[]`, "malformed_body", "", 400},
		"null":               {"sign-in", `null`, "malformed_body", "", 400},
		"nothing":            {"sign-in", ``, "malformed_body", "", 400},
		"deep nesting":       {"sign-in", `{"email":` + strings.Repeat("[", 100_000), "malformed_body", "", 400},
		"deep but closed":    {"sign-in", strings.Repeat(`{"email":`, 500) + "1" + strings.Repeat("}", 500), "malformed_body", "", 400},
		"more than a MiB":    {"sign-in", `{"email":"` + strings.Repeat("a", 1<<20) + `"}`, "too_large", "", 413},
		"an endless address": {"sign-in", `{"email":"` + strings.Repeat("a", 900) + `","password":"b"}`, "invalid", "email", 400},
	} {
		method, path := "POST", "/api/app/sign-in"
		if c.path == "roles" {
			method, path = "PUT", "/api/app/channels/none/roles"
		}
		a := s.do(s.admin, method, path, c.body)
		p := s.problem(a)
		field := ""
		if p.Field != nil {
			field = *p.Field
		}
		if a.status != c.status || p.Code != c.code || field != c.field {
			t.Errorf("%s: %d %s %q, want %d %s %q", name, a.status, p.Code, field, c.status, c.code, c.field)
		}
	}
}

func TestAddressesHoldTextOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		for _, path := range []string{"/api/app/channels/%00/roles", "/api/app/channels/%ff%fe/roles", "/api/app/chats?channel=%00", "/api/app/chats?cursor=%ff"} {
			if a := s.do(s.admin, "GET", path, nil); a.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	})
}

func TestUnknownAddressesAndMethodsAreProblemsToo(t *testing.T) {
	s := oneSite(t).open()
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/api/app/nothing", 404, ""},
		{"GET", "/", 404, ""},
		{"DELETE", "/api/app/settings", 405, "GET, PATCH"},
		{"GET", "/api/app/sign-in", 405, "POST"},
	} {
		a := s.do(s.admin, c.method, c.path, nil)
		if a.status != c.status || a.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, allow %q", c.method, c.path, a.status, a.header.Get("Allow"))
		}
	}
}

func TestProblemsSpeakTheViewersLanguage(t *testing.T) {
	s := oneSite(t).open()
	for _, c := range []struct{ asked, want string }{
		{"ru", "Сначала войдите."}, {"en", "Sign in first."}, {"ru-RU,ru;q=0.9,en;q=0.8", "Сначала войдите."}, {"fr", "Sign in first."},
	} {
		a := s.do(person{}, "GET", "/api/app/session", nil, header("Accept-Language", c.asked))
		if p := s.problem(a); p.Title != c.want || a.status != 401 {
			t.Errorf("%s: %q", c.asked, p.Title)
		}
	}
	s.ok(s.admin, "PATCH", "/api/app/session", map[string]string{"locale": "ru"}, nil)
	a := s.do(s.admin, "GET", "/api/app/channels/none/roles", nil, header("Accept-Language", "en-US,en;q=0.9"))
	if p := s.problem(a); !strings.Contains(p.Title, "Такого нет") && !strings.ContainsAny(p.Title, "абвгд") {
		t.Errorf("the chosen language is not spoken: %q", p.Title)
	}
}

// lostStore fails to read channels with words that nobody may see.
type lostStore struct{ Store }

func (lostStore) Channels(context.Context, switchboard.Tx, switchboard.AccountID) ([]switchboard.Channel, error) {
	return nil, errors.New("disk on fire at /var/secret/path")
}

func TestWhatNobodyExpectedIsLoggedOnceAndNotShown(t *testing.T) {
	s := oneSite(t).open()
	s.serve(lostStore{s.store})
	a := s.do(s.admin, "GET", "/api/app/channels", nil)
	p := s.problem(a)
	if a.status != 500 || p.Code != "internal" || strings.Contains(a.body, "fire") || p.Params == nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	id := (*p.Params)["id"]
	if text := s.log.String(); len(id) != 16 || strings.Count(text, id) != 1 || strings.Count(text, "disk on fire") != 1 {
		t.Errorf("id %q, log:\n%s", id, text)
	}
}

// slowStore is asked when the request's time is over.
type slowStore struct{ Store }

func (slowStore) Channels(context.Context, switchboard.Tx, switchboard.AccountID) ([]switchboard.Channel, error) {
	return nil, fmt.Errorf("read: %w", context.DeadlineExceeded)
}

func TestARequestThatTakesTooLongIsToldSo(t *testing.T) {
	s := oneSite(t).open()
	s.serve(slowStore{s.store})
	if a := s.do(s.admin, "GET", "/api/app/channels", nil); a.status != 503 || s.problem(a).Code != "unavailable" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestOnlyStreamsHaveNoTimeLimit(t *testing.T) {
	for _, r := range routes {
		ctx, cancel := r.limit(context.Background())
		_, limited := ctx.Deadline()
		cancel()
		if limited == r.open || r.open && !slices.Contains([]string{"live", "uploadMedia", "readMedia"}, r.operation) {
			t.Errorf("%s: time limit %v, open %v", r.operation, limited, r.open)
		}
	}
}

// Required fields and lists of the contract are what checkBody refuses to miss: the
// generated types carry them, so a body of zero values must be refused where the
// contract requires anything.
func TestWhatTheContractRequiresIsRequired(t *testing.T) {
	spec := contract(t)
	for _, r := range routes {
		if r.body == nil {
			continue
		}
		method, path, _ := strings.Cut(r.pattern, " ")
		op := spec.Paths.Value(path).GetOperation(method)
		required := op.RequestBody.Value.Content.Get("application/json").Schema.Value.Required
		var want []string
		kind := reflect.TypeOf(r.body)
		for i := range kind.NumField() {
			if name, options, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ","); !strings.Contains(options, "omitempty") {
				want = append(want, name)
			}
		}
		required = slices.Sorted(slices.Values(required))
		slices.Sort(want)
		if !slices.Equal(required, want) {
			t.Errorf("%s: the contract requires %v, the check %v", r.operation, required, want)
		}
		if err := checkBody([]byte(`{}`), r.body); (len(required) > 0) != (err != nil) {
			t.Errorf("%s: an empty body: %v", r.operation, err)
		}
	}
}
