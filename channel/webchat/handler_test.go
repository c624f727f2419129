package webchat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/channel/webchat"
)

const (
	key    = "k3Jd82mQ"
	uuid   = "6f0c1c7e-3f0a-4f0e-8d57-6a3b8b1f4a02"
	uuid2  = "6f0c1c7e-3f0a-4f0e-8d57-6a3b8b1f4a03"
	script = "console.log('widget')"
)

// site is the handler over real HTTP with a house in memory.
type site struct {
	t      *testing.T
	memory *memory
	clock  *channeltest.Clock
	url    string
	done   chan struct{}
}

func newSite(t *testing.T, change ...func(*webchat.Limits)) *site {
	t.Helper()
	s := &site{t: t, memory: newMemory(), clock: channeltest.NewClock(day()), done: make(chan struct{})}
	s.memory.channels[key] = switchboard.Channel{ID: "channel-1", Key: key, Transport: switchboard.Webchat, Name: "Shop <b>", State: switchboard.ChannelActive}
	s.memory.channels["other"] = switchboard.Channel{ID: "channel-2", Key: "other", Transport: switchboard.Webchat, Config: []byte(`{"origins":["https://shop.example"]}`)}
	s.memory.channels["gone"] = switchboard.Channel{ID: "channel-3", Transport: switchboard.Webchat, State: switchboard.ChannelDisabled}
	s.memory.channels["bot"] = switchboard.Channel{ID: "channel-4", Transport: switchboard.TelegramBot}
	limits := webchat.DefaultLimits()
	for _, c := range change {
		c(&limits)
	}
	server := httptest.NewServer(webchat.NewHandler(webchat.Options{
		Channels: s.memory, Visitors: s.memory, Receiver: s.memory, View: s.memory, Widget: []byte(script),
		Phone: func(_ context.Context, _ switchboard.Channel, raw string) string {
			return "+" + strings.Map(func(r rune) rune {
				if r < '0' || r > '9' {
					return -1
				}
				return r
			}, raw)
		},
		Limits: &limits, LimitLoopback: true, Now: s.clock.Now, Done: s.done,
	}))
	t.Cleanup(server.Close)
	s.url = server.URL + webchat.Prefix
	return s
}

type answer struct {
	status int
	header http.Header
	body   string
}

// do makes a request; headers are name, value pairs.
func (s *site) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(soon(s.t), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(raw)}
}

func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	if status >= 400 {
		var p struct {
			Type, Title string
			Status      int
		}
		if a.header.Get("Content-Type") != "application/problem+json" || json.Unmarshal([]byte(a.body), &p) != nil ||
			p.Status != status || p.Title == "" || p.Type != "about:blank" {
			t.Errorf("no problem document: %s %s", a.header.Get("Content-Type"), a.body)
		}
	}
	return a
}

func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// visitor makes a session and gives its Authorization header and id.
func (s *site) visitor(channelKey, body string) (bearer, id string) {
	s.t.Helper()
	var got struct{ Token, ClientID string }
	s.do("POST", channelKey+"/sessions", body).want(s.t, 201).decode(s.t, &got)
	return "Bearer " + got.Token, got.ClientID
}

