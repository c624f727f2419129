package hubspot

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchboard/crm"
)

// Problem is what HubSpot said about a refused call, names only: no values. It is the
// cause inside a crm.Error, for screens that help to mend the cause (DEAL-8).
type Problem struct {
	Category    string
	SubCategory string
	Codes       []string // of the single errors: MISSING_REQUIRED_PROPERTY, ...
	Properties  []string // that the errors name
	Scopes      []string // that are missing
	existing    string   // id of the record that holds a unique value
}

// Error lists the names.
func (p *Problem) Error() string {
	parts := []string{p.Category, p.SubCategory}
	parts = append(parts, p.Codes...)
	parts = append(parts, p.Properties...)
	parts = append(parts, p.Scopes...)
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return strings.Join(parts, " ")
}

func (p *Problem) names(property string) bool { return slices.Contains(p.Properties, property) }

// refusal is the body of an error answer; every field may be missing.
type refusal struct {
	Message       string      `json:"message"`
	CorrelationID string      `json:"correlationId"`
	Category      string      `json:"category"`
	SubCategory   text        `json:"subCategory"`
	Errors        []detail    `json:"errors"`
	Context       contextInfo `json:"context"`
	PolicyName    string      `json:"policyName"`
	ID            text        `json:"id"`
}

type detail struct {
	Message string      `json:"message"`
	Code    string      `json:"code"`
	In      string      `json:"in"`
	Context contextInfo `json:"context"`
}

// contextInfo is a map of lists; single values and other shapes are taken as they come.
type contextInfo map[string][]string

func (c *contextInfo) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	_ = json.Unmarshal(b, &raw) // of another shape nothing is learnt
	*c = contextInfo{}
	for name, value := range raw {
		var list []text
		if json.Unmarshal(value, &list) != nil {
			var one text
			if json.Unmarshal(value, &one) != nil {
				continue
			}
			list = []text{one}
		}
		for _, v := range list {
			(*c)[name] = append((*c)[name], string(v))
		}
	}
	return nil
}

