package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"switchboard"
	"switchboard/secret"
	"switchboard/store"
	"switchboard/store/storetest"
)

// office is a claimed server with its administrator and one more employee.
type office struct {
	t     *testing.T
	ctx   context.Context
	auth  *Auth
	store *store.Store
	shift atomic.Int64 // of auth's clock, nanoseconds

	account switchboard.AccountID
	admin   switchboard.EmployeeID
	anna    switchboard.EmployeeID
}

var (
	password = secret.New("correct horse battery")
	desk     = switchboard.Device{Address: "192.0.2.1", Agent: "test"}
)

func each(t *testing.T, test func(t *testing.T, o *office)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o := &office{t: t, ctx: t.Context(), store: s}
		a, err := New(Config{Store: s, Random: rand.Reader, Cost: Cost{KiB: 64, Passes: 1, Threads: 1},
			Clock: func() time.Time { return time.Now().Add(time.Duration(o.shift.Load())) }})
		if err != nil {
			t.Fatal(err)
		}
		o.auth = a
		test(t, o)
	})
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) setUp(link secret.String) error {
	_, s, err := o.auth.SetUp(o.ctx, link, "Acme", switchboard.Employee{Name: "Olga", Email: "Olga@Example.com ", Locale: "ru"}, password, desk)
	if err == nil {
		o.account, o.admin = s.Account, s.Employee
	}
	return err
}

// open claims the server and adds Anna.
func (o *office) open() {
	o.t.Helper()
	link, err := o.auth.SetupLink(o.ctx)
	o.must(err)
	o.must(o.setUp(link))
	o.addAnna()
}

func (o *office) addAnna() {
	o.t.Helper()
	o.anna = "anna"
	o.must(o.store.InTx(o.ctx, func(tx switchboard.Tx) error {
		return o.store.AddEmployee(o.ctx, tx, o.account, switchboard.Employee{ID: o.anna, Email: "anna@example.com", Name: "Anna", Active: true})
	}))
}

func (o *office) invite() secret.String {
	o.t.Helper()
	var link secret.String
	o.must(o.store.InTx(o.ctx, func(tx switchboard.Tx) (err error) {
		link, _, err = o.auth.Invite(o.ctx, tx, o.account, o.anna)
		return err
	}))
	return link
}

func (o *office) accept(link secret.String, pw secret.String) (secret.String, error) {
	token, _, err := o.auth.AcceptLink(o.ctx, link, pw, "", desk)
	return token, err
}

func (o *office) signIn(email string, pw secret.String, d switchboard.Device) (secret.String, error) {
	token, _, err := o.auth.SignIn(o.ctx, email, pw, d)
	return token, err
}

func (o *office) isIn(token secret.String) bool {
	_, _, err := o.auth.Authenticate(o.ctx, token, switchboard.SessionCookie)
	return err == nil
}

func key(err error) string {
	var e *switchboard.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return fmt.Sprint(err)
}

func TestTheServerIsClaimedOnce(t *testing.T) { // SET-0
	each(t, func(t *testing.T, o *office) {
		first, err := o.auth.SetupLink(o.ctx)
		o.must(err)
		second, err := o.auth.SetupLink(o.ctx)
		o.must(err)
		if err := o.setUp(first); key(err) != "setup_link_unusable" {
			t.Fatalf("an earlier start's link: %v", err)
		}
		var wins atomic.Int64
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				_, _, err := o.auth.SetUp(o.ctx, second, "Acme", switchboard.Employee{Name: "Olga", Email: "olga@example.com"}, password, desk)
				switch {
				case err == nil:
					wins.Add(1)
				case key(err) != "setup_link_unusable":
					t.Errorf("a late claim: %v", err)
				}
			})
		}
		all.Wait()
		accounts, err := o.store.AccountIDs(o.ctx)
		o.must(err)
		if wins.Load() != 1 || len(accounts) != 1 {
			t.Errorf("%d claims won, %d accounts", wins.Load(), len(accounts))
		}
		link, err := o.auth.SetupLink(o.ctx)
		if err != nil || !link.IsEmpty() {
			t.Errorf("a claimed server gives a set-up link (%v)", err)
		}
	})
}

