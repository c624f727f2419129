package telegrambot_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/telegrambot"
	"switchboard/channel/telegrambot/standin"
	"switchboard/safehttp"
)

func text(s string) channel.Outbound {
	return channel.Outbound{ID: "m1", Chat: "c1", Address: "77", Kind: switchboard.KindText, Text: s}
}

func media(kind switchboard.Kind, caption string, data []byte) channel.Outbound {
	m := text(caption)
	m.Kind = kind
	m.Content.Media = []switchboard.Attachment{{ID: "f1", Name: `in"voice.pdf`, MIME: "application/pdf", Size: int64(len(data))}}
	m.Open = func(context.Context, switchboard.MediaID) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	return m
}

// customer is a user who wrote once, so that the bot may answer.
func (w *world) customer() *standin.User {
	u := w.bot.User(77, "Anna")
	u.Write("Hello")
	return u
}

func TestSendsEachKind(t *testing.T) {
	w := newWorld(t)
	anna := w.customer()
	line := w.open(t, "poll")
	reply := text("An answer")
	reply.ReplyTo = "1"
	lost := text("An answer to nothing")
	lost.ReplyTo = "99"
	place := text("")
	place.Kind, place.Content.Location = switchboard.KindLocation, &switchboard.Location{Latitude: 55.75, Longitude: 37.62}
	venue := place
	venue.Content.Location = &switchboard.Location{Latitude: 55.75, Longitude: 37.62, Title: "Shop", Address: "1, Street"}
	card := text("")
	card.Kind, card.Content.Contact = switchboard.KindContact, &switchboard.ContactCard{Name: "Boris", Phone: "+79120000000"}
	bytes := []byte("bytes of a file")
	type row struct {
		Method, Text, FileName, File string
		ReplyTo                      int64
	}
	cases := []struct {
		message channel.Outbound
		want    row
	}{
		{reply, row{Method: "sendMessage", Text: "An answer", ReplyTo: 1}},
		{lost, row{Method: "sendMessage", Text: "An answer to nothing"}},
		{media(switchboard.KindImage, "Look", bytes), row{Method: "sendPhoto", Text: "Look", FileName: "in_voice.pdf", File: string(bytes)}},
		{media(switchboard.KindVideo, "", bytes), row{Method: "sendVideo", FileName: "in_voice.pdf", File: string(bytes)}},
		{media(switchboard.KindVoice, "", bytes), row{Method: "sendVoice", FileName: "in_voice.pdf", File: string(bytes)}},
		{media(switchboard.KindAudio, "", bytes), row{Method: "sendAudio", FileName: "in_voice.pdf", File: string(bytes)}},
		{media(switchboard.KindDocument, "Bill", bytes), row{Method: "sendDocument", Text: "Bill", FileName: "in_voice.pdf", File: string(bytes)}},
		{media(switchboard.KindSticker, "ignored", bytes), row{Method: "sendSticker", FileName: "in_voice.pdf", File: string(bytes)}},
		{place, row{Method: "sendLocation", Text: "55.75 37.62"}},
		{venue, row{Method: "sendVenue", Text: "55.75 37.62 Shop"}},
		{card, row{Method: "sendContact", Text: "+79120000000"}},
	}
	for i, c := range cases {
		receipt, err := line.Send(soon(t), c.message)
		must(t, err)
		got := anna.Received()[i]
		if receipt.ProviderID != fmt.Sprint(got.MessageID) {
			t.Errorf("%s: provider id %s, want %d", c.want.Method, receipt.ProviderID, got.MessageID)
		}
		if diff := cmp.Diff(c.want, row{got.Method, got.Text, got.FileName, string(got.File), got.ReplyTo}); diff != "" {
			t.Error(diff)
		}
	}
}

