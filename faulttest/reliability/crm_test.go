package reliability

import (
	"testing"
	"time"

	"switchboard/crm/hubspot/sandbox"
	"switchboard/store"
)

// R8: the CRM loses answers, refuses, breaks and babbles. No contact, deal or entry is
// made twice or lost, and its limit of calls is kept in every window of 10 s; once with
// an account that takes a unique property on entries, once with one that does not.
func TestMisbehavingCRMGetsEverythingOnce(t *testing.T) {
	alone(t)
	for engine, refuse := range map[store.Engine]bool{store.SQLite: false, store.Postgres: true} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, setup{engine: engine, path: binary(t), sandbox: func(cfg *sandbox.Config) {
				cfg.RefuseEngagementUnique = refuse
				cfg.Limits = sandbox.Limits{Enforce: true}
			}})
			for _, rule := range []sandbox.Rule{
				{Kind: sandbox.FaultReplyLost, Probability: 0.05}, {Kind: sandbox.FaultRateLimit, Probability: 0.05, Policy: "SECONDLY"},
				{Kind: sandbox.Fault500, Probability: 0.03}, {Kind: sandbox.FaultTimeout, Probability: 0.02, HoldMillis: 30_000},
				{Kind: sandbox.FaultHTML, Probability: 0.01}, {Kind: sandbox.FaultCutJSON, Probability: 0.01},
			} {
				c.must(c.crm.AddRule(rule))
			}
			f := newFigures()
			l := c.begin(f, c.join(times(150, 25)), times(40, 20), 10)
			c.await("enough calls", 10*time.Minute, func() bool { return int(c.crm.Counters().Calls) > times(1500, 150) })
			l.end()
			fired := c.firedFaults()
			c.quiet(15 * time.Minute)
			c.finish(f)
			if n := c.crm.Counters(); n.PeakTen > 100 || n.PeakSearch > 5 || n.RateLimited > 0 {
				t.Errorf("seed %d: the limits were not kept: %+v", c.seed, n)
			}
			f.print(t, "R8 "+string(engine), c.seed, fired)
		})
	}
}

// firedFaults counts what went wrong; in the full run each kind must have.
func (c *company) firedFaults() (fired int) {
	c.t.Helper()
	for _, r := range c.crm.Faults().Rules {
		c.t.Logf("%-10s fired %d times", r.Kind, r.Fired)
		if fired += r.Fired; r.Fired == 0 && full() {
			c.t.Errorf("seed %d: %s never happened", c.seed, r.Kind)
		}
	}
	if fired == 0 {
		c.t.Errorf("seed %d: no fault happened: nothing was proved", c.seed)
	}
	return fired
}
