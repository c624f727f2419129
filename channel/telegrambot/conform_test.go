package telegrambot_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/channel/telegrambot"
	"switchboard/channel/telegrambot/standin"
)

// subject is a bot as the suite sees it.
func subject(t *testing.T, mode string) *channeltest.Subject {
	w := newWorld(t)
	anna := w.bot.User(77, "Anna")
	anna.Write("so that the bot may answer")
	fail := func(f standin.Fault) func() { return func() { w.bot.Plan(&f) } }
	ch := switchboard.Channel{
		ID: "channel-1", Transport: switchboard.TelegramBot, Config: []byte(`{"mode":"` + mode + `"}`),
		Secrets: []byte(`{"token":"` + token + `","webhookSecret":"` + secret + `"}`),
	}
	open := ch
	open.Secrets = []byte(`{"token":"` + token + `"}`)
	return &channeltest.Subject{
		Connector: w.connector, Channel: ch,
		Hook: &channeltest.Hook{
			Header: http.Header{telegrambot.SecretHeader: {secret}}, Secret: telegrambot.SecretHeader, WithoutSecret: open,
			Payloads: payloads(), Unknown: deliver("message", `"hologram":{"depth":3}`),
			Original: deliver("message", `"text":"Hello"`), Changed: deliver("edited_message", `"edit_date":1772452900,"text":"Hello!"`),
		},
		Poll: &channeltest.Poll{
			Write: func(n int) {
				for i := range n - 1 { // the first one waits already
					anna.Write(strconv.Itoa(i))
				}
			},
			Repeat:    w.bot.Replay,
			Confirmed: func(ctx context.Context) error { return w.bot.WaitConfirmed(ctx) },
		},
		Send: channeltest.Sending{
			Address: "77", Sent: func() int { return len(w.bot.Sent()) },
			Calls: func() int {
				n := 0
				for method := range map[string]bool{"sendMessage": true, "sendPhoto": true, "sendDocument": true} {
					n += w.bot.Calls(method)
				}
				return n
			},
			Fail: map[channel.Class]func(){
				channel.Permanent: fail(standin.Fault{Status: 400, Text: "Bad Request: chat not found"}),
				channel.Retry:     fail(standin.Fault{Status: 500, Text: "Internal Server Error"}),
				channel.Throttled: fail(standin.Fault{Status: 429, RetryAfter: 3}),
				channel.Auth:      fail(standin.Fault{Status: 401, Text: "Unauthorized"}),
				channel.Unknown:   fail(standin.Fault{Drop: true}),
				channel.PeerGone:  fail(standin.Fault{Status: 403, Text: "Forbidden: bot was blocked by the user"}),
			},
			LoseAnswer: fail(standin.Fault{Done: true, Hang: true}),
		},
	}
}

func TestPollingConforms(t *testing.T) {
	channeltest.Conform(t, func(t *testing.T) *channeltest.Subject { return subject(t, "poll") })
}

func TestWebhookConforms(t *testing.T) {
	channeltest.Conform(t, func(t *testing.T) *channeltest.Subject { return subject(t, "webhook") })
}

func TestShowsItsSecretsNowhere(t *testing.T) { // P13
	w := newWorld(t)
	line := w.open(t, "poll")
	w.customer()
	w.bot.Plan(&standin.Fault{Drop: true}, &standin.Fault{Status: 500}, &standin.Fault{Status: 401})
	var all strings.Builder
	for range 3 {
		_, err := line.Send(soon(t), text("canaryText"))
		all.WriteString(err.Error())
	}
	if s := all.String() + w.log.String(); strings.Contains(s, "canary") {
		t.Error(s)
	}
}
