package standin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"switchboard/channel/telegrambot/standin"
)

const token = "4242:token"

type answer struct {
	OK          bool            `json:"ok"`
	Result      json.RawMessage `json:"result"`
	ErrorCode   int             `json:"error_code"`
	Description string          `json:"description"`
	Parameters  struct {
		RetryAfter int `json:"retry_after"`
	} `json:"parameters"`
}

func start(t *testing.T) (*standin.Server, *standin.Bot) {
	t.Helper()
	s := standin.New()
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, s.AddBot(token, "shop_bot")
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func request(t *testing.T, method, url, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(soon(t), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, raw
}

func call(t *testing.T, s *standin.Server, method, body string) answer {
	t.Helper()
	_, raw := request(t, "POST", s.URL()+"/bot"+token+"/"+method, body)
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%s: %v: %s", method, err, raw)
	}
	return a
}

func ids(t *testing.T, a answer) []int64 {
	t.Helper()
	var updates []struct {
		ID int64 `json:"update_id"`
	}
	if err := json.Unmarshal(a.Result, &updates); err != nil {
		t.Fatalf("%+v: %v", a, err)
	}
	var all []int64
	for _, u := range updates {
		all = append(all, u.ID)
	}
	return all
}

func TestKeepsUpdatesUntilAnOffsetConfirmsThem(t *testing.T) {
	s, bot := start(t)
	anna := bot.User(77, "Anna")
	anna.Write("one")
	anna.Write("two")
	anna.Write("three")
	first := ids(t, call(t, s, "getUpdates", `{"limit":2}`))
	if again := ids(t, call(t, s, "getUpdates", `{}`)); len(first) != 2 || len(again) != 3 || again[0] != first[0] {
		t.Errorf("first %v, then %v", first, again)
	}
	rest := ids(t, call(t, s, "getUpdates", fmt.Sprintf(`{"offset":%d}`, first[1]+1)))
	if len(rest) != 1 || rest[0] != first[1]+1 || bot.Pending() != 1 {
		t.Errorf("rest %v, pending %d", rest, bot.Pending())
	}
	bot.Replay()
	if all := ids(t, call(t, s, "getUpdates", `{}`)); len(all) != 4 {
		t.Errorf("after a replay: %v", all)
	}
}

func TestASecondPollEndsTheFirst(t *testing.T) {
	s, bot := start(t)
	first := make(chan answer, 1)
	go func() { first <- call(t, s, "getUpdates", `{"timeout":20}`) }()
	if err := bot.WaitPolled(soon(t)); err != nil {
		t.Fatal(err)
	}
	second := make(chan answer, 1)
	go func() { second <- call(t, s, "getUpdates", `{"timeout":20}`) }()
	if a := <-first; a.ErrorCode != 409 {
		t.Errorf("first poll: %+v", a)
	}
	bot.User(77, "Anna").Write("x")
	if got := ids(t, <-second); len(got) != 1 {
		t.Errorf("second poll: %v", got)
	}
}

func TestAWebhookExcludesPollsAndIsRetried(t *testing.T) {
	s, bot := start(t)
	var tries atomic.Int64
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if tries.Add(1) <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		got <- r.Header.Get("X-Telegram-Bot-Api-Secret-Token") + " " + string(body)
	}))
	t.Cleanup(hook.Close)
	if a := call(t, s, "setWebhook", `{"url":"`+hook.URL+`","secret_token":"not allowed!"}`); a.ErrorCode != 400 {
		t.Errorf("bad secret: %+v", a)
	}
	if a := call(t, s, "setWebhook", `{"url":"`+hook.URL+`","secret_token":"s3cret"}`); !a.OK {
		t.Fatalf("%+v", a)
	}
	if a := call(t, s, "getUpdates", `{}`); a.ErrorCode != 409 {
		t.Errorf("poll beside a webhook: %+v", a)
	}
	bot.User(77, "Anna").Write("Hello")
	if delivered := <-got; !strings.HasPrefix(delivered, "s3cret {") || !strings.Contains(delivered, "Hello") {
		t.Errorf("delivered %s", delivered)
	}
	if err := bot.WaitConfirmed(soon(t)); err != nil {
		t.Fatal(err)
	}
	if n := tries.Load(); n != 3 {
		t.Errorf("%d tries, want 3", n)
	}
	call(t, s, "deleteWebhook", `{}`)
	if a := call(t, s, "getUpdates", `{}`); !a.OK {
		t.Errorf("poll after the webhook: %+v", a)
	}
}