func TestSetUpMakesAnAdministratorWithSuitableSettings(t *testing.T) { // SET-0
	each(t, func(t *testing.T, o *office) {
		o.open()
		account, err := o.store.Account(o.ctx, nil, o.account)
		o.must(err)
		want := switchboard.AccountSettings{Timeline: true, Country: "RU", EightToSeven: true, Locale: "ru"}
		if account.Settings != want || account.Name != "Acme" {
			t.Errorf("account %+v", account)
		}
		e, err := o.store.Employee(o.ctx, nil, o.account, o.admin)
		o.must(err)
		if !e.Admin || !e.Active || e.Email != "olga@example.com" {
			t.Errorf("administrator %+v", e)
		}
		if on, err := o.store.TimelineWasOn(o.ctx, o.account, time.Now().Add(time.Minute)); err != nil || !on {
			t.Errorf("timeline %v %v (TIME-1)", on, err)
		}
	})
}

func TestSetUpRefusesWhatCannotBe(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		link, err := o.auth.SetupLink(o.ctx)
		o.must(err)
		for name, c := range map[string]struct {
			company, name, email, password, want string
			link                                 secret.String
		}{
			"no link":        {"Acme", "Olga", "o@example.com", "long enough", "setup_link_unusable", secret.New("x")},
			"other link":     {"Acme", "Olga", "o@example.com", "long enough", "setup_link_unusable", secret.New(strings.Repeat("a", 43))},
			"no company":     {" ", "Olga", "o@example.com", "long enough", "text_length", link},
			"no name":        {"Acme", "", "o@example.com", "long enough", "text_length", link},
			"no e-mail":      {"Acme", "Olga", "example.com", "long enough", "email_malformed", link},
			"two addresses":  {"Acme", "Olga", "a@example.com,b@example.com", "long enough", "email_malformed", link},
			"short password": {"Acme", "Olga", "o@example.com", "123456789", "password_length", link},
			"long password":  {"Acme", "Olga", "o@example.com", strings.Repeat("x", 201), "password_length", link},
		} {
			_, _, err := o.auth.SetUp(o.ctx, c.link, c.company, switchboard.Employee{Name: c.name, Email: c.email}, secret.New(c.password), desk)
			if key(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		o.must(o.setUp(link)) // a refusal does not use the link up
	})
}

func TestAnInvitationWorksOnceAndForAWeek(t *testing.T) { // SET-0
	each(t, func(t *testing.T, o *office) {
		o.open()
		replaced, link := o.invite(), o.invite()
		if _, err := o.accept(replaced, password); key(err) != "link_unusable" {
			t.Errorf("a replaced invitation: %v", err)
		}
		if _, err := o.accept(link, secret.New("short")); key(err) != "password_length" {
			t.Errorf("a short password: %v", err)
		}
		found, err := o.auth.ReadLink(o.ctx, link)
		if err != nil || found.Kind != switchboard.LinkInvitation || found.Employee != o.anna {
			t.Errorf("link %+v, %v", found, err)
		}
		token, err := o.accept(link, password)
		o.must(err)
		if !o.isIn(token) {
			t.Error("not signed in")
		}
		if _, err := o.accept(link, password); key(err) != "link_unusable" {
			t.Errorf("a used invitation: %v", err)
		}
		o.shift.Store(int64(-InvitationTime - time.Minute))
		late := o.invite()
		o.shift.Store(0)
		if _, err := o.auth.ReadLink(o.ctx, late); key(err) != "link_unusable" {
			t.Errorf("an old invitation: %v", err)
		}
		if _, err := o.accept(late, password); key(err) != "link_unusable" {
			t.Errorf("an old invitation: %v", err)
		}
	})
}

func TestOfTwoWhoAcceptOneGetsIn(t *testing.T) { // SET-0
	each(t, func(t *testing.T, o *office) {
		o.open()
		link := o.invite()
		var wins atomic.Int64
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				if _, err := o.accept(link, password); err == nil {
					wins.Add(1)
				}
			})
		}
		all.Wait()
		if wins.Load() != 1 {
			t.Errorf("%d got in", wins.Load())
		}
	})
}

func TestASetUpLinkIsNoInvitationNorTheOtherWayRound(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		link, err := o.auth.SetupLink(o.ctx)
		o.must(err)
		if _, err := o.accept(link, password); key(err) != "link_unusable" {
			t.Errorf("accepted a set-up link: %v", err)
		}
		o.must(o.setUp(link))
		o.addAnna()
		if err := o.setUp(o.invite()); key(err) != "setup_link_unusable" {
			t.Errorf("set up with an invitation: %v", err)
		}
	})
}

