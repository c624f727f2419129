package app

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchboard"
)

func TestTheServerIsSetUpOnceOverHTTP(t *testing.T) { // SET-0
	eachSite(t, func(t *testing.T, s *site) {
		var start Start
		s.ok(person{}, "GET", "/api/app/start", nil, &start)
		if start.Claimed || *start.Version != "1.2.3" {
			t.Errorf("before: %+v", start)
		}
		var wins, losses atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				switch a := s.do(person{}, "POST", "/api/app/setup", s.setUpBody()); a.status {
				case http.StatusOK:
					wins.Add(1)
				case http.StatusNotFound:
					losses.Add(1)
				default:
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
		all.Wait()
		if wins.Load() != 1 || losses.Load() != 3 {
			t.Errorf("%d won, %d lost", wins.Load(), losses.Load())
		}
		s.ok(person{}, "GET", "/api/app/start", nil, &start)
		if !start.Claimed {
			t.Error("not claimed")
		}
	})
}

func TestSetUpSignsInWithASafeCookie(t *testing.T) {
	s := oneSite(t)
	var session Session
	a := s.ok(person{}, "POST", "/api/app/setup", s.setUpBody(), &session)
	cookie := a.header.Get("Set-Cookie")
	for _, part := range []string{CookieName + "=", "; Path=/;", "HttpOnly", "SameSite=Lax", "Secure", "Max-Age=2591"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("the cookie lacks %q", part)
		}
	}
	if strings.Contains(a.body, cookieOf(a)) {
		t.Error("the token is in the body")
	}
	if !session.Employee.Admin || session.Employee.Email != "olga@example.com" || session.Account.Name != "Acme" || len(session.Channels) != 0 ||
		*session.CrmConnected {
		t.Errorf("session %+v", session)
	}
}

func TestUnknownEmailAndWrongPasswordGetTheSameAnswer(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		s.hire("anna")
		var bodies []string
		for _, email := range []string{"nobody@example.com", "olga@example.com", "anna@example.com"} {
			a := s.do(person{}, "POST", "/api/app/sign-in", SignIn{Email: email, Password: "wrong password"})
			if a.status != http.StatusUnauthorized || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d", email, a.status)
			}
			bodies = append(bodies, a.body)
		}
		if bodies[0] != bodies[1] || bodies[1] != bodies[2] {
			t.Errorf("answers differ: %q", bodies)
		}
	})
}

func TestGuessingGetsAWait(t *testing.T) {
	s := oneSite(t).open()
	var a answer
	for range 6 {
		a = s.do(person{}, "POST", "/api/app/sign-in", SignIn{Email: "olga@example.com", Password: "wrong password"})
	}
	if p := s.problem(a); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "1" || p.Title != "Too many attempts. Try again in 1 second." {
		t.Errorf("%d, Retry-After %q, %s", a.status, a.header.Get("Retry-After"), p.Title)
	}
}

func TestSigningOutEndsTheSession(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		a := s.ok(person{}, "POST", "/api/app/sign-in", SignIn{Email: "OLGA@example.com", Password: goodPassword}, nil)
		browser := person{s.admin.id, cookieOf(a)}
		s.ok(browser, "GET", "/api/app/session", nil, nil)
		out := s.do(browser, "POST", "/api/app/sign-out", nil)
		if out.status != http.StatusNoContent || !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("%d, cookie %q", out.status, out.header.Get("Set-Cookie"))
		}
		if a := s.do(browser, "GET", "/api/app/session", nil); a.status != http.StatusUnauthorized {
			t.Errorf("after signing out: %d", a.status)
		}
		if a := s.do(browser, "POST", "/api/app/sign-out", nil); a.status != http.StatusNoContent {
			t.Errorf("again: %d", a.status)
		}
		s.ok(s.admin, "GET", "/api/app/session", nil, nil) // the other browser stays
	})
}

