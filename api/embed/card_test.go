package embed_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"switchboard"
	. "switchboard/api/embed"
	"switchboard/crm/hubspot"
	"switchboard/secret"
	"switchboard/store"
	"switchboard/store/storetest"
)

type plain struct{}

func (plain) Seal(b []byte, _ store.SecretPlace) ([]byte, error) { return append([]byte{1}, b...), nil }
func (plain) Open(b []byte, _ store.SecretPlace) ([]byte, error) { return b[1:], nil }

const appSecret = "canary-app-secret"

// desk is the hand-off on a real store behind a real server.
type desk struct {
	t        *testing.T
	store    *store.Store
	server   *httptest.Server
	sessions *Sessions
	now      time.Time
	log      bytes.Buffer
}

func newDesk(t *testing.T, db *store.Store) *desk {
	db.UseVault(plain{})
	d := &desk{t: t, store: db, now: time.Now()}
	clock := func() time.Time { return d.now }
	d.sessions = &Sessions{Store: db, Clock: clock, Random: rand.Reader}
	card := &Card{Store: db, Sessions: d.sessions, Verify: hubspot.VerifySignature, Clock: clock, Log: slog.New(slog.NewTextHandler(&d.log, nil)),
		AppOf: func(c switchboard.Connection) (App, error) {
			return App{Secret: secret.New(string(c.Secrets)), Portal: "77"}, nil
		}}
	d.server = httptest.NewServer(card)
	t.Cleanup(d.server.Close)
	var err error
	if card.Public, err = url.Parse("https://chat.example/base/"); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	err = db.InTx(ctx, func(tx switchboard.Tx) error {
		if err := db.AddAccount(ctx, tx, switchboard.Account{ID: "acme", Name: "Acme"}); err != nil {
			return err
		}
		conn := switchboard.Connection{Account: "acme", ID: "c", Kind: "hubspot", State: switchboard.ConnectionActive, Info: []byte("{}"), Secrets: []byte(appSecret)}
		if err := db.Connect(ctx, tx, conn); err != nil {
			return err
		}
		ch := switchboard.Channel{Account: "acme", ID: "shop", Transport: switchboard.Webchat, Key: "k", State: switchboard.ChannelActive, Config: []byte("{}")}
		if err := db.AddChannel(ctx, tx, ch); err != nil {
			return err
		}
		var roles []switchboard.RoleAssignment
		for _, name := range []string{"anna", "blocked", "roleless"} {
			if err := db.SaveOwner(ctx, tx, "acme", switchboard.Owner{ID: switchboard.OwnerID("o-" + name), UserID: "u-" + name, Email: name + "@example.com", Active: true}); err != nil {
				return err
			}
			e := switchboard.Employee{ID: switchboard.EmployeeID(name), Email: name + "@example.com", Owner: switchboard.OwnerID("o-" + name),
				Active: name != "blocked", ActiveInCRM: true}
			if err := db.AddEmployee(ctx, tx, "acme", e); err != nil {
				return err
			}
			if name != "roleless" {
				roles = append(roles, switchboard.RoleAssignment{Channel: "shop", Employee: e.ID, Role: switchboard.Manager})
			}
		}
		if err := db.SaveDeal(ctx, tx, "acme", switchboard.Deal{ID: "d1", Contact: "k1", Open: true, UpdatedAt: d.now}); err != nil {
			return err
		}
		return db.SetRoles(ctx, tx, "acme", "shop", roles)
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sign is HubSpot's signature, version 3, computed here from its documents.
func sign(key, uri, stamp string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte("GET" + uri + stamp))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// fetch asks as HubSpot does; change spoils the request.
func (d *desk) fetch(query string, change ...func(r *http.Request)) (status int, body map[string]any) {
	d.t.Helper()
	target := CardPath + "?" + query
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, d.server.URL+target, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	stamp := strconv.FormatInt(d.now.UnixMilli(), 10)
	r.Header.Set("X-HubSpot-Request-Timestamp", stamp)
	signed := strings.ReplaceAll(target, "%40", "@") // HubSpot signs the query with this escape undone
	r.Header.Set("X-HubSpot-Signature-v3", sign(appSecret, "https://chat.example/base"+signed, stamp))
	for _, c := range change {
		c(r)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, body
}

func asUser(name string) string {
	return "portalId=77&userId=u-" + name + "&userEmail=" + name + "%40example.com"
}

func (d *desk) code(query string) string {
	d.t.Helper()
	status, body := d.fetch(query)
	link, _ := body["url"].(string)
	code, found := strings.CutPrefix(link, "https://chat.example/base/embed.html#code=")
	if status != http.StatusOK || !found {
		d.t.Fatalf("%s: %d %v", query, status, body)
	}
	return code
}

func each(t *testing.T, test func(t *testing.T, d *desk)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.Store) { test(t, newDesk(t, db)) })
}

func TestASignedFetchLeadsToABearerOfTheRightEmployee(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		for query, contact := range map[string]switchboard.ContactID{
			asUser("anna"): "", asUser("anna") + "&objectType=0-1&objectId=k9": "k9", asUser("anna") + "&objectType=0-3&objectId=d1": "k1",
			"portalId=77&userEmail=ANNA%40example.com": "",
		} {
			_, s, err := d.sessions.Open(t.Context(), secret.New(d.code(query)), switchboard.Device{})
			if err != nil || s.Employee != "anna" || s.Contact != contact || s.Kind != switchboard.SessionFrame || !s.ExpiresAt.Equal(d.now.Add(BearerTime)) {
				t.Errorf("%s: %+v, %v", query, s, err)
			}
		}
		for query, want := range map[string]int{
			asUser("blocked"): 403, asUser("roleless"): 403, asUser("stranger"): 403,
			asUser("anna") + "&objectType=0-3&objectId=none": 404, asUser("anna") + "&objectType=0-2&objectId=1": 404,
		} {
			if status, body := d.fetch(query); status != want || body["title"] == "" || body["url"] != nil {
				t.Errorf("%s: %d %v, want %d", query, status, body, want)
			}
		}
	})
}

