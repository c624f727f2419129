package config_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"switchboard/config"
)

var proxies = config.TrustedProxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

func TestFindsTheCallerBehindTrustedProxies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trusted config.TrustedProxies
		remote  string
		headers []string
		want    string
	}{
		{proxies, "203.0.113.9:1234", nil, "203.0.113.9"},
		{proxies, "203.0.113.9:1234", []string{"1.1.1.1"}, "203.0.113.9"}, // not our proxy: its word counts nothing
		{nil, "10.0.0.1:1", []string{"1.1.1.1"}, "10.0.0.1"},
		{proxies, "10.0.0.1:1", nil, "10.0.0.1"},
		{proxies, "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		{proxies, "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"}, // the caller wrote 1.1.1.1 himself
		{proxies, "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9, 10.2.3.4"}, "203.0.113.9"},
		{proxies, "10.0.0.1:1", []string{"1.1.1.1, 203.0.113.9", "10.2.3.4"}, "203.0.113.9"}, // two header lines
		{proxies, "10.0.0.1:1", []string{"203.0.113.9:5555"}, "203.0.113.9"},
		{proxies, "10.0.0.1:1", []string{"[2001:db8::1]:5555"}, "2001:db8::1"},
		{proxies, "[fd00::1]:1", []string{"2001:db8::1"}, "2001:db8::1"},
		{proxies, "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{proxies, "10.0.0.1:1", []string{"203.0.113.9, unknown"}, "10.0.0.1"},
		{proxies, "10.0.0.1:1", []string{"203.0.113.9, unknown, 10.9.9.9"}, "10.9.9.9"},
		{proxies, "10.0.0.1:1", []string{""}, "10.0.0.1"},
		{proxies, "10.0.0.1:1", []string{strings.Repeat("10.0.0.2,", 5000) + "10.0.0.3"}, "10.0.0.2"},
	} {
		got := c.trusted.ClientAddress(c.remote, http.Header{"X-Forwarded-For": c.headers})
		if got != netip.MustParseAddr(c.want) {
			t.Errorf("%s %.60v: %s, want %s", c.remote, c.headers, got, c.want)
		}
	}
	if got := proxies.ClientAddress("@", nil); got.IsValid() {
		t.Errorf("no address became %s", got)
	}
}

func TestNobodyOutsideChoosesHisAddress(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		forged := rapid.SliceOfN(rapid.OneOf(rapid.StringMatching(`[0-9a-f.:, ]{0,20}`), rapid.SampledFrom([]string{"10.0.0.5", "8.8.8.8", "fd00::7"})), 0, 6).Draw(t, "forged")
		caller := netip.MustParseAddr("203.0.113.9")
		// The proxy appends the address it saw.
		header := http.Header{"X-Forwarded-For": append(forged, caller.String())}
		if got := proxies.ClientAddress("10.0.0.1:1", header); got != caller {
			t.Fatalf("%v made the caller %s", forged, got)
		}
	})
}
