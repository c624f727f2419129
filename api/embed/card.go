package embed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"switchboard"
	"switchboard/i18n"
	"switchboard/secret"
)

// CardPath is where the CRM's card fetches its link.
const CardPath = "/embed/hubspot/card"

// Signature checks one signed request: package crm/hubspot's VerifySignature.
type Signature func(key secret.String, method, uri string, body []byte, header, timestamp string, now time.Time) error

// App is the CRM's app that a connection belongs to.
type App struct {
	Secret secret.String // signs what the card fetches; empty while no app is set up
	Portal string        // the CRM account's id; "" when unknown
}

// Card answers the signed fetch of a HubSpot card. All fields are required.
type Card struct {
	Store    Store
	Sessions *Sessions
	// Public is the configured public URL: the signature covers what the CRM called,
	// never a header of the request.
	Public *url.URL
	Verify Signature
	// AppOf reads a connection's app.
	AppOf func(c switchboard.Connection) (App, error)
	Clock func() time.Time
	Log   *slog.Logger
}

// Headers of HubSpot's signature.
const (
	signatureHeader = "X-HubSpot-Signature-v3"
	timestampHeader = "X-HubSpot-Request-Timestamp"
)

// maxTarget bounds the request target of a fetch.
const maxTarget = 8 << 10

// refusal is an answer in words.
type refusal struct {
	status int
	key    i18n.Key
}

func (r *refusal) Error() string { return string(r.key) }

var (
	errSignature = &refusal{http.StatusUnauthorized, i18n.CardSignature}
	errNobody    = &refusal{http.StatusForbidden, i18n.CardNobody}
	errNoContact = &refusal{http.StatusNotFound, i18n.CardNoContact}
)

// ServeHTTP answers {"url": ...}, or a problem in words that the card shows.
func (c *Card) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet {
		header.Set("Allow", http.MethodGet)
		c.refuse(w, i18n.English, &refusal{http.StatusMethodNotAllowed, i18n.MalformedBody})
		return
	}
	language := i18n.English
	link, err := c.link(r, &language)
	if err != nil {
		c.refuse(w, language, err)
		return
	}
	header.Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"url": link}) // the peer may be gone
}

