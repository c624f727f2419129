package hubspot_test

import (
	"bytes"
	"encoding/json"
	"hash/fnv"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// unevenLag hides records from search answers for a while that differs from change to
// change: the sandbox's own lag is the same for all and keeps their order.
type unevenLag struct {
	now  func() time.Time
	most atomic.Int64 // longest lag, ns; 0 = none
}

func (l *unevenLag) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	most := time.Duration(l.most.Load())
	if err != nil || most == 0 || res.StatusCode != http.StatusOK || !strings.HasSuffix(r.URL.Path, "/search") {
		return res, err
	}
	defer func() { _ = res.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, err
	}
	shown := []any{}
	for _, one := range answer["results"].([]any) {
		if !l.hidden(one.(map[string]any), most) {
			shown = append(shown, one)
		}
	}
	answer["results"] = shown
	body, err := json.Marshal(answer)
	res.Body = io.NopCloser(bytes.NewReader(body))
	res.ContentLength = int64(len(body))
	res.Header.Del("Content-Length")
	return res, err
}

func (l *unevenLag) hidden(record map[string]any, most time.Duration) bool {
	id, changed := record["id"].(string), record["updatedAt"].(string)
	at, err := time.Parse(time.RFC3339, changed)
	if err != nil {
		return false
	}
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, id+changed)
	lag := time.Duration(hash.Sum64() % uint64(most))
	return l.now().Sub(at) < lag
}
