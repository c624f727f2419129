package intake

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel"
)

// HookPrefix is where messengers post; the channel's public key follows.
const HookPrefix = "/hooks/"

// maxBody bounds a delivery, maxDropped what is read of a larger one, in bytes.
const (
	maxBody    = 3 << 20
	maxDropped = 64 << 20
)

// Keys finds the channel of a public key.
type Keys interface {
	ChannelByKey(ctx context.Context, key string) (switchboard.Channel, error)
}

// Webhook answers messengers: authentic bodies are stored before they are answered;
// one that cannot be read is kept and answered too, since repeating it helps nobody.
type Webhook struct {
	Keys     Keys
	Channels *channel.Registry
	Receiver channel.Receiver
	Clock    func() time.Time
	Logger   *slog.Logger
}

// ServeHTTP answers 200 after the commit, 401 for a forged request, 404 for an unknown
// key, 413 for a body over 3 MiB and 503 when nothing could be stored (P14).
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST only", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		http.Error(w, "body cut", http.StatusBadRequest)
		return
	case len(body) > maxBody:
		// Read and dropped within bounds, else the messenger sees a cut connection.
		_, _ = io.CopyN(io.Discard, r.Body, maxDropped)
		http.Error(w, "body too large", http.StatusRequestEntityTooLarge)
		return
	}
	ch, line, err := h.open(r.Context(), strings.TrimPrefix(r.URL.Path, HookPrefix))
	if err == nil {
		err = line.Verify(r.Header, body)
	}
	if err == nil {
		_, err = h.Receiver.Receive(r.Context(), ch, Decode(line, body, h.Clock()))
	}
	h.answer(w, ch, err)
}

func (h *Webhook) open(ctx context.Context, key string) (switchboard.Channel, channel.Webhook, error) {
	ch, err := h.Keys.ChannelByKey(ctx, key)
	if err != nil {
		return ch, nil, err
	}
	if ch.State == switchboard.ChannelDisabled {
		return ch, nil, switchboard.ErrNotFound
	}
	line, err := h.Channels.Open(ch)
	if err != nil {
		return ch, nil, err
	}
	hook, ok := line.(channel.Webhook)
	if !ok {
		return ch, nil, switchboard.ErrNotFound
	}
	return ch, hook, nil
}

// Decode reads an authentic body; what cannot be read becomes a batch that says so.
func Decode(line channel.Webhook, body []byte, now time.Time) channel.Batch {
	b, err := line.Decode(body, now)
	if err != nil {
		return channel.Batch{Raw: body, Unreadable: err.Error()}
	}
	b.Raw = body
	return b
}

func (h *Webhook) answer(w http.ResponseWriter, ch switchboard.Channel, err error) {
	switch switchboard.CodeOf(err) {
	case "":
		if err == nil {
			w.WriteHeader(http.StatusOK)
			return
		}
		h.Logger.Error("a delivery was not stored", "channel", ch.ID, "error", err)
		fallthrough
	case switchboard.CodeUnavailable:
		w.Header().Set("Retry-After", "2")
		http.Error(w, "not stored, try again", http.StatusServiceUnavailable)
	case switchboard.CodeNotFound:
		http.Error(w, "unknown key", http.StatusNotFound)
	case switchboard.CodeUnauthorized:
		http.Error(w, "not authentic", http.StatusUnauthorized)
	case switchboard.CodeTooLarge:
		http.Error(w, "too much in one delivery", http.StatusRequestEntityTooLarge)
	default:
		http.Error(w, "malformed", http.StatusBadRequest)
	}
}