var (
	existingID = regexp.MustCompile(`Existing ID: (\d{1,20})`)
	// Older validation texts hold their details as JSON inside the message.
	nestedCode     = regexp.MustCompile(`"error":"([A-Z_]{1,64})"`)
	nestedProperty = regexp.MustCompile(`"name":"([a-z0-9_]{1,100})"`)
	identifier     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,99}$`)
)

// problem collects the names out of a refusal. Only identifiers get in.
func (r refusal) problem() *Problem {
	p := &Problem{}
	for _, name := range []*string{&r.Category, (*string)(&r.SubCategory)} {
		if !identifier.MatchString(*name) {
			*name = ""
		}
	}
	p.Category, p.SubCategory = r.Category, string(r.SubCategory)
	details := append([]detail{{Message: r.Message, Context: r.Context}}, r.Errors...)
	for _, d := range details[:min(len(details), 50)] {
		p.add(d)
	}
	return p
}

func (p *Problem) add(d detail) {
	if m := existingID.FindStringSubmatch(d.Message); m != nil && p.existing == "" {
		p.existing = m[1]
	}
	put := func(list *[]string, names ...string) {
		for _, name := range names {
			if identifier.MatchString(name) && !slices.Contains(*list, name) {
				*list = append(*list, name)
			}
		}
	}
	put(&p.Codes, d.Code)
	for _, m := range nestedCode.FindAllStringSubmatch(d.Message, 20) {
		put(&p.Codes, m[1])
	}
	put(&p.Properties, d.In)
	put(&p.Properties, d.Context["propertyName"]...)
	put(&p.Properties, d.Context["properties"]...)
	for _, m := range nestedProperty.FindAllStringSubmatch(d.Message, 20) {
		put(&p.Properties, m[1])
	}
	put(&p.Scopes, d.Context["requiredGranularScopes"]...)
	put(&p.Scopes, d.Context["requiredScopes"]...)
}

// classes of statuses; what is not listed is Refused below 500 and Unavailable from
// there on, redirects included.
var classes = map[int]crm.ErrorClass{
	http.StatusUnauthorized:    crm.Unauthentic,
	http.StatusForbidden:       crm.Forbidden,
	http.StatusNotFound:        crm.Missing,
	http.StatusGone:            crm.Missing,
	http.StatusRequestTimeout:  crm.Unavailable,
	http.StatusLocked:          crm.Locked,
	http.StatusTooManyRequests: crm.Limited,
	statusMigration:            crm.Limited,
}

// statusMigration is HubSpot's own: the account is being moved, for up to hours.
const statusMigration = 477

const lockedWait = 2 * time.Second

func classOf(status int) crm.ErrorClass {
	if class, ok := classes[status]; ok {
		return class
	}
	if status >= 400 && status < 500 {
		return crm.Refused
	}
	return crm.Unavailable
}

// targetGone says that a record which the call names does not exist.
func (p *Problem) targetGone() bool {
	return p.Category == "OBJECT_NOT_FOUND" || strings.HasSuffix(p.SubCategory, "INVALID_OBJECT_IDS")
}

// conflict says that a unique value is taken.
func (p *Problem) conflict() bool {
	return p.Category == "CONFLICT" || p.existing != "" || slices.Contains(p.Codes, "CONFLICTING_UNIQUE_VALUE")
}

// failure makes the error of an answer with an error status.
func (c *Client) failure(ctx context.Context, req *call, status int, header http.Header, body []byte) *crm.Error {
	var r refusal
	_ = json.Unmarshal(body, &r) // an error without a readable body is still an error
	p := r.problem()
	e := &crm.Error{Class: classOf(status), Status: status, Err: p, Reason: reason(p, r.Message, req.private())}
	if identifier.MatchString(r.CorrelationID) || correlation.MatchString(r.CorrelationID) {
		e.Correlation = r.CorrelationID
	}
	if e.Class == crm.Refused && p.targetGone() {
		e.Class = crm.Missing
	}
	if e.Class == crm.Locked {
		e.After = lockedWait
	}
	if e.Class == crm.Limited {
		e.After = c.limitedFor(ctx, req.bucket(), status, r.PolicyName, header)
	}
	return e
}

var correlation = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)

const (
	rollingWait   = 10 * time.Second
	secondlyWait  = time.Second
	migrationWait = 5 * time.Minute
	unknownZone   = time.Hour // the daily quota's end when the zone is not known
	maxStrikes    = 6
	maxRetryAfter = 24 * time.Hour
)

// limitedFor says for how long a bucket is closed, and closes it.
func (c *Client) limitedFor(ctx context.Context, bucket string, status int, policy string, header http.Header) time.Duration {
	strikes := min(c.shared.strike(bucket), maxStrikes)
	var wait time.Duration
	closed := []string{bucket}
	switch {
	case status == statusMigration:
		wait, closed = migrationWait, []string{bucketBurst, bucketSearch}
	case policy == "DAILY":
		wait, closed = c.untilMidnight(), []string{bucketBurst, bucketSearch}
	case policy == "SECONDLY" || policy == "" && bucket == bucketSearch:
		wait = time.Duration(strikes) * secondlyWait
	default:
		wait = time.Duration(strikes) * rollingWait
	}
	if asked := retryAfter(header, c.now()); status == statusMigration && asked > 0 || asked > wait {
		wait = asked
	}
	wait += time.Duration(c.jitter() * float64(wait/10))
	c.pause(ctx, closed, c.now().Add(wait))
	return wait
}

// untilMidnight is the time until the daily quota starts anew.
func (c *Client) untilMidnight() time.Duration {
	zone, err := time.LoadLocation(c.portal.TimeZone)
	if err != nil || c.portal.TimeZone == "" {
		return unknownZone
	}
	now := c.now().In(zone)
	midnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, zone)
	return midnight.Sub(now)
}

func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil && seconds > 0 {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now), maxRetryAfter)
	}
	return 0
}
