package hubspot

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"switchboard/crm"
	"switchboard/secret"
)

// Version is the date-based version of every endpoint that is called.
const Version = "2026-03"

// DefaultBaseURL is where HubSpot answers.
const DefaultBaseURL = "https://api.hubapi.com"

const defaultTimeout = 10 * time.Second

var _ crm.CRM = (*Client)(nil)

// Doer sends one request; *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Config describes one connection. HTTP and Token are needed, the rest has defaults.
type Config struct {
	BaseURL string // "" means DefaultBaseURL
	Token   secret.String
	HTTP    Doer
	// Limiter is shared by all processes that use the connection; nil means one in
	// memory. Bucket names the connection in it.
	Limiter Limiter
	Bucket  string
	// Portal is what Connect reported about the account; its zero value works, with
	// fewer abilities and without record links.
	Portal Portal
	// Lane is the priority of calls whose context names none; "" means LaneClient.
	Lane Lane
	// Timeout bounds one call; 0 means 10 s.
	Timeout time.Duration

	Now    func() time.Time                                 // nil means time.Now
	Sleep  func(ctx context.Context, d time.Duration) error // nil means a timer
	Jitter func() float64                                   // in [0,1); nil means math/rand
	// Observe is told of every call: route is the path with ids left out, status 0
	// when no answer came.
	Observe func(method, route string, status int, took time.Duration)
}

// Client is one connected HubSpot account.
type Client struct {
	base    *url.URL
	token   secret.String
	http    Doer
	limiter Limiter
	bucket  string
	portal  Portal
	lane    Lane
	timeout time.Duration
	now     func() time.Time
	sleep   func(context.Context, time.Duration) error
	jitter  func() float64
	observe func(string, string, int, time.Duration)
	shared  *learned
}

// New makes a client. It makes no call.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cmp.Or(cfg.BaseURL, DefaultBaseURL))
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return nil, errors.New("read the CRM's base URL: it must be http(s)://host")
	}
	if cfg.HTTP == nil {
		return nil, errors.New("open the CRM connection: no HTTP client was given")
	}
	c := &Client{
		base: base, token: cfg.Token, http: cfg.HTTP, limiter: cfg.Limiter, bucket: cfg.Bucket,
		portal: cfg.Portal, lane: cmp.Or(cfg.Lane, LaneClient), timeout: cmp.Or(cfg.Timeout, defaultTimeout),
		now: cfg.Now, sleep: cfg.Sleep, jitter: cfg.Jitter, observe: cfg.Observe, shared: newLearned(),
	}
	c.fillDefaults()
	return c, nil
}

func (c *Client) fillDefaults() {
	if c.now == nil {
		c.now = time.Now
	}
	if c.sleep == nil {
		c.sleep = sleep
	}
	if c.jitter == nil {
		c.jitter = rand.Float64
	}
	if c.limiter == nil {
		c.limiter = NewMemoryLimiter(c.now)
	}
	if c.observe == nil {
		c.observe = func(string, string, int, time.Duration) {}
	}
}

// WithLane gives the same connection whose calls have another priority.
func (c *Client) WithLane(lane Lane) *Client {
	other := *c
	other.lane = lane
	return &other
}

// WithPortal gives the same connection with what Connect found out.
func (c *Client) WithPortal(p Portal) *Client {
	other := *c
	other.portal = p
	return &other
}

// Portal is what is known about the account. It is stored as JSON with the connection
// and given back in Config.
type Portal struct {
	ID       int64  `json:"id"`
	Type     string `json:"type"`     // STANDARD, DEVELOPER_TEST, SANDBOX, ...
	TimeZone string `json:"timeZone"` // IANA; the daily quota ends at its midnight
	UIDomain string `json:"uiDomain"` // host of the record pages
	// EntryUID tells for which kinds of entry the account accepted our unique
	// property: "communications", "notes" (TIME-3).
	EntryUID map[string]bool `json:"entryUid,omitempty"`
	// Associations are type ids by "from/to", as the account lists them.
	Associations map[string]int `json:"associations,omitempty"`
}

// recordTypes are HubSpot's ids of kinds of record, used in addresses of pages.
var recordTypes = map[crm.RecordKind]string{crm.RecordContact: "0-1", crm.RecordDeal: "0-3"}

// RecordURL is the address of a record's page, "" before the account is known.
func (c *Client) RecordURL(kind crm.RecordKind, id string) string {
	typeID := recordTypes[kind]
	if c.portal.UIDomain == "" || typeID == "" || id == "" {
		return ""
	}
	page := url.URL{Scheme: c.base.Scheme, Host: c.portal.UIDomain}
	return page.JoinPath("contacts", strconv.FormatInt(c.portal.ID, 10), "record", typeID, url.PathEscape(id)).String()
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func joined(names []string) string { return strings.Join(names, ",") }