func TestAnInvitationIsReadAndAcceptedOnce(t *testing.T) { // SET-0
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		s.hire("anna")
		var link struct {
			URL       string
			ExpiresAt time.Time
		}
		s.ok(s.admin, "POST", "/api/app/employees/anna/invitation", nil, &link)
		s.lastAudit("invitation")
		if left := time.Until(link.ExpiresAt); left < 6*24*time.Hour || left > 7*24*time.Hour {
			t.Errorf("expires in %v", left)
		}
		path := "/api/app/invitations/" + strings.TrimPrefix(link.URL, "https://chat.example/invitation#")
		var info InvitationInfo
		s.ok(person{}, "GET", path, nil, &info)
		if info != (InvitationInfo{Company: "Acme", Name: "Anna", Email: "anna@example.com", Kind: "invitation"}) {
			t.Errorf("invitation %+v", info)
		}
		var session Session
		a := s.ok(person{}, "POST", path, map[string]string{"password": goodPassword, "locale": "ru"}, &session)
		if session.Employee.Id != "anna" || session.Employee.Admin || *session.Employee.Locale != "ru" || cookieOf(a) == "" {
			t.Errorf("session %+v", session.Employee)
		}
		for _, method := range []string{"GET", "POST"} {
			if a := s.do(person{}, method, path, AcceptInvitation{Password: goodPassword}); a.status != 404 || s.problem(a).Code != "link_unusable" {
				t.Errorf("%s again: %d %s", method, a.status, a.body)
			}
		}
		s.ok(s.admin, "POST", "/api/app/employees/anna/invitation", nil, &link)
		s.ok(person{}, "GET", "/api/app/invitations/"+strings.TrimPrefix(link.URL, "https://chat.example/invitation#"), nil, &info)
		if info.Kind != "reset" {
			t.Errorf("for who has a password: %+v", info)
		}
		if a := s.do(s.admin, "POST", "/api/app/employees/nobody/invitation", nil); a.status != 404 {
			t.Errorf("for nobody: %d", a.status)
		}
	})
}

func TestTheSessionListsOnlyChannelsWithARole(t *testing.T) { // ROLE-2
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		shop, _ := s.widget("Shop"), s.widget("Other")
		anna := s.join("anna")
		s.ok(s.admin, "PUT", "/api/app/channels/"+shop.Id+"/roles",
			map[string]any{"rows": []any{map[string]any{"employeeId": "anna", "role": "manager", "receives": true}}}, nil)
		var session Session
		a := s.ok(anna, "GET", "/api/app/session", nil, &session)
		if len(session.Channels) != 1 || session.Channels[0].Name != "Shop" || session.Channels[0].Role != "manager" || strings.Contains(a.body, "Other") {
			t.Errorf("channels %+v", session.Channels)
		}
		if c := session.Channels[0].Capabilities; c.TextMax == 0 || c.Media == nil || c.TextUnit != Runes {
			t.Errorf("capabilities %+v", c)
		}
		head, err := s.store.Head(t.Context(), nil, s.account)
		s.must(err)
		if session.Event != head {
			t.Errorf("event %d, head %d", session.Event, head)
		}
	})
}

func TestACookieIsExtendedByItsUse(t *testing.T) {
	s := oneSite(t).open()
	if a := s.ok(s.admin, "GET", "/api/app/session", nil, nil); a.header.Get("Set-Cookie") != "" {
		t.Error("extended at once")
	}
	s.shift.Store(int64(2 * time.Hour))
	a := s.ok(s.admin, "GET", "/api/app/session", nil, nil)
	if cookieOf(a) != s.admin.cookie || !strings.Contains(a.header.Get("Set-Cookie"), "HttpOnly") {
		t.Error("not extended after two hours")
	}
	s.shift.Store(int64(-31 * 24 * time.Hour))
	old := s.ok(person{}, "POST", "/api/app/sign-in", SignIn{Email: "olga@example.com", Password: goodPassword}, nil)
	s.shift.Store(0)
	if a := s.do(person{cookie: cookieOf(old)}, "GET", "/api/app/session", nil); a.status != http.StatusUnauthorized {
		t.Errorf("a session outlived its time: %d", a.status)
	}
}

func TestTheViewersLanguageIsKept(t *testing.T) {
	s := oneSite(t).open()
	var session Session
	s.ok(s.admin, "PATCH", "/api/app/session", map[string]string{"locale": "ru"}, &session)
	s.ok(s.admin, "GET", "/api/app/session", nil, &session)
	if session.Employee.Locale == nil || *session.Employee.Locale != "ru" {
		t.Errorf("employee %+v", session.Employee)
	}
}

