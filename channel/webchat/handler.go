package webchat

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel"
)

// Prefix is where the handler is mounted.
const Prefix = "/webchat/v1/"

// Options of the handler. Channels, Visitors, Receiver and View are required.
type Options struct {
	Channels Channels
	Visitors Visitors
	Receiver channel.Receiver
	View     View
	// Phone gives a typed number in E.164 by the account's rules, "" when it is none.
	Phone func(ctx context.Context, ch switchboard.Channel, raw string) string
	// Widget is widget.js.
	Widget []byte
	// Limits as they are; DefaultLimits when nil.
	Limits *Limits
	// LimitLoopback limits this machine's own address like any other.
	LimitLoopback bool
	// Address gives the visitor's address behind trusted proxies; the connection's
	// own when nil.
	Address func(*http.Request) string
	// Done, when closed, ends open waits.
	Done   <-chan struct{}
	Now    func() time.Time
	Random io.Reader
	Log    *slog.Logger
}

// Handler answers the protocol under Prefix.
type Handler struct {
	Options
	limits  Limits
	limiter *limiter
	waiting waiting
	etag    string
}

// NewHandler makes the handler.
func NewHandler(o Options) *Handler {
	if o.Phone == nil {
		o.Phone = func(context.Context, switchboard.Channel, string) string { return "" }
	}
	if o.Address == nil {
		o.Address = func(r *http.Request) string { return r.RemoteAddr }
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
	limits := DefaultLimits()
	if o.Limits != nil {
		limits = *o.Limits
	}
	sum := sha256.Sum256(o.Widget)
	return &Handler{
		Options: o, limits: limits, limiter: newLimiter(limits.MaxKeys, o.Now),
		waiting: waiting{of: map[string]int{}}, etag: `"` + hex.EncodeToString(sum[:8]) + `"`,
	}
}

// visit is one request on its way through the checks.
type visit struct {
	w       http.ResponseWriter
	r       *http.Request
	channel switchboard.Channel
	address string
	body    []byte
	session switchboard.VisitorSession
}

// route is one request of the protocol. Its checks run in the protocol's order.
type route struct {
	name    string
	method  string
	body    bool
	token   bool
	limit   func(h *Handler, v *visit) time.Duration
	answer  func(h *Handler, v *visit) error
	private bool // answers only allowed origins, never stored
}

// routes are the whole protocol; OPTIONS is answered for all of them.
var routes = []route{
	{name: "sessions", method: http.MethodPost, body: true, private: true, limit: limitSessions, answer: (*Handler).startSession},
	{name: "messages", method: http.MethodPost, body: true, token: true, private: true, limit: limitMessages, answer: (*Handler).write},
	{name: "messages", method: http.MethodGet, token: true, private: true, limit: limitReads, answer: (*Handler).read},
	{name: "widget.js", method: http.MethodGet, answer: (*Handler).widget},
	{name: "page", method: http.MethodGet, answer: (*Handler).page},
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, Prefix), "/")
	allowPage(w, r)
	if r.Method == http.MethodOptions {
		preflight(w)
		return
	}
	found, refused := find(name, r.Method)
	if refused != nil {
		refused.write(w, r)
		return
	}
	v := &visit{w: w, r: r, address: network(h.Address(r))}
	err := h.check(v, found, key)
	if err == nil {
		err = found.answer(h, v)
	}
	if err != nil {
		h.refuse(v, err)
	}
}

func find(name, method string) (route, *problem) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allow []string
	for _, one := range routes {
		if one.name != name {
			continue
		}
		if one.method == method {
			return one, nil
		}
		allow = append(allow, one.method)
	}
	if allow == nil {
		return route{}, &problem{status: http.StatusNotFound}
	}
	return route{}, &problem{status: http.StatusMethodNotAllowed, allow: strings.Join(allow, ", ")}
}

// check runs the checks in the protocol's order: key, origin, size, token, limits.
func (h *Handler) check(v *visit, to route, key string) error {
	if err := h.findChannel(v, key); err != nil {
		return err
	}
	if to.private {
		v.w.Header().Set("Cache-Control", "no-store")
		if err := checkOrigin(v); err != nil {
			return err
		}
	}
	if to.body {
		if err := readBody(v); err != nil {
			return err
		}
	}
	if to.token {
		if err := h.findSession(v); err != nil {
			return err
		}
	}
	return h.slow(v, to)
}

func (h *Handler) slow(v *visit, to route) error {
	wait := h.byAddress("requests", v, h.limits.RequestsPerAddress, 1)
	if wait == 0 && to.limit != nil {
		wait = to.limit(h, v)
	}
	if wait > 0 {
		return &problem{status: http.StatusTooManyRequests, after: wait}
	}
	return nil
}