func (c *Card) refuse(w http.ResponseWriter, l i18n.Language, err error) {
	var r *refusal
	if !errors.As(err, &r) {
		c.Log.Error("the card's request failed", "error", err)
		r = &refusal{http.StatusInternalServerError, i18n.Internal}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(r.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": i18n.Text(l, r.key, nil), "status": r.status, "code": string(r.key)})
}

// link makes the address of our page with a one-time code in it.
func (c *Card) link(r *http.Request, l *i18n.Language) (string, error) {
	ctx := r.Context()
	conn, err := c.authentic(ctx, r)
	if err != nil {
		return "", err
	}
	account, err := c.Store.Account(ctx, nil, conn.Account)
	if err != nil {
		return "", fmt.Errorf("read account: %w", err)
	}
	*l = i18n.Match(account.Settings.Locale)
	query := r.URL.Query()
	employee, err := c.employee(ctx, conn.Account, query)
	if err != nil {
		return "", err
	}
	if employee.Locale != "" {
		*l = i18n.Match(employee.Locale)
	}
	contact, err := c.contact(ctx, conn.Account, query)
	if err != nil {
		return "", err
	}
	code, err := c.Sessions.Code(ctx, conn.Account, employee.ID, contact)
	if err != nil {
		return "", fmt.Errorf("make a code: %w", err)
	}
	return strings.TrimRight(c.Public.String(), "/") + "/embed.html#code=" + url.QueryEscape(code.Reveal()), nil
}

// authentic finds the connection whose app signed the request.
func (c *Card) authentic(ctx context.Context, r *http.Request) (switchboard.Connection, error) {
	target := r.RequestURI
	if len(target) > maxTarget || !strings.HasPrefix(target, "/") || r.ContentLength > 0 {
		return switchboard.Connection{}, errSignature
	}
	all, err := c.Store.ActiveConnections(ctx)
	if err != nil {
		return switchboard.Connection{}, fmt.Errorf("list connections: %w", err)
	}
	uri := strings.TrimRight(c.Public.String(), "/") + target
	portal := r.URL.Query().Get("portalId")
	for _, conn := range all {
		if conn.Kind != "hubspot" {
			continue
		}
		app, err := c.AppOf(conn)
		if err != nil {
			return conn, fmt.Errorf("read a connection's app: %w", err)
		}
		if app.Secret.IsEmpty() || app.Portal != "" && app.Portal != portal {
			continue
		}
		if c.Verify(app.Secret, r.Method, uri, nil, r.Header.Get(signatureHeader), r.Header.Get(timestampHeader), c.Clock()) == nil {
			return conn, nil
		}
	}
	return switchboard.Connection{}, errSignature
}

// employee finds who looks at the CRM: by the CRM's user, then by e-mail. Somebody who
// is blocked or has no role is nobody.
func (c *Card) employee(ctx context.Context, account switchboard.AccountID, q url.Values) (switchboard.Employee, error) {
	user, email := q.Get("userId"), strings.ToLower(q.Get("userEmail"))
	owners, err := c.Store.Owners(ctx, nil, account)
	if err != nil {
		return switchboard.Employee{}, fmt.Errorf("read owners: %w", err)
	}
	i := slices.IndexFunc(owners, func(o switchboard.Owner) bool { return user != "" && o.UserID == user })
	if i < 0 {
		i = slices.IndexFunc(owners, func(o switchboard.Owner) bool { return email != "" && o.Email == email })
	}
	all, err := c.Store.Employees(ctx, nil, account)
	if err != nil {
		return switchboard.Employee{}, fmt.Errorf("read employees: %w", err)
	}
	at := slices.IndexFunc(all, func(e switchboard.Employee) bool {
		if i >= 0 {
			return e.Owner == owners[i].ID
		}
		return email != "" && e.Email == email
	})
	if at < 0 || !all[at].Active {
		return switchboard.Employee{}, errNobody
	}
	roles, err := c.Store.RolesOf(ctx, nil, account, all[at].ID)
	if err != nil {
		return switchboard.Employee{}, fmt.Errorf("read roles: %w", err)
	}
	if len(roles) == 0 {
		return switchboard.Employee{}, errNobody
	}
	return all[at], nil
}

// The CRM's names of kinds of record.
const (
	typeContact = "0-1"
	typeDeal    = "0-3"
)

// contact finds whose chats the frame shows first; "" shows all.
func (c *Card) contact(ctx context.Context, account switchboard.AccountID, q url.Values) (switchboard.ContactID, error) {
	id := q.Get("objectId")
	switch q.Get("objectType") {
	case "":
		return "", nil
	case typeContact, "contact":
		if id == "" {
			return "", errNoContact
		}
		return switchboard.ContactID(id), nil
	case typeDeal, "deal":
		deal, err := c.Store.Deal(ctx, nil, account, switchboard.DealID(id))
		if errors.Is(err, switchboard.ErrNotFound) || err == nil && deal.Contact == "" {
			return "", errNoContact
		}
		return deal.Contact, err
	}
	return "", errNoContact
}

// hubspotPages may show the frame: HubSpot's app, all regions.
const hubspotPages = "https://*.hubspot.com"

// FrameAncestors gives the Content-Security-Policy directive of the page that a CRM
// shows in a frame: HubSpot's pages while one is connected, and the operator's own
// origins (a stand-in). Anything else may not frame it.
func FrameAncestors(connections []switchboard.Connection, origins []string) string {
	allowed := []string{}
	if slices.ContainsFunc(connections, func(c switchboard.Connection) bool { return c.Kind == "hubspot" }) {
		allowed = append(allowed, hubspotPages)
	}
	for _, origin := range origins {
		u, err := url.Parse(origin)
		if err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'\"") {
			allowed = append(allowed, u.Scheme+"://"+u.Host)
		}
	}
	if len(allowed) == 0 {
		return "frame-ancestors 'none'"
	}
	return "frame-ancestors " + strings.Join(allowed, " ")
}