func TestClassesEachFailure(t *testing.T) { // CHAT-1, P5
	cases := []struct {
		name   string
		fault  standin.Fault
		class  channel.Class
		reason string
	}{
		{"bad request", standin.Fault{Status: 400, Text: "Bad Request: PEER_ID_INVALID"}, channel.Permanent, "telegram_rejected"},
		{"chat not found", standin.Fault{Status: 400, Text: "Bad Request: chat not found"}, channel.Permanent, "telegram_chat_not_found"},
		{"file too big", standin.Fault{Status: 413, Text: "Request Entity Too Large"}, channel.Permanent, "media_too_large"},
		{"token revoked", standin.Fault{Status: 401, Text: "Unauthorized"}, channel.Auth, "telegram_token_refused"},
		{"token malformed", standin.Fault{Status: 404, Text: "Not Found"}, channel.Auth, "telegram_token_refused"},
		{"blocked", standin.Fault{Status: 403, Text: "Forbidden: bot was blocked by the user"}, channel.PeerGone, "telegram_user_blocked_bot"},
		{"deactivated", standin.Fault{Status: 403, Text: "Forbidden: user is deactivated"}, channel.PeerGone, "telegram_user_deleted"},
		{"never wrote", standin.Fault{Status: 403, Text: "Forbidden: bot can't initiate conversation with a user"}, channel.PeerGone, "telegram_user_never_wrote"},
		{"internal error", standin.Fault{Status: 500, Text: "Internal Server Error"}, channel.Retry, "send_retry"},
		{"unavailable", standin.Fault{Status: 503, Text: "Service Unavailable"}, channel.Retry, "send_retry"},
		{"restart", standin.Fault{Status: 500, Text: "Internal Server Error: restart", Done: true}, channel.Unknown, "send_unknown"},
		{"bad gateway", standin.Fault{Status: 502, Text: "Bad Gateway", Done: true}, channel.Unknown, "send_unknown"},
		{"gateway timeout", standin.Fault{Status: 504, Text: "Gateway Timeout", Done: true}, channel.Unknown, "send_unknown"},
		{"a gateway's page", standin.Fault{HTML: true, Status: 502, Done: true}, channel.Unknown, "send_unknown"},
		{"a page in place of an answer", standin.Fault{HTML: true, Status: 200, Done: true}, channel.Unknown, "send_unknown"},
		{"an overloaded gateway's page", standin.Fault{HTML: true, Status: 503}, channel.Retry, "send_retry"},
		{"a proxy's refusal", standin.Fault{HTML: true, Status: 403}, channel.Retry, "send_retry"},
		{"a proxy's limit of size", standin.Fault{HTML: true, Status: 413}, channel.Permanent, "media_too_large"},
		{"a redirect", standin.Fault{HTML: true, Status: 307}, channel.Retry, "send_retry"},
		{"a cut answer", standin.Fault{Cut: true, Done: true}, channel.Unknown, "send_unknown"},
		{"a lost answer", standin.Fault{Drop: true, Done: true}, channel.Unknown, "send_unknown"},
		{"a lost request", standin.Fault{Drop: true}, channel.Unknown, "send_unknown"},
		{"no answer", standin.Fault{Hang: true, Done: true}, channel.Unknown, "send_unknown"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.customer()
			w.bot.Plan(&c.fault)
			ctx, cancel := context.WithTimeout(soon(t), 300*time.Millisecond)
			defer cancel()
			_, err := w.open(t, "poll").Send(ctx, text("canary of a message"))
			var failed *channel.SendError
			if !errors.As(err, &failed) || failed.Class != c.class || failed.Reason != c.reason {
				t.Errorf("got %v, want %s: %s", err, c.class, c.reason)
			}
			if n := w.bot.Calls("sendMessage"); n != 1 {
				t.Errorf("%d calls for one send", n)
			}
			if n, want := len(w.bot.Sent()), map[bool]int{true: 1}[c.fault.Done]; n != want {
				t.Errorf("%d messages reached the user, want %d", n, want)
			}
			if s := fmt.Sprintf("%v %+v", err, err); strings.Contains(s, "canary") {
				t.Errorf("the error shows a secret or the text: %s", s)
			}
		})
	}
}

