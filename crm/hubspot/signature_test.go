package hubspot_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"switchboard/crm/hubspot"
	"switchboard/secret"
)

const (
	signingKey = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
	hookURI    = "https://www.example.com/webhook_uri"
	cardURI    = "https://www.example.com/card?userEmail=a%40b.com&redirect=https%3A%2F%2Fx.io%2Fp&x=a%20b"
)

// vectors of signature version 3: the first two are HubSpot's own clients', the others
// this project's.
var vectors = []struct{ method, uri, body, timestamp, signature string }{
	{"POST", hookURI, `{'example_field':'example_value'}`, "1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="},
	{"POST", hookURI, `{'example_field':'example_value'}`, "1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="},
	{"POST", hookURI, `{"example_field":"example_value"}`, "1693657560000", "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go="},
	{"POST", hookURI, `[{"propertyValue":"Привет"}]`, "1693657560000", "vo0V4p/5elVuOFMY97So8QHQhupQb9Pzl20X7zxHhFY="},
	{"GET", cardURI, ``, "1693657560000", "eRPH2kJXdeOdJzPKuigDHHv+g+o2sFrx34tPcG6T/08="},
}

func at(t *testing.T, timestamp string) time.Time {
	t.Helper()
	ms, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMilli(ms)
}

func TestKnowsHubSpotsSignatures(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		verify := func(header, timestamp string, now time.Time) error {
			return hubspot.VerifySignature(secret.New(signingKey), v.method, v.uri, []byte(v.body), header, timestamp, now)
		}
		moment := at(t, v.timestamp)
		for name, err := range map[string]error{
			"at once":                  verify(v.signature, v.timestamp, moment),
			"five minutes later":       verify(v.signature, v.timestamp, moment.Add(5*time.Minute)),
			"five minutes before":      verify(v.signature, v.timestamp, moment.Add(-5*time.Minute)),
			"plus read as a space":     verify(strings.ReplaceAll(v.signature, "+", " "), v.timestamp, moment),
			"hex in lower case":        hubspot.VerifySignature(secret.New(signingKey), v.method, lowerHex(v.uri), []byte(v.body), v.signature, v.timestamp, moment),
			"method in lower case too": hubspot.VerifySignature(secret.New(signingKey), strings.ToLower(v.method), v.uri, []byte(v.body), v.signature, v.timestamp, moment),
		} {
			if err != nil {
				t.Errorf("%s %s, %s: %v", v.method, v.uri, name, err)
			}
		}
	}
}

func lowerHex(uri string) string {
	return strings.NewReplacer("%3A", "%3a", "%2F", "%2f").Replace(uri)
}

func TestRefusesEveryOtherSignature(t *testing.T) {
	t.Parallel()
	type try struct{ key, method, uri, body, header, timestamp string }
	for _, v := range vectors {
		good := try{signingKey, v.method, v.uri, v.body, v.signature, v.timestamp}
		change := func(edit func(*try)) try { bad := good; edit(&bad); return bad }
		for name, c := range map[string]try{
			"no key":              change(func(x *try) { x.key = "" }),
			"another key":         change(func(x *try) { x.key = "zzzzzzzz" }),
			"another method":      change(func(x *try) { x.method = "PUT" }),
			"another host":        change(func(x *try) { x.uri = strings.Replace(x.uri, "www.", "evil.", 1) }),
			"another query":       change(func(x *try) { x.uri += "&userEmail=evil%40b.com" }),
			"decoded twice":       change(func(x *try) { x.uri = strings.Replace(x.uri, "%20", " ", 1) + "#" }),
			"another body":        change(func(x *try) { x.body += " " }),
			"no signature":        change(func(x *try) { x.header = "" }),
			"not base64":          change(func(x *try) { x.header = "!" + x.header }),
			"cut":                 change(func(x *try) { x.header = x.header[:20] }),
			"forged":              change(func(x *try) { x.header = "A" + x.header[1:] }),
			"hex of version 2":    change(func(x *try) { x.header = "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900" }),
			"no timestamp":        change(func(x *try) { x.timestamp = "" }),
			"a float timestamp":   change(func(x *try) { x.timestamp += ".0" }),
			"another timestamp":   change(func(x *try) { x.timestamp = x.timestamp[:12] + "7" }),
			"seconds":             change(func(x *try) { x.timestamp = x.timestamp[:10] }),
			"a timestamp far off": change(func(x *try) { x.timestamp = "9223372036854775807" }),
		} {
			err := hubspot.VerifySignature(secret.New(c.key), c.method, c.uri, []byte(c.body), c.header, c.timestamp, at(t, v.timestamp))
			if !errors.Is(err, hubspot.ErrSignature) {
				t.Errorf("%s %s, %s: accepted", v.method, v.uri, name)
			}
		}
		for name, now := range map[string]time.Time{
			"late":        at(t, v.timestamp).Add(5*time.Minute + time.Millisecond),
			"from future": at(t, v.timestamp).Add(-5*time.Minute - time.Millisecond),
		} {
			if hubspot.VerifySignature(secret.New(signingKey), v.method, v.uri, []byte(v.body), v.signature, v.timestamp, now) == nil {
				t.Errorf("%s %s, %s: accepted", v.method, v.uri, name)
			}
		}
	}
}
