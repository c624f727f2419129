package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of a card's fetch, as in HubSpot: 15 s, 1 MB, one repetition after a
// failure to connect or a 5xx.
const (
	cardTimeout  = 15 * time.Second
	maxCardBytes = 1 << 20
	cardTries    = 2
)

// cardClient makes the signed fetch for a card.
type cardClient struct{ http *http.Client }

func newCardClient(transport http.RoundTripper) *cardClient {
	return &cardClient{&http.Client{
		Transport: transport, Timeout: cardTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// cardError is a failure in words a person may read: a key of the texts and,
// where the app gave one, its own sentence.
type cardError struct {
	key    string
	detail string
}

func (e *cardError) Error() string { return e.key }

// cardURI is the address of the fetch. Without a kind it asks for the window
// with all chats.
func (s *Server) cardURI(set Settings, user Owner, k *kind, id string) string {
	p := s.cfg.Portal
	var q []string
	add := func(name, value string) { q = append(q, name+"="+escapeQuery(value)) }
	if k != nil {
		add("objectType", k.typeID)
		add("objectId", id)
	}
	add("portalId", strconv.FormatInt(p.ID, 10))
	add("userId", strconv.FormatInt(user.UserID, 10))
	add("userEmail", user.Email)
	add("appId", strconv.FormatInt(p.AppID, 10))
	return set.AppURL + set.CardPath + "?" + strings.Join(q, "&")
}

// openCard asks the app for a one-time link that may be shown in a frame.
func (s *Server) openCard(ctx context.Context, user Owner, k *kind, id string) (string, *cardError) {
	set := s.Settings()
	if set.AppURL == "" || set.AppSecret == "" {
		return "", &cardError{key: "card.unset"}
	}
	link, bad := s.card.fetch(ctx, set.AppSecret, s.cardURI(set, user, k, id), s.now)
	if bad != nil {
		return "", bad
	}
	if !framePermitted(set, link) {
		return "", &cardError{key: "card.origin", detail: originOf(link)}
	}
	return link, nil
}

func framePermitted(set Settings, link string) bool {
	origin := originOf(link)
	return origin != "" && slices.Contains(frameOrigins(set), origin)
}

// frameOrigins are the origins a card may show.
func frameOrigins(set Settings) []string {
	var out []string
	for _, raw := range set.FrameOrigins {
		if origin := originOf(raw); origin != "" {
			out = append(out, origin)
		}
	}
	if origin := originOf(set.AppURL); len(out) == 0 && origin != "" {
		out = append(out, origin)
	}
	return out
}

func (c *cardClient) fetch(ctx context.Context, secret Secret, uri string, now func() time.Time) (string, *cardError) {
	for try := 1; ; try++ {
		status, body, err := c.once(ctx, secret, uri, now())
		again := try < cardTries && (isConnectFailure(err) || status >= 500)
		if again {
			continue
		}
		if err != nil {
			return "", &cardError{key: failureKey(err)}
		}
		return readCard(status, body)
	}
}

func (c *cardClient) once(ctx context.Context, secret Secret, uri string, now time.Time) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return 0, nil, err
	}
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	req.Header.Set("X-HubSpot-Request-Timestamp", timestamp)
	req.Header.Set("X-HubSpot-Signature-v3", signV3(secret, http.MethodGet, uri, "", timestamp))
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxCardBytes+1))
	if len(body) > maxCardBytes {
		err = errTooLarge
	}
	return resp.StatusCode, body, err
}

var errTooLarge = errors.New("the answer is greater than 1 MB")

func isConnectFailure(err error) bool {
	var fetch *url.Error
	return errors.As(err, &fetch) && !fetch.Timeout()
}

func failureKey(err error) string {
	var fetch *url.Error
	switch {
	case errors.Is(err, errTooLarge):
		return "card.large"
	case errors.As(err, &fetch) && fetch.Timeout():
		return "card.slow"
	}
	return "card.unreachable"
}

// readCard reads the app's answer: {"url": "..."} or a problem in words.
func readCard(status int, body []byte) (string, *cardError) {
	var in struct {
		URL    string `json:"url"`
		Detail string `json:"detail"`
		Title  string `json:"title"`
		Error  string `json:"error"`
	}
	_ = json.Unmarshal(body, &in)
	if status == http.StatusOK && in.URL != "" {
		return in.URL, nil
	}
	words := in.Detail
	setIfZero(&words, in.Title)
	setIfZero(&words, in.Error)
	key := map[int]string{401: "card.signature", 403: "card.forbidden", 404: "card.missing"}[status]
	switch {
	case key != "":
	case status == http.StatusOK:
		key = "card.noLink"
	case status >= 500:
		key = "card.broken"
	default:
		key = "card.refused"
	}
	return "", &cardError{key: key, detail: clip(words)}
}
