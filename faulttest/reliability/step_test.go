package reliability

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// namedStep is a place where the process kills itself: just before or after what the
// name says. every is how many times it may be passed before.
type namedStep struct {
	name  string
	every int
}

// namedSteps are the steps that exist: commit, acknowledge, calls to the messenger and
// to the CRM, decision.
var namedSteps = []namedStep{
	{"before short way", 5}, {"after short way", 5}, {"before commit", 3}, {"before acknowledge", 5},
	{"before send call", 5}, {"after send call", 5},
	{"after look-up", 3}, {"after decision", 3},
	{"before contact call", 2}, {"after contact call", 2}, {"before owner call", 1}, {"after owner call", 1},
	{"before deal call", 2}, {"after deal call", 2},
	{"before timeline call", 2}, {"after timeline call", 2},
}

// R2: the process kills itself at each named step, under load, and starts again.
func TestKillsAtEachNamedStepLoseNothing(t *testing.T) {
	alone(t)
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, setup{engine: engine, path: binary(t, "faultsteps")})
			c.ownerless = c.ownerlessContacts(3 * times(20, 2))
			f := newFigures()
			l := c.begin(f, c.join(40), 40, 15)
			fired := map[string]int{}
			for _, step := range namedSteps {
				for range times(20, 2) {
					fired[step.name] += c.dieAt(f, l, step)
				}
			}
			c.nodes[0].start()
			l.end()
			c.finish(f)
			total := 0
			for _, step := range namedSteps {
				total += fired[step.name]
				t.Logf("%-22s fired %d times", step.name, fired[step.name])
				if fired[step.name] < times(20, 2) {
					t.Errorf("seed %d: %q fired %d times only", c.seed, step.name, fired[step.name])
				}
			}
			f.print(t, "R2 "+string(engine), c.seed, total)
		})
	}
}

// ownerlessContacts are in the CRM before anybody writes, nobody responsible for them:
// their clients make the saga set an owner (QUEUE-8).
func (c *company) ownerlessContacts(count int) []string {
	c.t.Helper()
	var phones []string
	for i := range count {
		phone := fmt.Sprintf("%s7%06d", country, i)
		_, err := c.crm.Create("contacts", map[string]string{"firstname": "Known", "phone": phone})
		c.must(err)
		phones = append(phones, phone)
	}
	return phones
}

// dieAt runs the node until it kills itself at a step; new people come meanwhile, so
// that every step is passed. It gives 1, or 0 when the step was not reached.
func (c *company) dieAt(f *figures, l *load, step namedStep) int {
	c.t.Helper()
	node := c.nodes[0]
	node.kill()
	node.start(fmt.Sprintf("SWITCHBOARD_FAULT_STEP=%s:%d", step.name, 1+c.book.below(step.every)))
	for range 120 {
		c.newcomers(l, step)
		if !node.awaitDeath(500 * time.Millisecond) {
			continue
		}
		if signal, code := node.signalEnd(); signal != syscall.SIGKILL {
			c.t.Errorf("seed %d: at %q the process ended with signal %v, code %d", c.seed, step.name, signal, code)
			return 0
		}
		c.countSending(f)
		return 1
	}
	return 0
}

// newcomers join the load: one new to everybody and, where owners are set, one whose
// contact has no responsible.
func (c *company) newcomers(l *load, step namedStep) {
	came := c.join(1)
	if needsOwner := step.name == "before owner call" || step.name == "after owner call"; needsOwner && len(c.ownerless) > 0 {
		came[0].user = nil
		came[0].phone = c.ownerless[0]
		c.ownerless = c.ownerless[1:]
	}
	for _, p := range came {
		l.waiting.Go(func() {
			p.say(l.abort)
			l.free <- p
		})
	}
}
