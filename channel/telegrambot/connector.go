package telegrambot

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel"
)

var (
	_ channel.Connector = (*Connector)(nil)
	_ channel.Line      = (*pollLine)(nil)
	_ channel.Poller    = (*pollLine)(nil)
	_ channel.Fetcher   = (*pollLine)(nil)
	_ channel.Registrar = (*pollLine)(nil)
	_ channel.Line      = (*hookLine)(nil)
	_ channel.Webhook   = (*hookLine)(nil)
	_ channel.Fetcher   = (*hookLine)(nil)
	_ channel.Registrar = (*hookLine)(nil)
)

// DefaultBaseURL is Telegram's own server.
const DefaultBaseURL = "https://api.telegram.org"

// Options of the connector; the zero value of a field means its default.
type Options struct {
	// BaseURL of the Bot API server, without a slash at the end.
	BaseURL string
	// Client makes every call. Its redirects are not followed and its Timeout is not
	// used: each call has its own deadline. Its transport must not cut an answer that
	// takes PollSeconds to begin, nor one of 21 MB: files have up to 20.
	Client *http.Client
	// PollSeconds is how long Telegram may hold getUpdates, 1 to 50, default 25.
	PollSeconds int
	// Pause is the first pause after a failed poll, doubled up to 60 times itself;
	// default 500 ms.
	Pause  time.Duration
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

// Connector is the Bot API as a transport.
type Connector struct {
	options Options
	client  *http.Client
}

// New makes the connector. It panics without an HTTP client: the operator's network
// must not be reachable by accident (P12).
func New(o Options) *Connector {
	if o.Client == nil {
		panic("telegrambot: no HTTP client")
	}
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.PollSeconds <= 0 || o.PollSeconds > 50 {
		o.PollSeconds = 25
	}
	if o.Pause <= 0 {
		o.Pause = 500 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	client := *o.Client
	client.Timeout = 0
	// A followed redirect would carry the token, and the message, elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Connector{options: o, client: &client}
}

// Transport is telegram_bot.
func (*Connector) Transport() switchboard.Transport { return switchboard.TelegramBot }

// Open makes a line that polls, or one that takes a webhook, as configured.
func (c *Connector) Open(ch switchboard.Channel) (channel.Line, error) {
	config, err := readConfig(ch.Config)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	secrets, err := readSecrets(ch.Secrets)
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	l := line{api: c.api(secrets.Token), connector: c, id: ch.ID, webhookSecret: secrets.WebhookSecret, flood: &flood{}}
	if config.Mode == Hook {
		return &hookLine{line: l}, nil
	}
	return &pollLine{line: l}, nil
}