func TestKnowsWhatNeverLeft(t *testing.T) { // CHAT-1
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	refusing := "http://" + closed.Addr().String()
	must(t, closed.Close())
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes the connection, never answers TLS
	must(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	w := newWorld(t)
	cases := map[string]string{
		"refused connection": refusing,
		"no such host":       "http://switchboard.invalid",
		"no TLS":             "https://" + silent.Addr().String(),
	}
	for name, base := range cases {
		t.Run(name, func(t *testing.T) {
			w.connector = w.connect(base)
			ctx, cancel := context.WithTimeout(soon(t), 500*time.Millisecond)
			defer cancel()
			_, err := w.open(t, "poll").Send(ctx, text("x"))
			if got := channel.ClassOf(err); got != channel.Retry {
				t.Errorf("got %v, want class retry", err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, err), "canary") {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

func TestWhatTheOperatorForbidsWasNotSent(t *testing.T) { // P12
	w := newWorld(t)
	w.customer()
	w.connector = telegrambot.New(telegrambot.Options{BaseURL: w.server.URL(), Client: safehttp.New(safehttp.Options{})})
	_, err := w.open(t, "poll").Send(soon(t), text("x"))
	var blocked *safehttp.BlockedAddressError
	if channel.ClassOf(err) != channel.Retry || !errors.As(err, &blocked) || len(w.bot.Sent()) != 0 {
		t.Errorf("got %v, want a blocked address of class retry", err)
	}
}

func TestObeysRetryAfter(t *testing.T) {
	w := newWorld(t)
	w.customer()
	w.bot.User(78, "Boris").Write("Hello")
	line := w.open(t, "poll")
	w.bot.Plan(&standin.Fault{Status: 429, RetryAfter: 7}, &standin.Fault{Status: 429, RetryAfter: 30})
	other := text("to another")
	other.Address = "78"
	var got []channel.SendError
	for _, m := range []channel.Outbound{text("one"), other} {
		_, err := line.Send(soon(t), m)
		var failed *channel.SendError
		if !errors.As(err, &failed) {
			t.Fatalf("got %v", err)
		}
		failed.Err = nil
		got = append(got, *failed)
	}
	want := []channel.SendError{
		{Class: channel.Throttled, After: 7 * time.Second, Scope: channel.ScopePeer, Reason: "send_throttled"},
		// A second chat within the first one's pause: the whole bot is too fast.
		{Class: channel.Throttled, After: 30 * time.Second, Scope: channel.ScopeLine, Reason: "send_throttled"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTellsTheNewAddressOfAMovedChat(t *testing.T) {
	w := newWorld(t)
	w.customer()
	w.bot.Plan(&standin.Fault{Status: 400, MigrateTo: -100777, Text: "Bad Request: group chat was upgraded to a supergroup chat"})
	receipt, err := w.open(t, "poll").Send(soon(t), text("x"))
	if receipt.Address != "-100777" || channel.ClassOf(err) != channel.Retry {
		t.Errorf("receipt %+v, error %v", receipt, err)
	}
}

func TestKeepsTelegramsLimits(t *testing.T) { // CHAT-6
	w := newWorld(t)
	w.customer()
	line := w.open(t, "poll")
	emoji := "\U0001F600" // two UTF-16 units
	photo := make([]byte, 10<<20)
	cases := []struct {
		name   string
		m      channel.Outbound
		reason string
	}{
		{"text at the limit", text(strings.Repeat(emoji, 2048)), ""},
		{"text over it", text(strings.Repeat(emoji, 2048) + "x"), "text_too_long"},
		{"no text", text(" \n"), "text_empty"},
		{"caption at the limit", media(switchboard.KindDocument, strings.Repeat("x", 1024), photo[:1]), ""},
		{"caption over it", media(switchboard.KindDocument, strings.Repeat("x", 1025), photo[:1]), "text_too_long"},
		{"photo at the limit", media(switchboard.KindImage, "", photo), ""},
		{"photo over it", media(switchboard.KindImage, "", append(photo, 0)), "media_too_large"},
		{"two files in one message", twice(media(switchboard.KindImage, "", photo[:1])), "media_missing"},
		{"a kind we cannot send", channel.Outbound{Address: "77", Kind: switchboard.KindUnsupported}, "kind_not_supported"},
		{"an address of another transport", channel.Outbound{Address: "anna", Kind: switchboard.KindText, Text: "x"}, "telegram_chat_not_found"},
	}
	for _, c := range cases {
		_, err := line.Send(soon(t), c.m)
		var failed *channel.SendError
		if c.reason == "" {
			must(t, err)
		} else if !errors.As(err, &failed) || failed.Class != channel.Permanent || failed.Reason != c.reason {
			t.Errorf("%s: got %v, want permanent: %s", c.name, err, c.reason)
		}
	}
}

func twice(m channel.Outbound) channel.Outbound {
	m.Content.Media = append(m.Content.Media, m.Content.Media[0])
	return m
}

func TestAFileThatFailsWhileItIsSentWasNotSent(t *testing.T) {
	w := newWorld(t)
	w.customer()
	line := w.open(t, "poll")
	broken := media(switchboard.KindDocument, "", nil)
	broken.Open = func(context.Context, switchboard.MediaID) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), failingReader{})), nil
	}
	larger := media(switchboard.KindImage, "", nil) // says 0 bytes and brings too many
	larger.Open = func(context.Context, switchboard.MediaID) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(make([]byte, 10<<20+1))), nil
	}
	gone := media(switchboard.KindDocument, "", nil)
	gone.Open = func(context.Context, switchboard.MediaID) (io.ReadCloser, error) { return nil, errors.New("disk") }
	for want, m := range map[string]channel.Outbound{
		"retry/media_unreadable": broken, "permanent/media_too_large": larger, "retry/media_unreadable ": gone,
	} {
		_, err := line.Send(soon(t), m)
		var failed *channel.SendError
		if !errors.As(err, &failed) || string(failed.Class)+"/"+failed.Reason != strings.TrimSpace(want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if n := len(w.bot.Sent()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("disk failed") }

func TestFetchesMedia(t *testing.T) {
	w := newWorld(t)
	anna := w.bot.User(77, "Anna")
	data := bytes.Repeat([]byte("x"), 3000)
	source := anna.Upload("document", data)
	line := w.open(t, "poll").(channel.Fetcher)
	r, err := line.Fetch(soon(t), source, 3000)
	must(t, err)
	got, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	if !bytes.Equal(got, data) {
		t.Errorf("%d bytes came", len(got))
	}
	huge := anna.Upload("document", make([]byte, 20<<20+1))
	cases := []struct {
		source string
		max    int64
		code   switchboard.Code
	}{
		{source, 2999, switchboard.CodeTooLarge},
		{huge, 1 << 30, switchboard.CodeTooLarge},      // Telegram gives no larger one
		{"nothing", 3000, switchboard.CodeUnavailable}, // Telegram's text leaves it open

	}
	for _, c := range cases {
		if _, err := line.Fetch(soon(t), c.source, c.max); switchboard.CodeOf(err) != c.code {
			t.Errorf("%s up to %d: %v, want %s", c.source, c.max, err, c.code)
		}
	}
}

func TestCutsAFileThatIsLargerThanItSays(t *testing.T) {
	server := standinOf(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/file/") {
			_, _ = w.Write(make([]byte, 5000))
			return
		}
		_, _ = io.WriteString(w, `{"ok":true,"result":{"file_id":"x","file_unique_id":"y","file_size":10,"file_path":"a b/c.jpg"}}`)
	})
	line, err := telegrambot.New(telegrambot.Options{BaseURL: server, Client: http.DefaultClient}).Open(switchboard.Channel{Secrets: []byte(`{"token":"` + token + `"}`)})
	must(t, err)
	r, err := line.(channel.Fetcher).Fetch(soon(t), "x", 4999)
	must(t, err)
	if _, err := io.ReadAll(r); switchboard.CodeOf(err) != switchboard.CodeTooLarge {
		t.Errorf("got %v, want too_large", err)
	}
}

func standinOf(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := &http.Server{Handler: h}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}
