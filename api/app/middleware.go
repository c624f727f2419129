package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard"
	"switchboard/i18n"
	"switchboard/secret"
)

const (
	// CookieName names the app's session cookie.
	CookieName = "switchboard_session"
	// requestTime bounds a request that does not stream.
	requestTime = 30 * time.Second
	// slowTime bounds a request that asks the CRM or a messenger.
	slowTime = 2 * time.Minute
	// maxBodyBytes bounds a JSON body.
	maxBodyBytes = 1 << 20
	// maxDroppedBytes bounds what is read of a larger one.
	maxDroppedBytes = 64 << 20
)

var (
	errNotInFrame  = &switchboard.Error{Code: switchboard.CodeForbidden, Message: string(i18n.NotInFrame)}
	errCrossOrigin = &switchboard.Error{Code: switchboard.CodeForbidden, Message: string(i18n.CrossOrigin)}
	errMalformed   = &switchboard.Error{Code: switchboard.CodeInvalid, Message: string(i18n.MalformedBody)}
	errTooLarge    = &switchboard.Error{Code: switchboard.CodeTooLarge, Message: string(i18n.TooLarge)}
)

// door is what every request passes: headers, origin, text, session, permission, body.
type door struct {
	Config
	problems problems
	mux      *http.ServeMux
}

// visit is what handlers may know of the HTTP request.
type visit struct {
	header http.Header // of the answer
	device switchboard.Device
	token  secret.String
	// request and control are for what streams: ranges, deadlines.
	request *http.Request
	control *http.ResponseController
}

func visitOf(ctx context.Context) visit {
	v, _ := ctx.Value(visitKey).(visit)
	return v
}

// HandleFunc registers an operation behind its row of the route table; an operation
// without a row is a programming error.
func (d *door) HandleFunc(pattern string, handle func(http.ResponseWriter, *http.Request)) {
	row, listed := routeOf(pattern)
	if !listed {
		panic("no row in the route table for " + pattern)
	}
	d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := row.limit(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		if err := d.admit(&r, row); err != nil {
			d.problems.answer(w, r, err)
			return
		}
		handle(w, r)
	})
}

// ServeHTTP passes a request on; generated code asks for it.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// limit bounds the time of what does not stream.
func (row route) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	switch {
	case row.open:
		return ctx, func() {}
	case row.slow:
		return context.WithTimeout(ctx, slowTime)
	}
	return context.WithTimeout(ctx, requestTime)
}

// admit checks session, permission and body, in this order.
func (d *door) admit(r **http.Request, row route) error {
	ctx := (*r).Context()
	viewer, err := d.whoAsks(ctx, *r)
	if err != nil {
		if row.who != public || switchboard.CodeOf(err) != switchboard.CodeUnauthorized {
			return err
		}
		viewer = Viewer{}
	}
	ctx = withLanguage(WithViewer(ctx, viewer), language(*r, viewer.Person.Locale))
	*r = (*r).WithContext(ctx)
	if err := row.who.check(viewer); err != nil {
		return err
	}
	return readBody(*r, row)
}

// whoAsks finds the session of a request; a visitor without a token is the zero Viewer.
func (d *door) whoAsks(ctx context.Context, r *http.Request) (v Viewer, err error) {
	token, kind := tokenOf(r)
	if token.IsEmpty() {
		return v, nil
	}
	session, renewed, err := d.Auth.Authenticate(ctx, token, kind)
	if err != nil {
		return v, err
	}
	if v, err = d.Config.viewer(ctx, session); err != nil {
		return v, err
	}
	if renewed {
		visitOf(ctx).header.Set("Set-Cookie", d.cookie(token, session.ExpiresAt))
	}
	return v, nil
}

// tokenOf finds the session's token: the frame's bearer wins over a cookie.
func tokenOf(r *http.Request) (secret.String, switchboard.SessionKind) {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return secret.New(bearer), switchboard.SessionFrame
	}
	if c, err := r.Cookie(CookieName); err == nil {
		return secret.New(c.Value), switchboard.SessionCookie
	}
	return secret.String{}, ""
}