func TestANewPasswordEndsAllSessions(t *testing.T) { // SET-0
	each(t, func(t *testing.T, o *office) {
		o.open()
		old, err := o.accept(o.invite(), password)
		o.must(err)
		link, err := o.auth.ResetLink(o.ctx, " ANNA@example.com")
		o.must(err)
		if found, err := o.auth.ReadLink(o.ctx, link); err != nil || found.Kind != switchboard.LinkReset {
			t.Fatalf("link %+v, %v", found, err)
		}
		fresh, err := o.accept(link, secret.New("another password"))
		o.must(err)
		if o.isIn(old) || !o.isIn(fresh) {
			t.Errorf("old session %v, new one %v", o.isIn(old), o.isIn(fresh))
		}
		if _, err := o.signIn("anna@example.com", password, desk); key(err) != "sign_in_refused" {
			t.Errorf("the old password: %v", err)
		}
	})
}

func TestTheOperatorRestoresAccess(t *testing.T) { // SET-0
	each(t, func(t *testing.T, o *office) {
		o.open()
		o.must(o.store.InTx(o.ctx, func(tx switchboard.Tx) error {
			return o.store.SaveEmployee(o.ctx, tx, o.account, switchboard.Employee{ID: o.anna, Email: "anna@example.com", Name: "Anna"})
		}))
		link := o.invite()
		if _, err := o.auth.ReadLink(o.ctx, link); key(err) != "link_unusable" {
			t.Errorf("a blocked employee's link: %v", err)
		}
		link, err := o.auth.ResetLink(o.ctx, "anna@example.com")
		o.must(err)
		if _, err := o.accept(link, password); err != nil {
			t.Error(err)
		}
		if _, err := o.auth.ResetLink(o.ctx, "nobody@example.com"); !errors.Is(err, switchboard.ErrNotFound) {
			t.Errorf("unknown e-mail: %v", err)
		}
	})
}

func TestUnknownAndWrongLookAlikeAndCostTheSame(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.open()
		_, unknown := o.signIn("nobody@example.com", password, desk)
		_, wrong := o.signIn("olga@example.com", secret.New("wrong password"), desk)
		_, unsigned := o.signIn("anna@example.com", password, desk) // never accepted an invitation
		if unknown != wrong || wrong != unsigned || key(wrong) != "sign_in_refused" {
			t.Errorf("unknown %v, wrong %v, without a password %v", unknown, wrong, unsigned)
		}
		// Both need a slot of the hasher: with all taken, both have to wait.
		for range atOnce {
			o.auth.hasher.slots <- struct{}{}
		}
		for _, email := range []string{"nobody@example.com", "olga@example.com", "anna@example.com"} {
			ctx, cancel := context.WithTimeout(o.ctx, 30*time.Millisecond)
			_, _, err := o.auth.SignIn(ctx, email, password, switchboard.Device{Address: "192.0.2.9"})
			cancel()
			if switchboard.CodeOf(err) != switchboard.CodeUnavailable && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: answered without the work: %v", email, err)
			}
		}
	})
}

func TestGuessingOneEmailIsSlowedDownPerAddress(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.open()
		guess := secret.New("wrong password")
		for i := range freePerPerson {
			if _, err := o.signIn("olga@example.com", guess, desk); key(err) != "sign_in_refused" {
				t.Fatalf("guess %d: %v", i, err)
			}
		}
		_, err := o.signIn("OLGA@example.com", password, desk)
		var e *switchboard.Error
		if !errors.As(err, &e) || e.Code != switchboard.CodeTooMany || e.Params["seconds"] == "" {
			t.Fatalf("after %d guesses: %v", freePerPerson, err)
		}
		if _, err := o.signIn("olga@example.com", password, switchboard.Device{Address: "192.0.2.2"}); err != nil {
			t.Errorf("from elsewhere: %v", err)
		}
		o.shift.Store(int64(2 * time.Second))
		if _, err := o.signIn("olga@example.com", password, desk); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func TestSprayingManyEmailsIsSlowedDownToo(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.open()
		var err error
		for i := range freePerAddress + 1 {
			_, err = o.signIn(fmt.Sprintf("p%d@example.com", i), password, desk)
		}
		if switchboard.CodeOf(err) != switchboard.CodeTooMany {
			t.Errorf("after %d e-mails: %v", freePerAddress, err)
		}
	})
}