func TestBlockingSignsOutAtOnce(t *testing.T) { // ROLE-5
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		anna := s.join("anna")
		s.ok(anna, "GET", "/api/app/session", nil, nil)
		var e Employee
		kinds := s.eventsOf(func() { s.ok(s.admin, "PATCH", "/api/app/employees/anna", map[string]bool{"active": false}, &e) })
		if e.Active || len(kinds) == 0 || kinds[0] != switchboard.EventEmployeeChanged {
			t.Errorf("employee %+v, events %v", e, kinds)
		}
		if a := s.do(anna, "GET", "/api/app/session", nil); a.status != http.StatusUnauthorized {
			t.Errorf("blocked and still in: %d", a.status)
		}
		entry := s.lastAudit("employee")
		if string(entry.Before) != `{"admin":false,"active":true}` || string(entry.After) != `{"admin":false,"active":false}` ||
			entry.Object != "anna" || entry.Employee != s.admin.id {
			t.Errorf("audit %+v %s %s", entry, entry.Before, entry.After)
		}
		if a := s.do(s.admin, "POST", "/api/app/employees/anna/invitation", nil); a.status != http.StatusConflict {
			t.Errorf("an invitation for the blocked: %d", a.status)
		}
		s.ok(s.admin, "PATCH", "/api/app/employees/anna", map[string]bool{"active": true}, nil)
		if a := s.do(anna, "GET", "/api/app/session", nil); a.status != http.StatusUnauthorized {
			t.Errorf("unblocked, the old session lives: %d", a.status)
		}
	})
}

// meetingStore has two who count administrators at the same time both finish counting
// before either goes on; one who comes alone goes on after a while.
type meetingStore struct {
	Store
	first atomic.Bool
	met   chan struct{}
}

func (m *meetingStore) OtherAdmins(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, without switchboard.EmployeeID) (int64, error) {
	n, err := m.Store.OtherAdmins(ctx, tx, account, without)
	if m.first.CompareAndSwap(false, true) {
		select {
		case <-m.met:
		case <-time.After(300 * time.Millisecond):
		}
		return n, err
	}
	select {
	case <-m.met:
	default:
		close(m.met)
	}
	return n, err
}

func TestTheLastAdministratorStays(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		olga := "/api/app/employees/" + string(s.admin.id)
		anna := s.join("anna")
		s.hire("boris")
		s.ok(s.admin, "PATCH", "/api/app/employees/boris", map[string]bool{"admin": true}, nil) // cannot sign in yet
		for _, change := range []map[string]bool{{"admin": false}, {"active": false}, {"admin": false, "active": false}} {
			if a := s.do(s.admin, "PATCH", olga, change); a.status != 409 || s.problem(a).Code != "last_administrator" {
				t.Errorf("%v: %d %s", change, a.status, a.body)
			}
		}
		s.ok(s.admin, "PATCH", "/api/app/employees/anna", map[string]bool{"admin": true}, nil)
		s.serve(&meetingStore{Store: s.store, met: make(chan struct{})})
		var done atomic.Int64 // each removes the other at the same time
		var all sync.WaitGroup
		for p, path := range map[person]string{anna: olga, s.admin: "/api/app/employees/anna"} {
			all.Go(func() {
				if s.do(p, "PATCH", path, map[string]bool{"admin": false}).status == 200 {
					done.Add(1)
				}
			})
		}
		all.Wait()
		if done.Load() != 1 {
			t.Errorf("%d removals of the last two administrators went through", done.Load())
		}
	})
}

func TestEmployeesAreListedWithTheirSignIns(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		s.join("anna")
		s.hire("boris")
		var list struct{ Employees []Employee }
		s.ok(s.admin, "GET", "/api/app/employees", nil, &list)
		if len(list.Employees) != 3 {
			t.Fatalf("employees %+v", list)
		}
		anna, boris, olga := list.Employees[0], list.Employees[1], list.Employees[2]
		if !anna.SignedUp || anna.LastSignInAt == nil || boris.SignedUp || boris.LastSignInAt != nil || !*boris.InCRM || *olga.InCRM || !olga.Admin {
			t.Errorf("anna %+v, boris %+v, olga %+v", anna, boris, olga)
		}
	})
}

func TestRightsAreReadAnewForEveryRequest(t *testing.T) { // ROLE-5
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		anna := s.join("anna")
		if a := s.do(anna, "GET", "/api/app/settings", nil); a.status != http.StatusForbidden {
			t.Errorf("before: %d", a.status)
		}
		s.ok(s.admin, "PATCH", "/api/app/employees/anna", map[string]bool{"admin": true}, nil)
		s.ok(anna, "GET", "/api/app/settings", nil, nil)
		s.ok(s.admin, "PATCH", "/api/app/employees/anna", map[string]bool{"admin": false}, nil)
		if a := s.do(anna, "GET", "/api/app/settings", nil); a.status != http.StatusForbidden {
			t.Errorf("after: %d", a.status)
		}
	})
}
