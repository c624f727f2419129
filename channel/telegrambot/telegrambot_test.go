package telegrambot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/channel/telegrambot"
	"switchboard/channel/telegrambot/standin"
	"switchboard/safehttp"
)

const (
	token  = "4242:canaryTokenThatMustNeverBeSeen_01"
	secret = "webhook-secret_1"
)

// world is a Bot API server, a bot, and our connector to it.
type world struct {
	server    *standin.Server
	bot       *standin.Bot
	connector *telegrambot.Connector
	log       *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{server: standin.New(), log: &syncBuffer{}}
	w.server.OnCall(func(c standin.Call) {
		if s, err := loadSpec(); err == nil && s != nil {
			if fault := s.fault(c); fault != "" {
				t.Errorf("against Telegram's specification: %s", fault)
			}
		}
	})
	if err := w.server.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.server.Close() })
	w.bot = w.server.AddBot(token, "shop_bot")
	w.connector = w.connect(w.server.URL())
	return w
}

func (w *world) connect(base string) *telegrambot.Connector {
	return telegrambot.New(telegrambot.Options{
		BaseURL: base, Client: safeClient(), PollSeconds: 2, Pause: time.Millisecond,
		Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
}

// safeClient is what the product passes in, with loopback allowed.
func safeClient() *http.Client {
	allowed, err := safehttp.ParseAllowed([]string{"127.0.0.1"})
	if err != nil {
		panic(err)
	}
	return safehttp.New(safehttp.Options{Allow: allowed, MaxBodyBytes: 64 << 20})
}

func (w *world) open(t *testing.T, mode string) channel.Line {
	t.Helper()
	line, err := w.connector.Open(switchboard.Channel{
		ID: "channel-1", Transport: switchboard.TelegramBot, Config: []byte(`{"mode":"` + mode + `"}`),
		Secrets: []byte(`{"token":"` + token + `","webhookSecret":"` + secret + `"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// run polls until the test ends and gives what Run returned.
func (w *world) run(t *testing.T, door *channeltest.Recorder) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(soon(t))
	ended := make(chan error, 1)
	poller := w.open(t, "poll").(channel.Poller)
	go func() { ended <- poller.Run(ctx, door.Sink) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	return stop
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPollsConvertsAndConfirms(t *testing.T) { // P1, CHAT-8
	w, door := newWorld(t), channeltest.NewRecorder()
	w.run(t, door)
	anna := w.bot.User(77, "Anna")
	anna.Start("")
	first := anna.Write("Hello")
	anna.Reply(first, "And one more")
	anna.WriteInGroup(-100500, "Neighbours", "not for us")
	must(t, door.WaitMessages(soon(t), 3))
	must(t, w.bot.WaitPolled(soon(t)))
	person := channel.Peer{Address: "77", Name: "Anna", Username: "anna", Identities: []switchboard.Identity{
		{Kind: switchboard.IdentityTelegram, Value: "77", Verified: true},
	}}
	got := door.Messages()
	for i := range got {
		if time.Since(got[i].At) > time.Minute {
			t.Errorf("time of message %d is %v", i, got[i].At)
		}
		got[i].At = time.Time{}
	}
	want := []channel.Message{
		{Peer: person, Key: "m:77:1", ProviderID: "1", Kind: switchboard.KindService, Content: switchboard.Content{Note: "start"}, Opens: true},
		{Peer: person, Key: "m:77:2", ProviderID: "2", Kind: switchboard.KindText, Text: "Hello"},
		{Peer: person, Key: "m:77:3", ProviderID: "3", Kind: switchboard.KindText, Text: "And one more", ReplyTo: "2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var ignored []channel.Ignored
	for _, b := range door.Batches() {
		ignored = append(ignored, b.Ignored...)
		if !json.Valid(b.Raw) || !bytes.HasPrefix(b.Raw, []byte("[")) {
			t.Errorf("raw of a poll is no JSON array: %.40s", b.Raw)
		}
	}
	wantIgnored := []channel.Ignored{{Source: "-100500", Name: "Neighbours", Reason: "telegram_group_ignored"}}
	if diff := cmp.Diff(wantIgnored, ignored); diff != "" {
		t.Error(diff)
	}
}

func TestMovesTheOffsetOnlyAfterTheCommit(t *testing.T) { // P1
	w, door := newWorld(t), channeltest.NewRecorder()
	door.Fail(errors.New("disk full"), errors.New("disk full"))
	w.bot.User(77, "Anna").Write("Hello")
	w.run(t, door)
	must(t, door.WaitMessages(soon(t), 1))
	must(t, w.bot.WaitPolled(soon(t)))
	if calls := w.bot.Calls("getUpdates"); calls < 4 {
		t.Errorf("%d polls, want two refused, one committed and one that confirms", calls)
	}
}

func TestHearsOfMessagesAfterUpdateIDsStartedAnewLower(t *testing.T) { // R11
	w, door := newWorld(t), channeltest.NewRecorder()
	w.run(t, door)
	anna := w.bot.User(77, "Anna")
	anna.Write("before the silent week")
	must(t, door.WaitMessages(soon(t), 1))
	must(t, w.bot.WaitPolled(soon(t)))
	// The poll that is open confirmed; the next one must not insist on the old ids.
	polls := w.bot.Calls("getUpdates")
	must(t, w.bot.WaitCalls(soon(t), "getUpdates", polls+1))
	w.bot.RestartIDs(1000)
	anna.Write("after it")
	must(t, door.WaitMessages(soon(t), 2))
}

func TestOneUnreadableUpdateStopsNothing(t *testing.T) { // R13
	poison := map[string]string{
		"number out of range": `{"update_id":%d,"message":{"message_id":1e308,"date":1,"chat":{"id":77,"type":"private"},"text":"x"}}`,
		"no object":           `{"update_id":%d,"message":[]}`,
		"nested 20,000 deep":  `{"update_id":%d,"message":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`,
		"no JSON":             `{"update_id":%d,"message":{"text":nope}}`,
	}
	for name, raw := range poison {
		t.Run(name, func(t *testing.T) {
			w, door := newWorld(t), channeltest.NewRecorder()
			anna := w.bot.User(77, "Anna")
			anna.Write("before")
			w.bot.PushRaw(raw)
			anna.Write("after")
			w.run(t, door)
			must(t, door.WaitMessages(soon(t), 2))
			must(t, w.bot.WaitConfirmed(soon(t)))
			var unreadable int
			for _, b := range door.Batches() {
				if b.Unreadable != "" {
					unreadable++
					if len(b.Raw) == 0 || len(b.Messages) > 0 {
						t.Errorf("unreadable batch has %d raw bytes, %d messages", len(b.Raw), len(b.Messages))
					}
				}
			}
			if unreadable != 1 {
				t.Errorf("%d unreadable batches, want 1", unreadable)
			}
		})
	}
}

func TestACutAnswerLosesNothing(t *testing.T) { // P1
	w, door := newWorld(t), channeltest.NewRecorder()
	cut := &standin.Fault{Methods: []string{"getUpdates"}, Done: true, Cut: true}
	html := &standin.Fault{Methods: []string{"getUpdates"}, Done: true, HTML: true, Status: 200}
	w.bot.Plan(cut, cut, html, cut, cut, html, cut)
	w.bot.User(77, "Anna").Write("Hello")
	w.run(t, door)
	must(t, door.WaitMessages(soon(t), 1))
	if fired := w.bot.Fired()["getUpdates"]; fired != 7 {
		t.Errorf("%d faults fired, want 7", fired)
	}
}

func TestTakesOneByOneWhatIsTooMuchAtOnce(t *testing.T) {
	w, door := newWorld(t), channeltest.NewRecorder()
	allowed, err := safehttp.ParseAllowed([]string{"127.0.0.1"})
	must(t, err)
	small := safehttp.New(safehttp.Options{Allow: allowed, MaxBodyBytes: 10 << 10})
	w.connector = telegrambot.New(telegrambot.Options{BaseURL: w.server.URL(), Client: small, PollSeconds: 2, Pause: time.Millisecond})
	for range 5 {
		w.bot.User(77, "Anna").Write(strings.Repeat("x", 4000))
	}
	w.run(t, door)
	must(t, door.WaitMessages(soon(t), 5))
	must(t, w.bot.WaitPolled(soon(t)))
}

func TestPollsOnAfterFaults(t *testing.T) {
	w, door := newWorld(t), channeltest.NewRecorder()
	on := []string{"getUpdates"}
	w.bot.Plan(
		&standin.Fault{Methods: on, Status: 429, RetryAfter: 1}, &standin.Fault{Methods: on, Status: 500},
		&standin.Fault{Methods: on, Drop: true}, &standin.Fault{Methods: on, HTML: true},
	)
	w.bot.User(77, "Anna").Write("Hello")
	began := time.Now()
	w.run(t, door)
	must(t, door.WaitMessages(soon(t), 1))
	if waited := time.Since(began); waited < time.Second {
		t.Errorf("waited %v in all, though told to wait 1 s", waited)
	}
	if log := w.log.String(); !strings.Contains(log, "telegram poll failed") || strings.Contains(log, "canaryToken") {
		t.Errorf("log: %s", log)
	}
}

func TestRemovesAWebhookThatForbidsPolling(t *testing.T) {
	w, door := newWorld(t), channeltest.NewRecorder()
	must(t, w.open(t, "webhook").(channel.Registrar).Register(soon(t), "http://127.0.0.1:1/nowhere"))
	w.bot.User(77, "Anna").Write("Hello")
	w.run(t, door)
	must(t, door.WaitMessages(soon(t), 1))
	if n := w.bot.Calls("deleteWebhook"); n != 1 {
		t.Errorf("%d deleteWebhook calls, want 1", n)
	}
}

func TestEndsWhenTheTokenIsRefused(t *testing.T) {
	w := newWorld(t)
	line := w.open(t, "poll").(channel.Poller)
	w.server.Revoke(token)
	err := line.Run(soon(t), channeltest.NewRecorder().Sink)
	if got := channel.ClassOf(err); err == nil || got != channel.Auth {
		t.Errorf("got %v, want class auth", err)
	}
}

func TestEndsWhenSomebodyElsePolls(t *testing.T) {
	w := newWorld(t)
	conflict := &standin.Fault{Methods: []string{"getUpdates"}, Status: 409}
	for range 20 {
		w.bot.Plan(conflict)
	}
	err := w.open(t, "poll").(channel.Poller).Run(soon(t), channeltest.NewRecorder().Sink)
	var failed *channel.SendError
	if !errors.As(err, &failed) || failed.Reason != "telegram_other_poller" {
		t.Errorf("got %v, want telegram_other_poller", err)
	}
}

func TestStopsAtOnce(t *testing.T) {
	w := newWorld(t)
	stop := w.run(t, channeltest.NewRecorder())
	must(t, w.bot.WaitPolled(soon(t)))
	began := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %v", took)
	}
}

func TestTakesWebhooksInAnyOrderAndNumber(t *testing.T) { // R11, R12
	w, door := newWorld(t), channeltest.NewRecorder()
	line := w.open(t, "webhook")
	hook := serveHook(t, line.(channel.Webhook), door)
	w.bot.SetDisorder(7, 2, 5)
	anna := w.bot.User(77, "Anna")
	id := anna.Write("Hello")
	anna.Edit(id, "Hello!", time.Now().Unix())
	anna.Write("second")
	anna.Block()
	must(t, line.(channel.Registrar).Register(soon(t), hook))
	must(t, w.bot.WaitConfirmed(soon(t)))
	if got := len(door.Messages()); got != 2 {
		t.Errorf("%d messages, want 2", got)
	}
	edits, blocks := map[string]channel.Edit{}, 0
	for _, b := range door.Batches() {
		for _, e := range b.Edits {
			edits[e.Key] = e
		}
		for _, p := range b.Peers {
			if p.Address == "77" && p.Unreachable {
				blocks++
			}
		}
	}
	if len(edits) != 1 || blocks != 3 {
		t.Errorf("%d different edits, want 1; %d blocks, want 3 deliveries of one", len(edits), blocks)
	}
	for _, e := range edits {
		if e.ProviderID != "1" || e.Text != "Hello!" || !strings.HasPrefix(e.Key, "e:77:1:") {
			t.Errorf("edit %+v", e)
		}
	}
	must(t, line.(channel.Registrar).Register(soon(t), ""))
}

// serveHook plays intake: verify, decode, store, answer.
func serveHook(t *testing.T, line channel.Webhook, door *channeltest.Recorder) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = line.Verify(r.Header, body)
		}
		if err != nil {
			t.Errorf("delivery refused: %v", err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		batch, err := line.Decode(body, time.Now())
		if err != nil {
			t.Errorf("decode: %v", err)
		}
		_ = door.Sink(r.Context(), batch)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String() + "/hook"
}

func TestChecksTheTokenAndCompletesTheSetup(t *testing.T) {
	w := newWorld(t)
	in := channel.Setup{Config: []byte(`{"mode":"webhook"}`), Secrets: []byte(`{"token":"` + token + `"}`), Hook: "https://example.com/hook"}
	out, err := w.connector.Check(soon(t), in)
	must(t, err)
	if out.Name != "Bot shop_bot @shop_bot" {
		t.Errorf("name %q", out.Name)
	}
	if diff := cmp.Diff(`{"mode":"webhook","botId":4242,"username":"shop_bot"}`, string(out.Config)); diff != "" {
		t.Error(diff)
	}
	var kept struct{ Token, WebhookSecret string }
	must(t, json.Unmarshal(out.Secrets, &kept))
	if kept.Token != token || len(kept.WebhookSecret) < 40 {
		t.Errorf("secrets are not complete: %d characters", len(kept.WebhookSecret))
	}
	out.Exists = "channel-1"
	w.server.AddBot("4343:"+token[5:], "other_bot")
	out.Secrets = []byte(`{"token":"4343:` + token[5:] + `"}`)
	_, err = w.connector.Check(soon(t), out)
	if switchboard.CodeOf(err) != switchboard.CodeConflict {
		t.Errorf("another bot's token for the same channel: %v", err)
	}
}

func TestSaysWhatIsWrongWithASetup(t *testing.T) {
	w := newWorld(t)
	dead := w.connect("http://127.0.0.1:1")
	real := w.connect("")
	cases := []struct {
		name, config, secrets, message string
		connector                      *telegrambot.Connector
	}{
		{"no token", `{}`, `{}`, "telegram_token_malformed", w.connector},
		{"half a token", `{}`, `{"token":"4242:short"}`, "telegram_token_malformed", w.connector},
		{"token with a path", `{}`, `{"token":"4242:aaaaaaaaaaaaaaaaaaaaaa/../x"}`, "telegram_token_malformed", w.connector},
		{"unknown token", `{}`, `{"token":"1:canaryTokenThatMustNeverBeSeen_02"}`, "telegram_token_refused", w.connector},
		{"unknown mode", `{"mode":"push"}`, `{"token":"` + token + `"}`, "telegram_mode_unknown", w.connector},
		{"no JSON", `{`, `{}`, "channel_config_unreadable", w.connector},
		{"secrets no JSON", `{}`, `canaryToken`, "channel_secrets_unreadable", w.connector},
		{"bad webhook secret", `{}`, `{"token":"` + token + `","webhookSecret":"a b"}`, "telegram_webhook_secret_malformed", w.connector},
		{"webhook without https", `{"mode":"webhook"}`, `{"token":"` + token + `"}`, "telegram_webhook_needs_https", real},
		{"no server", `{}`, `{"token":"` + token + `"}`, "telegram_unreachable", dead},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.connector.Check(soon(t), channel.Setup{Config: []byte(c.config), Secrets: []byte(c.secrets), Hook: "http://example.com"})
			var said *switchboard.Error
			if !errors.As(err, &said) || said.Message != c.message {
				t.Errorf("got %v, want %s", err, c.message)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), "canaryToken") {
				t.Error("the error shows the token")
			}
		})
	}
}