func TestRefusesWhatTelegramRefuses(t *testing.T) {
	s, bot := start(t)
	anna := bot.User(77, "Anna")
	cases := []struct {
		name, method, body string
		code               int
		before             func()
	}{
		{"unknown method", "sendPigeon", `{}`, 404, nil},
		{"who never wrote", "sendMessage", `{"chat_id":77,"text":"x"}`, 400, nil},
		{"no text", "sendMessage", `{"chat_id":77,"text":" "}`, 400, func() { anna.Write("hello") }},
		{"long text", "sendMessage", `{"chat_id":77,"text":"` + strings.Repeat("x", 4097) + `"}`, 400, nil},
		{"long text of wide characters", "sendMessage", `{"chat_id":77,"text":"` + strings.Repeat("\U0001F600", 2049) + `"}`, 400, nil},
		{"no chat", "sendMessage", `{"text":"x"}`, 400, nil},
		{"quote of nothing", "sendMessage", `{"chat_id":77,"text":"x","reply_parameters":{"message_id":99}}`, 400, nil},
		{"no JSON", "sendMessage", `{`, 400, nil},
		{"no file", "sendPhoto", `{"chat_id":77,"photo":"unknown"}`, 400, nil},
		{"blocked", "sendMessage", `{"chat_id":77,"text":"x"}`, 403, anna.Block},
		{"deleted", "sendMessage", `{"chat_id":77,"text":"x"}`, 403, func() { anna.Unblock(); anna.Deactivate() }},
	}
	for _, c := range cases {
		if c.before != nil {
			c.before()
		}
		if a := call(t, s, c.method, c.body); a.OK || a.ErrorCode != c.code {
			t.Errorf("%s: %+v, want %d", c.name, a, c.code)
		}
	}
	if n := len(bot.Sent()); n != 0 {
		t.Errorf("%d messages in the ledger", n)
	}
	s.Revoke(token)
	if a := call(t, s, "getMe", ""); a.ErrorCode != 401 {
		t.Errorf("revoked: %+v", a)
	}
}

func TestKeepsLimitsWhenAsked(t *testing.T) {
	s, bot := start(t)
	bot.User(77, "Anna").Write("x")
	bot.User(78, "Boris").Write("x")
	bot.Limit(30, time.Hour)
	if a := call(t, s, "sendMessage", `{"chat_id":77,"text":"one"}`); !a.OK {
		t.Fatalf("%+v", a)
	}
	if a := call(t, s, "sendMessage", `{"chat_id":77,"text":"two"}`); a.ErrorCode != 429 || a.Parameters.RetryAfter == 0 {
		t.Errorf("too fast for a chat: %+v", a)
	}
	if a := call(t, s, "sendMessage", `{"chat_id":78,"text":"one"}`); !a.OK {
		t.Errorf("another chat: %+v", a)
	}
}

func TestFaultsHappenByPlanAndByChance(t *testing.T) {
	s, bot := start(t)
	bot.User(77, "Anna").Write("x")
	bot.Plan(nil, &standin.Fault{Status: 500}, &standin.Fault{Status: 502, Done: true})
	var codes []int
	for range 3 {
		codes = append(codes, call(t, s, "sendMessage", `{"chat_id":77,"text":"x"}`).ErrorCode)
	}
	if fmt.Sprint(codes) != "[0 500 502]" || len(bot.Sent()) != 2 {
		t.Errorf("codes %v, %d sent", codes, len(bot.Sent()))
	}
	run := func() (failed []int) {
		bot.SetOdds(7, standin.Chance{Of: 0.3, Fault: standin.Fault{Status: 500}})
		for i := range 40 {
			if !call(t, s, "sendMessage", `{"chat_id":77,"text":"x"}`).OK {
				failed = append(failed, i)
			}
		}
		return failed
	}
	first, second := run(), run()
	if len(first) < 4 || len(first) > 24 || fmt.Sprint(first) != fmt.Sprint(second) {
		t.Errorf("failed %v, then %v: want the same, about 12", first, second)
	}
	if n := bot.Fired()["sendMessage"]; n != 2+2*len(first) {
		t.Errorf("%d fired", n)
	}
}

func TestOtherProgramsPlayUsers(t *testing.T) {
	s, bot := start(t)
	user := s.URL() + "/standin/" + token + "/users/77/"
	if status, raw := request(t, "POST", user+"messages", `{"name":"Anna","text":"Hello"}`); status != 201 || string(raw) != `{"messageId":1}` {
		t.Errorf("%d %s", status, raw)
	}
	if got := ids(t, call(t, s, "getUpdates", `{}`)); len(got) != 1 {
		t.Errorf("updates %v", got)
	}
	call(t, s, "sendMessage", `{"chat_id":77,"text":"An answer"}`)
	for _, url := range []string{user + "sent", s.URL() + "/standin/" + token + "/sent"} {
		var got struct{ Sent []standin.Sent }
		_, raw := request(t, "GET", url, "")
		if err := json.Unmarshal(raw, &got); err != nil || len(got.Sent) != 1 || got.Sent[0].Text != "An answer" || got.Sent[0].MessageID != 2 {
			t.Errorf("%s: %s", url, raw)
		}
	}
	request(t, "POST", user+"block", "")
	if a := call(t, s, "sendMessage", `{"chat_id":77,"text":"x"}`); a.ErrorCode != 403 {
		t.Errorf("blocked: %+v", a)
	}
	for _, path := range []string{"/standin/1:no/sent", "/standin/" + token + "/users/x/messages", "/standin/" + token + "/users/77/dance", "/elsewhere"} {
		if status, _ := request(t, "POST", s.URL()+path, ""); status < 400 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if bot.User(77, "").FirstName != "Anna" {
		t.Error("the name is lost")
	}
}
