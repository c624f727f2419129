package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"switchboard"
	"switchboard/api/app"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/i18n"
	"switchboard/secret"
	"switchboard/store"
)

// hubspots opens HubSpot connections; one client per connection is kept, for it
// learns the account's limits.
type hubspots struct {
	baseURL string
	http    *http.Client
	store   *store.Store
	open    sync.Map // "connection id/synced" -> *hubspot.Client
}

// hubspotSecrets is the connection's secrets column.
type hubspotSecrets struct {
	Token string `json:"token"`
	// AppSecret signs what the card fetches; "" while no app is set up.
	AppSecret string `json:"appSecret,omitempty"`
}

// hubspotInfo is the connection's info column: what connecting found out.
type hubspotInfo struct {
	hubspot.Report
}

// in gives a crm.Opener whose calls have a priority: people before new clients before
// what can wait.
func (h *hubspots) in(lane hubspot.Lane) crm.Opener {
	return func(c switchboard.Connection) (crm.CRM, error) {
		client, err := h.client(c)
		if err != nil {
			return nil, err
		}
		return client.WithLane(lane), nil
	}
}

func (h *hubspots) client(c switchboard.Connection) (*hubspot.Client, error) {
	if had, ok := h.open.Load(c.ID); ok {
		return had.(*hubspot.Client), nil
	}
	var secrets hubspotSecrets
	if err := json.Unmarshal(c.Secrets, &secrets); err != nil {
		return nil, errors.New("the connection's secrets cannot be read")
	}
	var info hubspotInfo
	if err := json.Unmarshal(c.Info, &info); err != nil {
		return nil, fmt.Errorf("read the connection's report: %w", err)
	}
	client, err := h.with(secret.New(secrets.Token), "hubspot/"+string(c.ID), info.Portal)
	if err != nil {
		return nil, err
	}
	had, _ := h.open.LoadOrStore(c.ID, client)
	return had.(*hubspot.Client), nil
}

func (h *hubspots) with(token secret.String, bucket string, portal hubspot.Portal) (*hubspot.Client, error) {
	return hubspot.New(hubspot.Config{BaseURL: h.baseURL, Token: token, HTTP: h.http, Limiter: limiter{h.store}, Bucket: bucket, Portal: portal})
}

// limiter keeps HubSpot's limits in the database, right across nodes.
type limiter struct{ store *store.Store }

func (l limiter) Take(ctx context.Context, bucket string, limit hubspot.Limit) (time.Duration, error) {
	return l.store.Take(ctx, "crm/"+bucket, limit.Next)
}

// connector connects and disconnects an account's CRM for the settings page.
type connector struct {
	*hubspots
	mirror   *crm.Mirror
	timeline *crm.Timeline
	logger   *slog.Logger
	// appSecret is set for a stand-in whose card signs with it.
	appSecret string
}

// Connect is app.CRMConnector's: what works with a token and what does not; a usable
// connection is stored, with owners and pipelines read.
func (c *connector) Connect(ctx context.Context, account switchboard.AccountID, token secret.String) (app.CRMReport, error) {
	report, err := c.connect(hubspot.WithLane(ctx, hubspot.LaneInteractive), account, token)
	return c.report(report), err
}

// Describe reads the report kept with a connection.
func (c *connector) Describe(conn switchboard.Connection) (app.CRMReport, error) {
	var info hubspotInfo
	if err := json.Unmarshal(conn.Info, &info); err != nil {
		return app.CRMReport{}, fmt.Errorf("read the connection's report: %w", err)
	}
	return c.report(info.Report), nil
}

func (c *connector) report(r hubspot.Report) app.CRMReport {
	out := app.CRMReport{Usable: r.Usable()}
	if r.Portal.ID != 0 {
		out.Portal = fmt.Sprintf("HubSpot %d", r.Portal.ID)
	}
	if r.Portal.UIDomain != "" {
		out.URL = c.scheme() + "://" + r.Portal.UIDomain
	}
	for _, i := range r.Items {
		out.Checks = append(out.Checks, app.CRMCheck{Sentence: i18n.Key(i.Sentence), Scope: i.Scope, OK: i.State == hubspot.ItemOK, Required: i.Required})
	}
	return out
}

func (h *hubspots) scheme() string {
	if u, err := url.Parse(h.baseURL); err == nil && u.Scheme != "" {
		return u.Scheme
	}
	return "https"
}

func (c *connector) connect(ctx context.Context, account switchboard.AccountID, token secret.String) (hubspot.Report, error) {
	id := switchboard.ConnectionID(switchboard.NewUUID(time.Now(), rand.Reader))
	client, err := c.with(token, "hubspot/"+string(id), hubspot.Portal{})
	if err != nil {
		return hubspot.Report{}, err
	}
	report, err := client.Connect(ctx)
	if err != nil {
		return hubspot.Report{}, connectError(err)
	}
	if !report.Usable() {
		return report, nil
	}
	conn := switchboard.Connection{Account: account, ID: id, Kind: "hubspot", State: switchboard.ConnectionActive}
	if conn.Info, err = json.Marshal(hubspotInfo{report}); err != nil {
		return report, fmt.Errorf("encode report: %w", err)
	}
	if conn.Secrets, err = json.Marshal(hubspotSecrets{Token: token.Reveal(), AppSecret: c.appSecret}); err != nil {
		return report, fmt.Errorf("encode secrets: %w", err)
	}
	if err := c.store.InTx(ctx, func(tx switchboard.Tx) error { return c.store.Connect(ctx, tx, conn) }); err != nil {
		return report, fmt.Errorf("store connection: %w", err)
	}
	if err := c.timeline.Begin(ctx, conn); err != nil {
		return report, fmt.Errorf("begin timeline: %w", err)
	}
	_, err = c.mirror.Refresh(ctx, account)
	return report, err
}

func connectError(err error) error {
	switch crm.ClassOf(err) {
	case crm.Unauthentic:
		return &switchboard.Error{Code: switchboard.CodeInvalid, Message: "crm_token_refused", Field: "token", Err: err}
	case crm.Limited, crm.Unavailable, crm.Lost:
		return &switchboard.Error{Code: switchboard.CodeUnavailable, Message: "crm_not_reachable", Err: err}
	default:
		return err
	}
}

// Disconnect ends the connection; nothing more is sent.
func (c *connector) Disconnect(ctx context.Context, account switchboard.AccountID) error {
	return c.store.InTx(ctx, func(tx switchboard.Tx) error { return c.store.Disconnect(ctx, tx, account) })
}

// Refresh re-reads owners and pipelines (SET-3).
func (c *connector) Refresh(ctx context.Context, account switchboard.AccountID) (switchboard.CRMDifference, error) {
	d, err := c.mirror.Refresh(hubspot.WithLane(ctx, hubspot.LaneInteractive), account)
	if _, refused := errors.AsType[*crm.Error](err); refused {
		return d, connectError(err)
	}
	return d, err
}

// texts gives sentences of package i18n to packages that write them into the CRM.
func texts(locale, key string, params map[string]string) string {
	language := i18n.English
	if locale == "ru" {
		language = i18n.Russian
	}
	return i18n.Text(language, i18n.Key(key), params)
}
