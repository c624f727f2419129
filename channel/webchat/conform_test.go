package webchat_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/channel/webchat"
)

const session = "0197f3c2-52b1-7c1e-9a55-0d1f6f2f7d10"

// The site chat's own side is ours, so a message is added or it is not: most classes
// cannot be.
func TestConforms(t *testing.T) {
	ours := "the visitor's view is our own database"
	channeltest.Conform(t, func(*testing.T) *channeltest.Subject {
		m := newMemory()
		once := &failingOnce{memory: m}
		return &channeltest.Subject{
			Connector: webchat.New(once), Channel: switchboard.Channel{ID: "channel-1", Transport: switchboard.Webchat},
			Send: channeltest.Sending{
				Address: session,
				// The suite repeats one message id; the outbox gives each message once, so
				// the calls it accepted are counted.
				Sent: func() int { return once.accepted },
				Fail: map[channel.Class]func(){
					channel.Retry:     func() { once.next = errors.New("disk full") },
					channel.Permanent: func() { once.next = switchboard.ErrNotFound },
				},
				Never: map[channel.Class]string{
					channel.Throttled: ours, channel.Auth: ours, channel.PeerGone: ours,
					channel.Unknown: ours + ", and adding is repeatable",
				},
			},
		}
	})
}

func FuzzReadBodies(f *testing.F) {
	good := message(uuid, "Hello")
	f.Add([]byte(good))
	f.Add([]byte(`{"name":"Olga","phone":"+7 912 345-67-89","email":"olga@example.com"}`))
	for _, body := range channeltest.Hostile([]byte(good)) {
		if len(body) <= 64<<10 {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		id, text, err := webchat.ReadMessage(body)
		if err == nil {
			n := utf8.RuneCountInString(text)
			if !switchboard.IsUUID(id) || strings.ToLower(id) != id || n < 1 || n > 4000 || strings.Contains(text, "\x00") || !utf8.ValidString(text) {
				t.Errorf("let through: %q %q", id, text)
			}
			var plain struct{ Text string }
			if json.Unmarshal(body, &plain) != nil {
				t.Error("let through what is no JSON")
			}
		}
		s, err := webchat.ReadSession(body)
		if err == nil && (utf8.RuneCountInString(s.Name) > 200 || strings.Contains(s.Name+s.Phone+s.Email, "\x00") || strings.Count(s.Email, "@") > 1) {
			t.Errorf("let through: %+v", s)
		}
	})
}