func message(id, text string) string {
	raw, err := json.Marshal(map[string]string{"id": id, "text": text})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestTakesAMessageOnceAndGivesTheAnswer(t *testing.T) { // P1, P2
	s := newSite(t)
	bearer, id := s.visitor(key, `{"name":" Olga ","phone":"+7 912 345-67-89","email":"Olga@Example.com","more":{"x":[1]}}`)
	first := s.do("POST", key+"/messages", message(strings.ToUpper(uuid), "Hello!\nIs the blue one in stock?"), "Authorization", bearer).want(t, 201)
	if diff := cmp.Diff(`{"id":"`+uuid+`","seq":1,"at":"2026-03-02T09:15:30.123Z"}`, first.body); diff != "" {
		t.Error(diff)
	}
	s.clock.Add(time.Minute)
	again := s.do("POST", key+"/messages", message(uuid, "Hello!\nIs the blue one in stock?"), "Authorization", bearer).want(t, 200)
	if again.body != first.body {
		t.Errorf("repeated: %s", again.body)
	}
	s.do("POST", key+"/messages", message(uuid, "Something else"), "Authorization", bearer).want(t, 409)

	line, err := webchat.New(s.memory).Open(s.memory.channels[key])
	if err != nil {
		t.Fatal(err)
	}
	out := s.memory.store(channel.Outbound{ID: uuid2, Address: id, Kind: switchboard.KindText, Text: "It is", Author: "Anna", At: s.clock.Now()})
	for range 2 { // repeated, it changes nothing (P5)
		if _, err := line.Send(soon(t), out); err != nil {
			t.Fatal(err)
		}
	}
	got := s.do("GET", key+"/messages?after=0", "", "Authorization", bearer).want(t, 200)
	want := `{"messages":[` +
		`{"id":"` + uuid + `","seq":1,"at":"2026-03-02T09:15:30.123Z","direction":"in","kind":"text","text":"Hello!\nIs the blue one in stock?"},` +
		`{"id":"` + uuid2 + `","seq":2,"at":"2026-03-02T09:16:30.123Z","direction":"out","kind":"text","text":"It is","author":"Anna"}]}`
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Error(diff)
	}
	wantMessage := channel.Message{
		Peer: channel.Peer{Address: id, Name: "Olga", Identities: []switchboard.Identity{
			{Kind: switchboard.IdentityWebchat, Value: "channel-1/" + id, Verified: true},
			{Kind: switchboard.IdentityPhone, Value: "+79123456789"}, // DEAL-9: not verified
			{Kind: switchboard.IdentityEmail, Value: "olga@example.com"},
		}},
		Key: "m:" + id + ":" + uuid, ID: uuid, ProviderID: uuid, At: day(), Kind: switchboard.KindText, Text: "Hello!\nIs the blue one in stock?",
	}
	if diff := cmp.Diff([]channel.Message{wantMessage}, s.memory.batches[0].Messages); diff != "" {
		t.Error(diff)
	}
}

func TestSessionsAreApart(t *testing.T) { // P10
	s := newSite(t)
	olga, _ := s.visitor(key, `{}`)
	boris, _ := s.visitor(key, `{}`)
	elsewhere, _ := s.visitor("other", `{}`)
	s.do("POST", key+"/messages", message(uuid, "Olga's canary"), "Authorization", olga).want(t, 201)
	s.do("POST", key+"/messages", message(uuid, "Boris's"), "Authorization", boris).want(t, 201) // the same id, no conflict
	got := s.do("GET", key+"/messages", "", "Authorization", boris).want(t, 200)
	if strings.Contains(got.body, "canary") || !strings.Contains(got.body, `"seq":1`) {
		t.Errorf("Boris reads %s", got.body)
	}
	s.do("GET", key+"/messages", "", "Authorization", elsewhere).want(t, 401)
	s.do("GET", "other/messages", "", "Authorization", olga).want(t, 401)
}

func TestKeepsOnlyAHashOfTheToken(t *testing.T) { // P13
	s := newSite(t)
	bearer, _ := s.visitor(key, `{}`)
	token := strings.TrimPrefix(bearer, "Bearer ")
	if len(token) < len("wst_")+43 {
		t.Errorf("token has %d characters", len(token))
	}
	if kept := fmt.Sprintf("%+v", s.memory.sessions); strings.Contains(kept, token) || len(s.memory.sessions) != 1 {
		t.Errorf("kept: %s", kept)
	}
}

