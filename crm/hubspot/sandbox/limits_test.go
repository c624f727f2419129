package sandbox

import (
	"fmt"
	"testing"
	"time"
)

func enforced(c *Config) {
	c.Limits = Limits{Enforce: true, PerTenSeconds: 3, PerDay: 8, SearchPerSecond: 2}
}

func limitPolicy(t *testing.T, g got) string {
	t.Helper()
	var e rateLimitError
	g.want(429).json(&e)
	return e.PolicyName
}

func TestTheBurstLimitRollsOverTenSeconds(t *testing.T) {
	t.Parallel()
	b := open(t, enforced)
	for left := 2; left >= 0; left-- {
		g := b.call("GET", contactsPath, "").want(200)
		if got := g.header.Get("X-HubSpot-RateLimit-Remaining"); got != fmt.Sprint(left) {
			t.Errorf("got remaining %s, want %d", got, left)
		}
		b.clock.advance(time.Second)
	}
	if got := limitPolicy(t, b.call("GET", contactsPath, "")); got != "TEN_SECONDLY_ROLLING" {
		t.Errorf("got %s", got)
	}
	b.clock.advance(7 * time.Second) // the first call leaves the window
	b.call("GET", contactsPath, "").want(200)
	b.call("GET", contactsPath, "").want(429)
	if c := b.Counters(); c.RateLimited != 2 || c.PeakTen != 5 || c.Calls != 6 {
		t.Errorf("got %+v", c)
	}
}

func TestSearchHasItsOwnLimitAndNoHeaders(t *testing.T) {
	t.Parallel()
	b := open(t, enforced)
	body := `{"filterGroups":[],"sorts":[],"properties":[],"limit":1,"after":"0"}`
	for range 2 {
		g := b.call("POST", contactsPath+"/search", body).want(200)
		if g.header.Get("X-HubSpot-RateLimit-Max") != "" {
			t.Error("search answers carry no rate headers")
		}
	}
	if got := limitPolicy(t, b.call("POST", contactsPath+"/search", body)); got != "SECONDLY" {
		t.Errorf("got %s", got)
	}
	b.call("GET", contactsPath, "").want(200)
	b.clock.advance(time.Second)
	b.call("POST", contactsPath+"/search", body).want(200)
}

func TestTheDayEndsAtTheAccountsMidnight(t *testing.T) {
	t.Parallel()
	b := open(t, enforced)
	for range 8 {
		b.call("GET", contactsPath, "").want(200)
		b.clock.advance(5 * time.Second)
	}
	if got := limitPolicy(t, b.call("GET", contactsPath, "")); got != "DAILY" {
		t.Errorf("got %s", got)
	}
	b.clock.advance(12*time.Hour - 41*time.Second) // 23:59:59 in Moscow
	b.call("GET", contactsPath, "").want(429)
	b.clock.advance(time.Second)
	b.call("GET", contactsPath, "").want(200)
}

func TestLimitsThatAreNotEnforcedAreOnlyCounted(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.Limits = Limits{PerTenSeconds: 3} })
	for range 10 {
		b.call("GET", contactsPath, "").want(200)
	}
	if c := b.Counters(); c.PeakTen != 10 || c.LastTen != 10 || c.RateLimited != 0 {
		t.Errorf("got %+v", c)
	}
}