func TestNothingIsBelievedWithoutTheSignature(t *testing.T) { // S5
	each(t, func(t *testing.T, d *desk) {
		set := func(name, value string) func(r *http.Request) {
			return func(r *http.Request) { r.Header.Set(name, value) }
		}
		for name, change := range map[string]func(r *http.Request){
			"no signature": func(r *http.Request) { r.Header.Del("X-HubSpot-Signature-v3") },
			"another's":    set("X-HubSpot-Signature-v3", sign("other", "https://chat.example/base"+CardPath, "1")),
			"another user": func(r *http.Request) { r.URL.RawQuery = asUser("blocked") },
			"an old timestamp": func(r *http.Request) {
				stamp := strconv.FormatInt(d.now.Add(-time.Hour).UnixMilli(), 10)
				r.Header.Set("X-HubSpot-Request-Timestamp", stamp)
				target := strings.ReplaceAll(r.URL.RequestURI(), "%40", "@")
				r.Header.Set("X-HubSpot-Signature-v3", sign(appSecret, "https://chat.example/base"+target, stamp))
			},
			"no timestamp": func(r *http.Request) { r.Header.Del("X-HubSpot-Request-Timestamp") },
		} {
			if status, body := d.fetch(asUser("anna"), change); status != http.StatusUnauthorized || body["url"] != nil {
				t.Errorf("%s: %d %v", name, status, body)
			}
		}
		// What a proxy says of the host does not count.
		if status, _ := d.fetch(asUser("anna"), set("X-Forwarded-Host", "evil.example")); status != http.StatusOK {
			t.Errorf("with a forwarded host: %d", status)
		}
		if strings.Contains(d.log.String(), "canary") {
			t.Errorf("the secret is in the log: %s", d.log.String())
		}
	})
}

func TestACodeIsGoodOnceAndForAMinute(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		code := secret.New(d.code(asUser("anna")))
		if _, _, err := d.sessions.Open(t.Context(), code, switchboard.Device{}); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string]secret.String{"used": code, "unknown": secret.New(strings.Repeat("A", 43)), "malformed": secret.New("x")} {
			if _, _, err := d.sessions.Open(t.Context(), bad, switchboard.Device{}); switchboard.CodeOf(err) != switchboard.CodeUnauthorized {
				t.Errorf("%s: %v", name, err)
			}
		}
		d.now = d.now.Add(-2 * CodeTime) // made two minutes ago
		late, err := d.sessions.Code(t.Context(), "acme", "anna", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.sessions.Open(t.Context(), late, switchboard.Device{}); switchboard.CodeOf(err) != switchboard.CodeUnauthorized {
			t.Errorf("after two minutes: %v", err)
		}
	})
}

func TestABearerIsRenewedForTwelveHoursAndNotAfterBlocking(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		_, first, err := d.sessions.Open(t.Context(), secret.New(d.code(asUser("anna")+"&objectType=0-1&objectId=k9")), switchboard.Device{})
		if err != nil {
			t.Fatal(err)
		}
		s, renewals := first, 0
		for ; err == nil; renewals++ {
			d.now = s.ExpiresAt.Add(-time.Minute)
			var next switchboard.Session
			if _, next, err = d.sessions.Renew(t.Context(), s, switchboard.Device{}); err == nil {
				if next.Contact != "k9" || !next.Until.Equal(first.Until) || next.ExpiresAt.After(first.Until) {
					t.Fatalf("renewed as %+v", next)
				}
				s = next
			}
			if renewals > 100 {
				t.Fatal("the chain has no end")
			}
			if s.ExpiresAt.Equal(first.Until) {
				d.now = first.Until
				_, _, err = d.sessions.Renew(t.Context(), s, switchboard.Device{})
			}
		}
		if renewals < 40 || switchboard.CodeOf(err) != switchboard.CodeUnauthorized {
			t.Errorf("%d renewals, then %v", renewals, err)
		}
		d.now = first.CreatedAt.Add(time.Minute)
		err = d.store.InTx(t.Context(), func(tx switchboard.Tx) error {
			e, err := d.store.Employee(t.Context(), tx, "acme", "anna")
			if err != nil {
				return err
			}
			e.Active = false
			return d.store.SaveEmployee(t.Context(), tx, "acme", e)
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.sessions.Renew(t.Context(), first, switchboard.Device{}); switchboard.CodeOf(err) != switchboard.CodeUnauthorized {
			t.Errorf("a blocked employee renews: %v", err)
		}
	})
}

func TestOnlyTheConnectedCRMMayFrameThePage(t *testing.T) { // S12
	hub := []switchboard.Connection{{Kind: "hubspot"}}
	for want, got := range map[string]string{
		"frame-ancestors 'none'":                                      FrameAncestors(nil, nil),
		"frame-ancestors https://*.hubspot.com":                       FrameAncestors(hub, []string{"javascript:x", "*", "https://a.example; script-src *"}),
		"frame-ancestors https://*.hubspot.com http://127.0.0.1:8090": FrameAncestors(hub, []string{"http://127.0.0.1:8090/"}),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