// byAddress limits an address. This machine's own is not limited: it is a trial, or a
// proxy that was not named as trusted and stands for every visitor there is.
func (h *Handler) byAddress(what string, v *visit, rate Rate, cost float64) time.Duration {
	if !h.LimitLoopback && isLoopback(v.address) {
		return 0
	}
	return h.limiter.take(what, v.address, rate, cost)
}

func isLoopback(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && ip.Unmap().IsLoopback()
}

func limitSessions(h *Handler, v *visit) time.Duration {
	return h.byAddress("sessions", v, h.limits.SessionsPerAddress, 1)
}

func limitMessages(h *Handler, v *visit) time.Duration {
	return h.limiter.take("messages", v.session.ID, h.limits.MessagesPerSession, 1)
}

func limitReads(h *Handler, v *visit) time.Duration {
	return h.limiter.take("reads", v.session.ID, h.limits.ReadsPerSession, 1)
}

// findChannel finds the channel. Who guesses keys or tokens is slowed down first.
func (h *Handler) findChannel(v *visit, key string) error {
	if wait := h.byAddress("mistakes", v, h.limits.MistakesPerAddress, 0); wait > 0 {
		return &problem{status: http.StatusTooManyRequests, after: wait}
	}
	if key == "" || len(key) > 100 {
		return h.mistake(v, http.StatusNotFound, "")
	}
	ch, err := h.Channels.ChannelByKey(v.r.Context(), key)
	switch {
	case switchboard.CodeOf(err) == switchboard.CodeNotFound:
		return h.mistake(v, http.StatusNotFound, "")
	case err != nil:
		return err //nolint:wrapcheck // refuse names the request
	case ch.Transport != switchboard.Webchat || ch.State == switchboard.ChannelDisabled:
		return h.mistake(v, http.StatusNotFound, "")
	}
	v.channel = ch
	return nil
}

func (h *Handler) mistake(v *visit, status int, key string) error {
	h.byAddress("mistakes", v, h.limits.MistakesPerAddress, 1)
	return &problem{status: status, key: key}
}

// readBody reads a body of the allowed size. A larger one is read and dropped within
// bounds, else the client would see a cut connection in place of the answer.
func readBody(v *visit) error {
	control := http.NewResponseController(v.w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTime)) // a recorder in tests has none
	var body bytes.Buffer
	_, err := io.Copy(&body, io.LimitReader(v.r.Body, maxBody+1))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return &problem{status: http.StatusRequestTimeout, key: "body_cut"}
	}
	if tooLarge != nil || body.Len() > maxBody {
		_, _ = io.Copy(io.Discard, io.LimitReader(v.r.Body, maxDiscarded))
		return &problem{status: http.StatusRequestEntityTooLarge, key: "body_too_large"}
	}
	_ = control.SetReadDeadline(time.Time{})
	v.body = body.Bytes()
	return nil
}

// refuse answers an error.
func (h *Handler) refuse(v *visit, err error) {
	var known *problem
	if !errors.As(err, &known) {
		known = h.judge(v, err)
	}
	known.write(v.w, v.r)
}

// retryAfter is what an overloaded house asks for.
const retryAfter = 2 * time.Second

func (h *Handler) judge(v *visit, err error) *problem {
	if mistake, is := isBody(err); is {
		return &problem{status: http.StatusBadRequest, key: string(mistake)}
	}
	switch switchboard.CodeOf(err) {
	case switchboard.CodeInvalid:
		return &problem{status: http.StatusBadRequest}
	case switchboard.CodeTooLarge:
		return &problem{status: http.StatusRequestEntityTooLarge}
	case switchboard.CodeConflict:
		return &problem{status: http.StatusConflict, key: "id_taken"}
	case switchboard.CodeUnavailable, switchboard.CodeTooMany:
		return &problem{status: http.StatusServiceUnavailable, key: "try_later", after: retryAfter}
	}
	if v.r.Context().Err() != nil {
		return &problem{status: http.StatusServiceUnavailable, key: "try_later", after: retryAfter}
	}
	h.Log.ErrorContext(v.r.Context(), "webchat request failed", "channel", v.channel.ID, "error", err.Error())
	return &problem{status: http.StatusInternalServerError}
}

// widget gives widget.js to any page.
func (h *Handler) widget(v *visit) error {
	header := v.w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Cache-Control", "public, max-age=300")
	header.Set("ETag", h.etag)
	header.Set("Content-Type", "text/javascript; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	if strings.Contains(v.r.Header.Get("If-None-Match"), h.etag) {
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Length", strconv.Itoa(len(h.Widget)))
	_, _ = v.w.Write(h.Widget)
	return nil
}
