package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/secret"
)

// Config is what the API is made of.
type Config struct {
	Store    Store
	Auth     Auth
	Channels Channels
	CRM      CRMConnector
	Chats    ChatsConfig
	// Public is the address people and messengers reach the server at.
	Public  *url.URL
	Version string
	// Address gives the visitor's address behind trusted proxies; the connection's own
	// when nil.
	Address func(*http.Request) string
	Clock   func() time.Time
	Random  io.Reader
	Log     *slog.Logger
}

// Auth is package auth: passwords, sessions and one-time links. Tokens are shown
// to nobody but the browser they are for.
type Auth interface {
	// SetUp claims the server (SET-0); one claim wins.
	SetUp(ctx context.Context, token secret.String, company string, first switchboard.Employee, password secret.String, d switchboard.Device) (secret.String, switchboard.Session, error)
	SignIn(ctx context.Context, email string, password secret.String, d switchboard.Device) (secret.String, switchboard.Session, error)
	// Authenticate finds the session of a token; renewed says that a cookie's time
	// was extended.
	Authenticate(ctx context.Context, token secret.String, kind switchboard.SessionKind) (s switchboard.Session, renewed bool, err error)
	SignOut(ctx context.Context, token secret.String) error
	// ReadLink tells whom an invitation or reset link is for.
	ReadLink(ctx context.Context, token secret.String) (switchboard.Link, error)
	AcceptLink(ctx context.Context, token, password secret.String, locale string, d switchboard.Device) (secret.String, switchboard.Session, error)
	// Invite makes an invitation, or a reset link for who has a password.
	Invite(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) (secret.String, time.Time, error)
}

// Channels is the registry of transports.
type Channels interface {
	Connector(t switchboard.Transport) (channel.Connector, error)
	Transports() []switchboard.Transport
	Open(ch switchboard.Channel) (channel.Line, error)
}

// Server answers every operation of api/app.yaml.
type Server struct {
	*accountsAPI
	*chatsAPI
}

var _ StrictServerInterface = Server{}

// NewHandler makes the API's handler, for /api/app/ and /api/embed/.
func NewHandler(c Config) http.Handler {
	if c.Address == nil {
		c.Address = func(r *http.Request) string { return r.RemoteAddr }
	}
	s := Server{newAccountsAPI(c), newChatsAPI(c)}
	d := &door{Config: c, problems: problems{log: c.Log, random: c.Random}, mux: http.NewServeMux()}
	HandlerWithOptions(
		NewStrictHandlerWithOptions(s, nil, StrictHTTPServerOptions{
			RequestErrorHandlerFunc:  d.malformed,
			ResponseErrorHandlerFunc: d.problems.answer,
		}),
		StdHTTPServerOptions{BaseRouter: d, ErrorHandlerFunc: d.malformed},
	)
	d.mux.HandleFunc("/", d.unknown)
	return d.wrapped()
}

// trimmed gives an address without a slash at its end.
func trimmed(u *url.URL) string { return strings.TrimRight(u.String(), "/") }
