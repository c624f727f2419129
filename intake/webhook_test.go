package intake_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"switchboard/channel"
	"switchboard/channel/channeltest"
	"switchboard/intake"
)

// A 30 MB body, a forged, an unreadable and a good one over real HTTP (R13).
func TestAnswersEveryDeliveryPlainly(t *testing.T) {
	each(t, func(f *fixture) {
		f.ch.Key = "key-ch"
		server := httptest.NewServer(&intake.Webhook{Keys: f.store, Channels: channel.NewRegistry(f.fake), Receiver: f.door,
			Clock: time.Now, Logger: slog.New(slog.DiscardHandler)})
		f.Cleanup(server.Close)
		post := func(key, body string, header http.Header) int {
			r, err := http.NewRequestWithContext(f.Context(), http.MethodPost, server.URL+intake.HookPrefix+key, strings.NewReader(body))
			if err != nil {
				f.Fatal(err)
			}
			r.Header = header
			answer, err := server.Client().Do(r)
			if err != nil {
				f.Fatalf("%s with %d bytes: %v", key, len(body), err)
			}
			answer.Body.Close()
			return answer.StatusCode
		}
		good := string(channeltest.Body(f.fake.Text("peer", "hello")))
		signed := channeltest.Header("")
		for _, c := range []struct {
			name, key, body string
			header          http.Header
			want            int
		}{
			{"unknown key", "nobody", good, signed, 404},
			{"forged", "key-ch", good, channeltest.Header("forged"), 401},
			{"30 MB", "key-ch", strings.Repeat("a", 30_000_000), signed, 413},
		} {
			if got := post(c.key, c.body, c.header); got != c.want {
				f.Errorf("%s: got %d, want %d", c.name, got, c.want)
			}
		}
		if got := f.added(); got != 0 {
			f.Errorf("%d messages were stored", got)
		}
	})
}