// language is the one a screen asks for by name, else the employee's, else the
// browser's.
func language(r *http.Request, locale string) i18n.Language {
	asked := r.Header.Get("Accept-Language")
	switch {
	case asked == "ru" || asked == "en":
		return i18n.Language(asked)
	case locale != "":
		return i18n.Match(locale)
	}
	return i18n.Match(asked)
}

// readBody reads and checks a JSON body and puts it back for the generated code.
func readBody(r *http.Request, row route) error {
	if row.open || row.body == nil {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBodyBytes+1))
	if err != nil {
		return errMalformed
	}
	if len(raw) > maxBodyBytes {
		// Read and dropped within bounds, else the client sees a cut connection in
		// place of the answer.
		_, _ = io.CopyN(io.Discard, r.Body, maxDroppedBytes)
		return errTooLarge
	}
	if err := checkBody(raw, row.body); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(raw))
	return nil
}

// malformed answers what generated code could not read.
func (d *door) malformed(w http.ResponseWriter, r *http.Request, err error) {
	var format *InvalidParamFormatError
	var required *RequiredParamError
	switch {
	case errors.As(err, &format):
		err = switchboard.Invalid(format.ParamName, string(i18n.Invalid))
	case errors.As(err, &required):
		err = switchboard.Invalid(required.ParamName, string(i18n.Invalid))
	default:
		err = errMalformed
	}
	d.problems.answer(w, r, err)
}

// unknown answers addresses and methods that are not in the route table.
func (d *door) unknown(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := d.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		d.problems.answer(w, r, switchboard.ErrNotFound)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	p, _ := problemOf(r.Context(), errMalformed)
	p.Status, p.Code = http.StatusMethodNotAllowed, "method_not_allowed"
	writeProblem(w, p)
}

// wrapped puts headers, the check of the origin and the check of the address's text
// around all operations.
func (d *door) wrapped() http.Handler {
	protection := http.NewCrossOriginProtection()
	if d.Public != nil {
		_ = protection.AddTrustedOrigin(d.Public.Scheme + "://" + d.Public.Host) // checked by package config
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.setHeaders(w.Header())
		device := switchboard.Device{Address: network(d.Address(r)), Agent: cut(r.UserAgent(), maxAgentBytes)}
		token, kind := tokenOf(r)
		ctx := context.WithValue(r.Context(), visitKey, visit{header: w.Header(), device: device, token: token,
			request: r, control: http.NewResponseController(w)})
		r = r.WithContext(withLanguage(ctx, language(r, "")))
		switch {
		case kind != switchboard.SessionFrame && protection.Check(r) != nil: // a bearer is sent by our own script only
			d.problems.answer(w, r, errCrossOrigin)
		case !isText(r.URL.Path) || !isQueryText(r):
			d.problems.answer(w, r, errMalformed)
		default:
			d.mux.ServeHTTP(w, r)
		}
	})
}

func (d *door) setHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	if d.isSecure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

func (c Config) isSecure() bool { return c.Public != nil && c.Public.Scheme == "https" }

// cookie is the session cookie as the browser is to keep it; an empty token removes it.
func (c Config) cookie(token secret.String, expires time.Time) string {
	cookie := http.Cookie{Name: CookieName, Value: token.Reveal(), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: c.isSecure(), Expires: expires, MaxAge: max(1, int(expires.Sub(c.Clock()).Seconds()))}
	if token.IsEmpty() {
		cookie.MaxAge, cookie.Expires = -1, time.Unix(1, 0)
	}
	return cookie.String()
}

const maxAgentBytes = 300

func cut(s string, most int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// network gives an address without its port.
func network(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	return cut(address, 64)
}

// isText says whether s can be stored as text.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func isQueryText(r *http.Request) bool {
	for name, values := range r.URL.Query() {
		if !isText(name) || slices.ContainsFunc(values, func(v string) bool { return !isText(v) }) {
			return false
		}
	}
	return true
}
