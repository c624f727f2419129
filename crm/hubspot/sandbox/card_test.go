package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func copyTo(out *strings.Builder, resp *http.Response) (int64, error) { return io.Copy(out, resp.Body) }

const vectorSecret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"

// The published vectors of the v3 signature, and those of this project.
func TestTheSignatureAgreesWithTheKnownVectors(t *testing.T) {
	t.Parallel()
	const hook = "https://www.example.com/webhook_uri"
	for _, v := range []struct{ method, uri, body, at, want string }{
		{"POST", hook, `{'example_field':'example_value'}`, "1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="},
		{"POST", hook, `{'example_field':'example_value'}`, "1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="},
		{"POST", hook, `{"example_field":"example_value"}`, "1693657560000", "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go="},
		{"POST", hook, `[{"propertyValue":"Привет"}]`, "1693657560000", "vo0V4p/5elVuOFMY97So8QHQhupQb9Pzl20X7zxHhFY="},
		{"GET", "https://www.example.com/card?userEmail=a%40b.com&redirect=https%3A%2F%2Fx.io%2Fp&x=a%20b", "",
			"1693657560000", "eRPH2kJXdeOdJzPKuigDHHv+g+o2sFrx34tPcG6T/08="},
	} {
		if got := signV3(vectorSecret, v.method, v.uri, v.body, v.at); got != v.want {
			t.Errorf("%s %s: got %s, want %s", v.method, v.uri, got, v.want)
		}
	}
}

func TestTheSignedAddressDecodesTheListedEscapesOnly(t *testing.T) {
	t.Parallel()
	got := signedURI("https://h/p%40?a=%3a%2F%3F%40%21%24%27%28%29%2A%2C%3B&b=%20%3D%26%2B%D0%9F&c=%2540&d=%4")
	want := "https://h/p%40?a=:/?@!$'()*,;&b=%20%3D%26%2B%D0%9F&c=%2540&d=%4"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// app is a stand-in for the connected app.
type app struct {
	*httptest.Server
	requests atomic.Int32
	last     atomic.Pointer[http.Request]
	answer   func(w http.ResponseWriter, n int32)
}

func newApp(t *testing.T, answer func(w http.ResponseWriter, n int32)) *app {
	t.Helper()
	a := &app{answer: answer}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.last.Store(r.Clone(r.Context()))
		a.answer(w, a.requests.Add(1))
	}))
	t.Cleanup(a.Close)
	return a
}

func (b *box) connect(a *app) {
	b.t.Helper()
	if err := b.SetSettings(Settings{AppURL: a.URL, AppSecret: "key"}); err != nil {
		b.t.Fatal(err)
	}
}

type cardReply struct{ URL, Error, Detail string }

func (b *box) card(query, cookie string) cardReply {
	b.t.Helper()
	req := b.request("POST", "/card?"+query, "")
	req.Header.Set("Cookie", cookie)
	_, body, err := b.do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	var out cardReply
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		b.t.Fatalf("%v: %s", err, body)
	}
	return out
}

func link(path string) func(http.ResponseWriter, int32) {
	return func(w http.ResponseWriter, _ int32) { _, _ = io.WriteString(w, `{"url":"`+path+`"}`) }
}

func TestTheCardMakesASignedRequestInTheUsersName(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	a := newApp(t, nil)
	a.answer = link(a.URL + "/embed#code")
	b.connect(a)
	out := b.card("objectType=0-1&objectId=37765120001", userCookie+"=71000002")
	if out.URL != a.URL+"/embed#code" {
		t.Fatalf("got %+v", out)
	}
	r := a.last.Load()
	want := "/embed/hubspot/card?objectType=0-1&objectId=37765120001&portalId=62515001&userId=8100002&userEmail=boris%40example.com&appId=54321"
	if r.RequestURI != want {
		t.Errorf("got  %s\nwant %s", r.RequestURI, want)
	}
	at := r.Header.Get("X-HubSpot-Request-Timestamp")
	decoded := a.URL + strings.ReplaceAll(want, "%40", "@")
	if got, want := r.Header.Get("X-HubSpot-Signature-v3"), signV3("key", "GET", decoded, "", at); got != want || at != "1795424400000" {
		t.Errorf("got signature %s at %s, want %s", got, at, want)
	}
}

func TestAllChatsAreAskedForWithoutARecord(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	a := newApp(t, nil)
	a.answer = link(a.URL + "/embed")
	b.connect(a)
	b.card("", "")
	if q := a.last.Load().URL.Query(); q.Has("objectType") || q.Has("objectId") || q.Get("userEmail") != "anna@example.com" {
		t.Errorf("got %v", q)
	}
	_, html, header := b.page("/contacts")
	mustContain(t, html, `data-testid="all-chats"`)
	if !strings.Contains(header.Get("Content-Security-Policy"), "frame-src "+a.URL) {
		t.Error("the app's frame is not permitted")
	}
}

func TestFailuresOfTheAppAreToldInWords(t *testing.T) {
	t.Parallel()
	status := func(code int, body string) func(http.ResponseWriter, int32) {
		return func(w http.ResponseWriter, _ int32) { w.WriteHeader(code); _, _ = io.WriteString(w, body) }
	}
	for _, c := range []struct {
		name   string
		answer func(http.ResponseWriter, int32)
		want   string
		detail string
		calls  int32
	}{
		{"signature", status(401, `{"title":"Bad signature"}`), "card.signature", "Bad signature", 1},
		{"forbidden", status(403, `{"detail":"Responsible: Boris"}`), "card.forbidden", "Responsible: Boris", 1},
		{"missing", status(404, `{}`), "card.missing", "", 1},
		{"broken", status(500, `x`), "card.broken", "", 2},
		{"no link", status(200, `{}`), "card.noLink", "", 1},
		{"redirect", status(302, ``), "card.refused", "", 1},
		{"foreign link", link("https://elsewhere.example/x"), "card.origin", "https://elsewhere.example", 1},
		{"script link", link("javascript:alert(1)"), "card.origin", "", 1},
		{"large", status(200, strings.Repeat("x", maxCardBytes+1)), "card.large", "", 1},
	} {
		b := open(t, nil)
		a := newApp(t, c.answer)
		b.connect(a)
		got := b.card("objectType=0-1&objectId=1", "")
		if diff := cmp.Diff(cardReply{Error: pageText("en", c.want), Detail: c.detail}, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if n := a.requests.Load(); n != c.calls {
			t.Errorf("%s: %d requests, want %d", c.name, n, c.calls)
		}
	}
}

func TestAServerErrorIsRepeatedOnce(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	a := newApp(t, nil)
	a.answer = func(w http.ResponseWriter, n int32) {
		if n == 1 {
			w.WriteHeader(503)
			return
		}
		link(a.URL)(w, n)
	}
	b.connect(a)
	if out := b.card("", ""); out.URL != a.URL {
		t.Errorf("got %+v", out)
	}
}

func TestAnAppThatIsNotThereIsToldInWords(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	if out := b.card("", ""); out.Error != pageText("en", "card.unset") {
		t.Errorf("got %+v", out)
	}
	a := newApp(t, nil)
	b.connect(a)
	a.Close()
	if out := b.card("", languageCookie+"=ru"); out.Error != pageText("ru", "card.unreachable") {
		t.Errorf("got %+v", out)
	}
}