func TestSigningInRightOftenIsNoGuessing(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.open()
		for i := range freePerAddress + 5 {
			if _, err := o.signIn("olga@example.com", password, desk); err != nil {
				t.Fatalf("time %d: %v", i, err)
			}
		}
	})
}

func TestASessionIsExtendedByItsUseAndEnds(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.open()
		token, err := o.signIn("olga@example.com", password, desk)
		o.must(err)
		first, renewed, err := o.auth.Authenticate(o.ctx, token, switchboard.SessionCookie)
		if err != nil || renewed || first.Address != desk.Address {
			t.Fatalf("session %+v, renewed %v, %v", first, renewed, err)
		}
		o.shift.Store(int64(touchEvery + time.Minute))
		later, renewed, err := o.auth.Authenticate(o.ctx, token, switchboard.SessionCookie)
		if err != nil || !renewed || !later.ExpiresAt.After(first.ExpiresAt) {
			t.Errorf("not extended: %v, %v, %v", later.ExpiresAt, renewed, err)
		}
		for _, kind := range []switchboard.SessionKind{switchboard.SessionFrame, switchboard.SessionCode} {
			if _, _, err := o.auth.Authenticate(o.ctx, token, kind); key(err) != "unauthorized" {
				t.Errorf("a cookie served as %s: %v", kind, err)
			}
		}
		o.must(o.auth.SignOut(o.ctx, token))
		o.must(o.auth.SignOut(o.ctx, token))
		if o.isIn(token) {
			t.Error("still signed in")
		}
		o.shift.Store(int64(-SessionTime - time.Minute))
		token, err = o.signIn("olga@example.com", password, switchboard.Device{Address: "192.0.2.7"})
		o.must(err)
		o.shift.Store(0)
		if o.isIn(token) {
			t.Error("a session outlived its time")
		}
	})
}

func TestACodeIsNoSession(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.open()
		token, hash, err := o.auth.newToken()
		o.must(err)
		now := time.Now()
		o.must(o.store.InTx(o.ctx, func(tx switchboard.Tx) error {
			return o.store.AddSession(o.ctx, tx, hash, switchboard.Session{Account: o.account, ID: "code", Employee: o.admin,
				Kind: switchboard.SessionCode, CreatedAt: now, ExpiresAt: now.Add(time.Minute), SeenAt: now})
		}))
		for _, kind := range []switchboard.SessionKind{switchboard.SessionCookie, switchboard.SessionFrame, switchboard.SessionCode} {
			if _, _, err := o.auth.Authenticate(o.ctx, token, kind); key(err) != "unauthorized" {
				t.Errorf("a code served as %s: %v", kind, err)
			}
		}
	})
}

func TestABlockedEmployeeDoesNotSignIn(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.open()
		if _, err := o.accept(o.invite(), password); err != nil {
			t.Fatal(err)
		}
		o.must(o.store.InTx(o.ctx, func(tx switchboard.Tx) error {
			return o.store.SaveEmployee(o.ctx, tx, o.account, switchboard.Employee{ID: o.anna, Email: "anna@example.com", Name: "Anna"})
		}))
		if _, err := o.signIn("anna@example.com", password, desk); key(err) != "sign_in_refused" {
			t.Errorf("got %v", err)
		}
	})
}

func TestTokensAreLongAndOnlyTheirHashIsKept(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.open()
		token, err := o.signIn("olga@example.com", password, desk)
		o.must(err)
		if len(token.Reveal()) != 43 || fmt.Sprint(token) != "[hidden]" {
			t.Errorf("token of %d characters prints as %v", len(token.Reveal()), token)
		}
		if _, err := o.store.Session(o.ctx, nil, token.Reveal()); !errors.Is(err, switchboard.ErrNotFound) {
			t.Errorf("the token itself is stored: %v", err)
		}
		hash, err := o.store.PasswordHash(o.ctx, nil, o.account, o.admin)
		if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$") || strings.Contains(hash, password.Reveal()) {
			t.Errorf("stored %q, %v", hash, err)
		}
	})
}

func TestNoRandomnessNoAuth(t *testing.T) {
	if _, err := New(Config{Clock: time.Now, Random: io.LimitReader(rand.Reader, 3)}); err == nil {
		t.Error("started without randomness")
	}
}