func TestRefusesBadRequests(t *testing.T) { // R13
	s := newSite(t)
	bearer, _ := s.visitor(key, `{}`)
	deep := func(n int) string {
		return `{"id":"` + uuid + `","text":"x","more":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	cases := []struct {
		name, method, path, body string
		status                   int
	}{
		{"no JSON", "POST", key + "/messages", `{"id":`, 400},
		{"an array", "POST", key + "/messages", `[]`, 400},
		{"null", "POST", key + "/messages", `null`, 400},
		{"nothing", "POST", key + "/messages", ``, 400},
		{"two values", "POST", key + "/messages", message(uuid, "x") + `{}`, 400},
		{"no text", "POST", key + "/messages", `{"id":"` + uuid + `"}`, 400},
		{"white text", "POST", key + "/messages", message(uuid, " \n\t\u00a0"), 400},
		{"number as text", "POST", key + "/messages", `{"id":"` + uuid + `","text":1e308}`, 400},
		{"no UUID", "POST", key + "/messages", message("1", "x"), 400},
		{"number as id", "POST", key + "/messages", `{"id":1e308,"text":"x"}`, 400},
		{"4001 characters", "POST", key + "/messages", message(uuid, strings.Repeat("я", 4001)), 400},
		{"NUL", "POST", key + "/messages", `{"id":"` + uuid + `","text":"a\u0000b"}`, 400},
		{"raw NUL", "POST", key + "/messages", "{\"id\":\"" + uuid + "\",\"text\":\"a\x00b\"}", 400},
		{"bad UTF-8", "POST", key + "/messages", "{\"id\":\"" + uuid + "\",\"text\":\"a\xff\"}", 400},
		{"nested 33 deep", "POST", key + "/messages", deep(32), 400},
		{"nested 10,000 deep", "POST", key + "/messages", deep(10_000), 400},
		{"64 KiB and one", "POST", key + "/messages", message(uuid, "x") + strings.Repeat(" ", 64<<10), 413},
		{"30 MB", "POST", key + "/messages", strings.Repeat("x", 30<<20), 413},
		{"100k characters", "POST", key + "/messages", message(uuid, strings.Repeat("x", 100_000)), 413},
		{"long name", "POST", key + "/sessions", `{"name":"` + strings.Repeat("я", 201) + `"}`, 400},
		{"long phone", "POST", key + "/sessions", `{"phone":"` + strings.Repeat("1", 321) + `"}`, 400},
		{"name of a wrong type", "POST", key + "/sessions", `{"name":{}}`, 400},
		{"after below 0", "GET", key + "/messages?after=-1", "", 400},
		{"after no number", "GET", key + "/messages?after=1e3", "", 400},
		{"wait no number", "GET", key + "/messages?wait=x", "", 400},
		{"unknown key", "POST", "nobody/messages", message(uuid, "x"), 404},
		{"removed channel", "POST", "gone/messages", message(uuid, "x"), 404},
		{"another transport", "POST", "bot/messages", message(uuid, "x"), 404},
		{"no key", "POST", "/messages", message(uuid, "x"), 404},
		{"unknown page", "GET", key + "/secrets", "", 404},
		{"wrong method", "DELETE", key + "/messages", "", 405},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s.t = t
			s.do(c.method, c.path, c.body, "Authorization", bearer).want(t, c.status)
		})
	}
	if n := len(s.memory.batches); n != 0 {
		t.Errorf("%d bad messages reached the door", n)
	}
}

func TestTakesWhatIsJustAllowed(t *testing.T) { // CHAT-6
	s := newSite(t)
	bearer, _ := s.visitor(key, `{"name":"`+strings.Repeat("я", 200)+`","email":null}`)
	s.do("POST", key+"/messages", message(uuid, strings.Repeat("\U0001F600", 4000)), "Authorization", bearer).want(t, 201)
	body := message(uuid2, "x")
	s.do("POST", key+"/messages", body+strings.Repeat(" ", 64<<10-len(body)), "Authorization", bearer).want(t, 201)
	for _, query := range []string{"after=99999999999999999999", "after=9&wait=0", ""} {
		s.do("GET", key+"/messages?"+query, "", "Authorization", bearer).want(t, 200)
	}
}

func TestAsksForTheTokenBeforeTheBody(t *testing.T) { // the protocol's order of checks
	s := newSite(t)
	bad := "\xff"
	for _, authorization := range []string{"", "Bearer ", "Bearer wst_unknown", "Basic eDp5", "Bearer " + strings.Repeat("x", 1000)} {
		s.do("POST", key+"/messages", bad, "Authorization", authorization).want(t, 401)
	}
	s.do("POST", "other/messages", strings.Repeat("x", 1<<20), "Origin", "https://evil.example").want(t, 403)
	s.do("POST", "other/messages", strings.Repeat("x", 1<<20), "Origin", "https://shop.example").want(t, 413)
	s.do("POST", "nobody/messages", bad, "Origin", "https://evil.example").want(t, 404)
}

func TestWakesTheWaitingVisitorAtOnce(t *testing.T) {
	s := newSite(t)
	bearer, id := s.visitor(key, `{}`)
	got := make(chan answer, 1)
	go func() { got <- s.do("GET", key+"/messages?after=0&wait=25", "", "Authorization", bearer) }()
	if err := s.memory.until(soon(t), func() bool { return s.memory.waits == 1 }); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.memory.store(channel.Outbound{ID: uuid, Text: "news"})
	if _, err := s.memory.AppendView(soon(t), switchboard.Channel{}, id, "", uuid); err != nil {
		t.Fatal(err)
	}
	if a := (<-got).want(t, 200); !strings.Contains(a.body, "news") {
		t.Errorf("got %s", a.body)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestEndsWaitsWhenTheTimeIsOverAndWhenTheHouseCloses(t *testing.T) {
	s := newSite(t)
	bearer, _ := s.visitor(key, `{}`)
	if a := s.do("GET", key+"/messages?wait=1", "", "Authorization", bearer).want(t, 200); a.body != `{"messages":[]}` {
		t.Errorf("got %s", a.body)
	}
	got := make(chan answer, 1)
	go func() { got <- s.do("GET", key+"/messages?wait=25", "", "Authorization", bearer) }()
	if err := s.memory.until(soon(t), func() bool { return s.memory.waits == 2 }); err != nil {
		t.Fatal(err)
	}
	close(s.done)
	if a := (<-got).want(t, 200); a.body != `{"messages":[]}` {
		t.Errorf("got %s", a.body)
	}
}

func TestBoundsOpenWaits(t *testing.T) {
	s := newSite(t, func(l *webchat.Limits) { l.MaxWaitingOfSession = 1 })
	bearer, _ := s.visitor(key, `{}`)
	ended := make(chan answer, 1)
	go func() { ended <- s.do("GET", key+"/messages?wait=25", "", "Authorization", bearer) }()
	if err := s.memory.until(soon(t), func() bool { return s.memory.waits == 1 }); err != nil {
		t.Fatal(err)
	}
	if a := s.do("GET", key+"/messages?wait=25", "", "Authorization", bearer).want(t, 503); a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	close(s.done)
	(<-ended).want(t, 200)
}

func TestShowsEditsDeletionsAndOtherKinds(t *testing.T) {
	s := newSite(t)
	bearer, id := s.visitor(key, `{}`)
	unlock := s.memory.lock()
	for _, e := range []switchboard.ViewEntry{
		{ID: "a", At: day(), Direction: switchboard.Out, Kind: switchboard.KindText, Text: "kepe", Author: "Anna"},
		{ID: "b", At: day(), Direction: switchboard.Out, Change: "edit", Target: "a", Text: "keep", Author: "Anna"},
		{ID: "c", At: day(), Direction: switchboard.Out, Change: "delete", Target: "a"},
		{ID: "d", At: day(), Direction: switchboard.In, Kind: switchboard.KindDocument, Author: "hidden"},
		{ID: "e", At: day(), Direction: switchboard.Out, Kind: switchboard.KindLocation},
	} {
		s.memory.add(id, e)
	}
	unlock()
	var got struct{ Messages []map[string]any }
	s.do("GET", key+"/messages?after=1", "", "Authorization", bearer).want(t, 200).decode(t, &got)
	at := "2026-03-02T09:15:30.123Z"
	want := []map[string]any{
		{"id": "b", "seq": 2.0, "at": at, "direction": "out", "kind": "edit", "target": "a", "text": "keep", "author": "Anna"},
		{"id": "c", "seq": 3.0, "at": at, "direction": "out", "kind": "delete", "target": "a"},
		{"id": "d", "seq": 4.0, "at": at, "direction": "in", "kind": "file"},
		{"id": "e", "seq": 5.0, "at": at, "direction": "out", "kind": "unsupported"},
	}
	if diff := cmp.Diff(want, got.Messages); diff != "" {
		t.Error(diff)
	}
}

func TestAnswersAtMost200Entries(t *testing.T) {
	s := newSite(t)
	bearer, id := s.visitor(key, `{}`)
	unlock := s.memory.lock()
	for range 201 {
		s.memory.add(id, switchboard.ViewEntry{ID: "x", Kind: switchboard.KindText, Direction: switchboard.Out, Text: "x"})
	}
	unlock()
	var got struct{ Messages []struct{ Seq int64 } }
	s.do("GET", key+"/messages", "", "Authorization", bearer).want(t, 200).decode(t, &got)
	if n := len(got.Messages); n != 200 || got.Messages[199].Seq != 200 {
		t.Errorf("%d entries", n)
	}
}

func TestLetsAllowedPagesRead(t *testing.T) { // CORS
	s := newSite(t)
	pre := s.do("OPTIONS", "nobody/messages", "", "Origin", "https://any.example").want(t, 204)
	wantPre := map[string]string{
		"Access-Control-Allow-Origin": "https://any.example", "Access-Control-Allow-Methods": "GET, POST",
		"Access-Control-Allow-Headers": "authorization, content-type", "Access-Control-Max-Age": "86400", "Vary": "Origin",
		"Access-Control-Allow-Credentials": "",
	}
	for name, want := range wantPre {
		if got := pre.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	cases := []struct {
		channel, origin string
		status          int
	}{
		{key, "https://any.example", 201}, {key, "null", 201}, {key, "", 201},
		{"other", "https://shop.example", 201}, {"other", "", 201}, {"other", strings.TrimSuffix(s.url, webchat.Prefix), 201},
		{"other", "https://evil.example", 403}, {"other", "https://shop.example.evil.example", 403}, {"other", "null", 403}, {"other", "http://shop.example", 403},
	}
	for _, c := range cases {
		a := s.do("POST", c.channel+"/sessions", `{}`, "Origin", c.origin).want(t, c.status)
		if got := a.header.Get("Access-Control-Allow-Origin"); got != c.origin || a.header.Get("Vary") != "Origin" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s from %s: readable by %q, headers %v", c.channel, c.origin, got, a.header)
		}
		if c.origin != "" && a.header.Get("Access-Control-Expose-Headers") != "Retry-After" {
			t.Error("Retry-After is not exposed")
		}
	}
}

func TestSlowsDown(t *testing.T) { // P14, S15
	s := newSite(t, func(l *webchat.Limits) {
		l.MessagesPerSession = webchat.Rate{PerSecond: 0.1, Burst: 2}
		l.SessionsPerAddress = webchat.Rate{PerSecond: 0.1, Burst: 3}
	})
	olga, _ := s.visitor(key, `{}`)
	boris, _ := s.visitor(key, `{}`)
	s.visitor(key, `{}`)
	s.do("POST", key+"/sessions", `{}`).want(t, 429)
	for range 2 {
		s.do("POST", key+"/messages", message(uuid, "x"), "Authorization", olga)
	}
	refused := s.do("POST", key+"/messages", message(uuid2, "x"), "Authorization", olga, "Accept-Language", "ru").want(t, 429)
	if refused.header.Get("Retry-After") != "10" || !strings.Contains(refused.body, "10 с") {
		t.Errorf("Retry-After %q: %s", refused.header.Get("Retry-After"), refused.body)
	}
	s.do("POST", key+"/messages", message(uuid2, "x"), "Authorization", boris).want(t, 201)
	s.clock.Add(10 * time.Second)
	s.do("POST", key+"/messages", message(uuid2, "x"), "Authorization", olga).want(t, 201)
}

func TestSlowsDownWhoGuesses(t *testing.T) { // S10
	s := newSite(t, func(l *webchat.Limits) { l.MistakesPerAddress = webchat.Rate{PerSecond: 1, Burst: 3} })
	s.do("GET", "guess1/messages", "").want(t, 404)
	s.do("GET", "guess2/messages", "").want(t, 404)
	s.do("GET", key+"/messages", "", "Authorization", "Bearer guess").want(t, 401)
	s.do("GET", "guess3/messages", "").want(t, 429)
	s.clock.Add(time.Second)
	s.do("GET", "guess4/messages", "").want(t, 404)
}

func TestForgetsTheBucketUsedLeastRecently(t *testing.T) {
	s := newSite(t, func(l *webchat.Limits) {
		l.MaxKeys = 4 // one visitor needs three: mistakes, requests, messages
		l.MessagesPerSession = webchat.Rate{PerSecond: 0.001, Burst: 1}
		l.SessionsPerAddress, l.RequestsPerAddress, l.MistakesPerAddress = webchat.Rate{}, webchat.Rate{}, webchat.Rate{}
	})
	olga, _ := s.visitor(key, `{}`)
	s.do("POST", key+"/messages", message(uuid, "x"), "Authorization", olga).want(t, 201)
	s.do("POST", key+"/messages", message(uuid, "x"), "Authorization", olga).want(t, 429)
	for range 4 {
		other, _ := s.visitor(key, `{}`)
		s.do("POST", key+"/messages", message(uuid, "x"), "Authorization", other).want(t, 201)
	}
	s.do("POST", key+"/messages", message(uuid, "x"), "Authorization", olga).want(t, 200)
}

func TestSaysWhenNothingWasStored(t *testing.T) { // P1, P14
	s := newSite(t)
	bearer, _ := s.visitor(key, `{}`)
	set := func(err error) {
		defer s.memory.lock()()
		s.memory.fail = err
	}
	set(switchboard.Errorf(switchboard.CodeUnavailable, "busy", "canary"))
	a := s.do("GET", key+"/messages", "", "Authorization", bearer).want(t, 503)
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	set(errDatabase)
	if a := s.do("POST", key+"/messages", message(uuid, "x"), "Authorization", bearer).want(t, 500); strings.Contains(a.body, "canary") {
		t.Errorf("shows its inside: %s", a.body)
	}
}

func TestSpeaksTheVisitorsLanguage(t *testing.T) {
	s := newSite(t)
	for asked, want := range map[string]string{
		"": "No such chat", "ru": "Такого чата нет", "ru-RU,ru;q=0.9,en;q=0.8": "Такого чата нет",
		"de,en;q=0.7,ru;q=0.3": "No such chat", "en;q=0.1,ru;q=0.2": "Такого чата нет", "ru;q=x": "No such chat",
	} {
		if a := s.do("GET", "nobody/messages", "", "Accept-Language", asked).want(t, 404); !strings.Contains(a.body, want) {
			t.Errorf("%q: %s", asked, a.body)
		}
	}
}

func TestGivesTheWidgetAndItsPage(t *testing.T) {
	s := newSite(t)
	a := s.do("GET", key+"/widget.js", "", "Origin", "https://any.example").want(t, 200)
	if a.body != script || a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("%v: %s", a.header, a.body)
	}
	s.do("GET", key+"/widget.js", "", "If-None-Match", a.header.Get("ETag")).want(t, 304)
	if head := s.do("HEAD", key+"/widget.js", "").want(t, 200); head.body != "" {
		t.Error("HEAD has a body")
	}
	page := s.do("GET", key+"/page", "", "Accept-Language", "ru").want(t, 200)
	for _, want := range []string{`lang="ru"`, `<script src="widget.js"`, "Shop &lt;b&gt;", "Напишите нам"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("page without %s: %s", want, page.body)
		}
	}
	policy := page.header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %s", policy)
	}
	s.do("GET", "nobody/page", "").want(t, 404)
	s.do("GET", "nobody/widget.js", "").want(t, 404)
}

func TestBringsOriginsIntoTheFormOfBrowsers(t *testing.T) {
	connector := webchat.New(newMemory())
	out, err := connector.Check(soon(t), channel.Setup{Config: []byte(`{"origins":["https://Shop.example/","http://localhost:8080","https://shop.example:443"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"origins":["https://shop.example","http://localhost:8080"]}`, string(out.Config)); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"shop.example", "https://shop.example/path", "https://*.example", "ftp://shop.example", "https://", "https://a@b.example", ""} {
		raw, err := json.Marshal(webchat.Config{Origins: []string{bad}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := connector.Check(soon(t), channel.Setup{Config: raw}); switchboard.CodeOf(err) != switchboard.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := connector.Check(soon(t), channel.Setup{Config: bytes.Repeat([]byte("["), 10)}); switchboard.CodeOf(err) != switchboard.CodeInvalid {
		t.Errorf("no JSON: %v", err)
	}
}
