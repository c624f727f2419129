package sandbox

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

const (
	// DefaultSearchLag is how long a write stays invisible to search.
	DefaultSearchLag = 2 * time.Second
	// DefaultCardPath is where the connected app answers the card's fetch.
	DefaultCardPath = "/embed/hubspot/card"

	defaultLedgerSize   = 50_000
	defaultZone         = "Europe/Moscow"
	defaultPerTenSecond = 100
	defaultPerDay       = 250_000
	defaultSearchRate   = 5
)

// Secret is a token or key; it prints as [hidden].
type Secret string

func (Secret) String() string               { return "[hidden]" }
func (Secret) GoString() string             { return "[hidden]" }
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"[hidden]"`), nil }

// Token is a static access token of the account.
type Token struct {
	Value Secret
	// Scopes the administrator granted; nil means AllScopes.
	Scopes []string
}

// Portal describes the CRM account.
type Portal struct {
	ID       int64
	AppID    int64
	TimeZone string // IANA name; the daily quota resets at its midnight
	UIDomain string // host[:port] of the record pages
	Currency string
	// CountryCode is the calling code assumed for phones written without
	// one, digits only ("7"). HubSpot guesses it from the account.
	CountryCode string
}

// Owner is a CRM user who may be responsible for records. The owner id and the
// user id are different numbers, as in HubSpot.
type Owner struct {
	ID        string `json:"id"`
	UserID    int64  `json:"userId"`
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	Archived  bool   `json:"archived"`
}

// Stage is a step of a pipeline.
type Stage struct {
	ID          string `json:"id"`
	Label       string `json:"label"`
	Probability string `json:"probability"` // "0.0" to "1.0"
	Closed      bool   `json:"closed"`
	Archived    bool   `json:"archived"`
	ReadOnly    bool   `json:"readOnly"`
}

// Pipeline is an ordered set of stages.
type Pipeline struct {
	ID       string  `json:"id"`
	Label    string  `json:"label"`
	Stages   []Stage `json:"stages"`
	Archived bool    `json:"archived"`
}

// Limits are the account's call limits. Zero figures take the defaults of a
// private app on the smallest plan: 100 per rolling 10 s, 250,000 per day,
// 5 searches per second.
type Limits struct {
	Enforce         bool `json:"enforce"`
	PerTenSeconds   int  `json:"perTenSeconds"`
	PerDay          int  `json:"perDay"`
	SearchPerSecond int  `json:"searchPerSecond"`
}

// Settings connect the card to an app. They can be changed while running.
type Settings struct {
	AppURL    string // public base URL of the app, no trailing slash
	AppSecret Secret // signs the card's fetch
	CardPath  string
	// FrameOrigins are the origins the card may show in a frame
	// (permittedUrls.iframe of a project app); empty means AppURL's origin.
	FrameOrigins []string
}

// Config describes a sandbox. The zero value works: an empty account in
// memory with three owners, two deal pipelines and no token (every API call
// is then refused with 401).
type Config struct {
	// Dir keeps the state in a file when set; otherwise it lives in memory.
	Dir string
	// LedgerFile appends every call as a JSON line when set.
	LedgerFile string
	// LedgerSize bounds the ledger in memory; 0 means 50,000 calls.
	LedgerSize int

	Clock func() time.Time // nil means time.Now
	Seed  uint64           // of fault probabilities and correlation ids
	Log   *slog.Logger     // nil means silence; never gets field values

	Tokens    []Token
	Portal    Portal
	Owners    []Owner
	Pipelines []Pipeline // of deals; nil means DefaultPipelines(Language)
	Language  string     // of the seeded labels: "ru" or "en"
	// PublicURL is the sandbox's own base URL; records then carry "url".
	PublicURL string

	// SearchLag: 0 means DefaultSearchLag, negative means none.
	SearchLag time.Duration
	Limits    Limits
	// Leads switches the leads feature on. Off, its endpoints answer 403.
	Leads bool
	// RefuseEngagementUnique refuses unique properties on notes and
	// communications.
	RefuseEngagementUnique bool

	Settings
	// CardTransport carries the signed fetch; nil means
	// http.DefaultTransport.
	CardTransport http.RoundTripper
}

// AllScopes are the scopes of a token that was granted everything.
func AllScopes() []string {
	return []string{
		"oauth",
		"crm.objects.contacts.read", "crm.objects.contacts.write",
		"crm.objects.deals.read", "crm.objects.deals.write",
		"crm.objects.leads.read", "crm.objects.leads.write",
		"crm.objects.owners.read",
		"crm.schemas.contacts.read", "crm.schemas.contacts.write",
		"crm.schemas.deals.read", "crm.schemas.deals.write",
	}
}

// DefaultOwners are the people of an account nobody described.
func DefaultOwners() []Owner {
	return []Owner{
		{ID: "71000001", UserID: 8100001, Email: "anna@example.com", FirstName: "Anna", LastName: "Ivanova"},
		{ID: "71000002", UserID: 8100002, Email: "boris@example.com", FirstName: "Boris", LastName: "Petrov"},
		{ID: "71000003", UserID: 8100003, Email: "vera@example.com", FirstName: "Vera", LastName: "Smirnova"},
	}
}

func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.LedgerSize <= 0 {
		c.LedgerSize = defaultLedgerSize
	}
	if c.SearchLag == 0 {
		c.SearchLag = DefaultSearchLag
	}
	if c.Owners == nil {
		c.Owners = DefaultOwners()
	}
	if c.Pipelines == nil {
		c.Pipelines = DefaultPipelines(c.Language)
	}
	c.Portal = c.Portal.withDefaults()
	c.Limits = c.Limits.withDefaults()
	return c
}

func (p Portal) withDefaults() Portal {
	setIfZero(&p.ID, 62515001)
	setIfZero(&p.AppID, 54321)
	setIfZero(&p.TimeZone, defaultZone)
	setIfZero(&p.UIDomain, "127.0.0.1")
	setIfZero(&p.Currency, "RUB")
	setIfZero(&p.CountryCode, "7")
	return p
}

// location finds the account's time zone. The default one needs no zone
// database on the machine.
func (p Portal) location() (*time.Location, error) {
	zone, err := time.LoadLocation(p.TimeZone)
	if err != nil && p.TimeZone == defaultZone {
		return time.FixedZone(defaultZone, 3*60*60), nil
	}
	if err != nil {
		return nil, fmt.Errorf("load time zone: %w", err)
	}
	return zone, nil
}

func (l Limits) withDefaults() Limits {
	setIfZero(&l.PerTenSeconds, defaultPerTenSecond)
	setIfZero(&l.PerDay, defaultPerDay)
	setIfZero(&l.SearchPerSecond, defaultSearchRate)
	return l
}

func setIfZero[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}

// UnmarshalJSON lets settings be read from a body or the state file.
func (s *Secret) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*s = Secret(text)
	return nil
}
