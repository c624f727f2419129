package routing_test

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"switchboard"
	. "switchboard/routing"
)

// office is a channel with employees who come, go, are switched and blocked, and
// clients who write; it checks every decision against QUEUE-2 counted by hand.
type office struct {
	t          *rapid.T
	candidates []Candidate
	queue      Queue
	hired      int
	positions  int64
	step       int

	since  map[switchboard.EmployeeID]int // step from which eligible all the time
	places map[switchboard.EmployeeID][]int
	// net counts clients got in turn, less those given back.
	net map[switchboard.EmployeeID]int
	// pending are provisional decisions not settled yet, by employee.
	pending []switchboard.EmployeeID
	// newcomers wait for their first turn: who must be served before them.
	newcomers map[switchboard.EmployeeID][]switchboard.EmployeeID
}

func newOffice(t *rapid.T) *office {
	o := &office{
		t:         t,
		since:     map[switchboard.EmployeeID]int{},
		places:    map[switchboard.EmployeeID][]int{},
		net:       map[switchboard.EmployeeID]int{},
		newcomers: map[switchboard.EmployeeID][]switchboard.EmployeeID{},
	}
	for range rapid.IntRange(1, 4).Draw(t, "employees") {
		o.hire()
	}
	return o
}

func (o *office) hire() {
	o.hired++
	c := person(switchboard.EmployeeID(fmt.Sprintf("e%02d", o.hired)), 0)
	c.Receives = false
	o.candidates = append(o.candidates, c)
	o.switchOn(&o.candidates[len(o.candidates)-1])
}

// switchOn gives a position behind all others, as a role assignment does.
func (o *office) switchOn(c *Candidate) {
	before := o.eligible()
	o.positions++
	c.Receives, c.Position = true, o.positions
	if !isEligible(*c) {
		return
	}
	var round []switchboard.EmployeeID
	for _, e := range before {
		if o.queue.RoundDone || e.Position > o.queue.Cursor {
			round = append(round, e.Employee)
		}
	}
	o.newcomers[c.Employee] = round
}

// isEligible is QUEUE-3 once more, from the product's text.
func isEligible(c Candidate) bool {
	role := c.Role == switchboard.Manager || c.Role == switchboard.Supervisor
	return c.Receives && role && c.Active && c.ActiveInCRM && c.Owner != ""
}

func (o *office) eligible() []Candidate {
	var list []Candidate
	for _, c := range o.candidates {
		if isEligible(c) {
			list = append(list, c)
		}
	}
	return list
}

func (o *office) any(name string) *Candidate {
	return &o.candidates[rapid.IntRange(0, len(o.candidates)-1).Draw(o.t, name)]
}

func (o *office) input() Input {
	in := newClient()
	in.Candidates = slices.Clone(o.candidates)
	in.Queue = o.queue
	in.Queue.Owed = slices.Clone(o.queue.Owed)
	return in
}

// decide takes a decision as the caller would and checks what holds for all.
func (o *office) decide(in Input) Decision {
	d := decide(o.t, in)
	o.checkOrderOfListsIsNothing(in, d)
	o.checkExplanation(in, d)
	o.checkChosen(d)
	if d.Outcome == Keep && in.Provisional == "" {
		if diff := cmp.Diff(o.queue, d.QueueAfter); diff != "" {
			o.t.Fatalf("QUEUE-8: a known client moved the queue:\n%s", diff)
		}
	}
	o.count(in, d)
	o.queue = d.QueueAfter
	return d
}

func (o *office) checkOrderOfListsIsNothing(in Input, d Decision) {
	in.Candidates = slices.Clone(in.Candidates)
	random := rand.New(rand.NewSource(int64(o.step)))
	random.Shuffle(len(in.Candidates), func(i, j int) {
		in.Candidates[i], in.Candidates[j] = in.Candidates[j], in.Candidates[i]
	})
	if diff := cmp.Diff(d, Decide(in)); diff != "" {
		o.t.Fatalf("order of candidates matters:\n%s", diff)
	}
}

// checkExplanation: every candidate once, each with a reason that is true.
func (o *office) checkExplanation(in Input, d Decision) {
	said := map[switchboard.EmployeeID]Verdict{}
	for _, v := range d.Explanation.Considered {
		said[v.Employee] = v
	}
	for _, c := range in.Candidates {
		v, ok := said[c.Employee]
		if !ok {
			o.t.Fatalf("QUEUE-9: %s is not explained", c.Employee)
		}
		truth := map[Reason]bool{
			ReasonEligible:       isEligible(c),
			ReasonSwitchOff:      !c.Receives,
			ReasonQualityControl: c.Role == switchboard.QualityControl,
			ReasonBlockedHere:    !c.Active,
			ReasonBlockedInCRM:   !c.ActiveInCRM,
			ReasonNotInCRM:       c.Owner == "",
			ReasonNoRole:         c.Role == switchboard.NoRole,
		}
		if !truth[v.Reason] || v.Eligible != isEligible(c) {
			o.t.Fatalf("QUEUE-9: %+v explained by %+v", c, v)
		}
	}
	extra := len(d.Explanation.Considered) - len(in.Candidates)
	if extra != 0 && (extra != 1 || said[d.Explanation.Replaced].Reason != ReasonNoRole) {
		o.t.Fatalf("QUEUE-9: %d explained of %d", len(d.Explanation.Considered), len(in.Candidates))
	}
}

// checkChosen: never quality control, never somebody the CRM cannot make responsible.
func (o *office) checkChosen(d Decision) {
	if d.Outcome != Create && d.Outcome != Assign {
		return
	}
	for _, c := range o.candidates {
		if c.Employee != d.Employee {
			continue
		}
		if c.Role == switchboard.QualityControl || !c.Active || !c.ActiveInCRM || c.Owner == "" {
			o.t.Fatalf("QUEUE-3: chose %+v", c)
		}
		return
	}
	o.t.Fatalf("chose %q, who has no role here", d.Employee)
}

// count keeps the hand-made books of turns.
func (o *office) count(in Input, d Decision) {
	if given := d.Explanation.GivenBack; given != "" {
		o.net[given]--
	}
	took := d.Employee != "" && d.Outcome != Keep && d.Explanation.Rule != RuleWroteFirst &&
		d.Employee != in.Provisional
	if !took {
		return
	}
	o.net[d.Employee]++
	if d.Explanation.Owed {
		return
	}
	o.places[d.Employee] = append(o.places[d.Employee], o.step)
	o.checkNewcomers(d.Employee)
}

// checkNewcomers: everybody of the round that was under way is served before.
func (o *office) checkNewcomers(served switchboard.EmployeeID) {
	if before, waits := o.newcomers[served]; waits {
		for _, e := range before {
			if o.isNow(e) {
				o.t.Fatalf("QUEUE-2: newcomer %s served before %s", served, e)
			}
		}
		delete(o.newcomers, served)
	}
	o.dropFromRounds(served)
}

// dropFromRounds: nobody waits for e any more, who was served or missed the turn.
func (o *office) dropFromRounds(e switchboard.EmployeeID) {
	for name, before := range o.newcomers {
		o.newcomers[name] = slices.DeleteFunc(before, func(b switchboard.EmployeeID) bool { return b == e })
	}
}

func (o *office) isNow(e switchboard.EmployeeID) bool {
	for _, c := range o.eligible() {
		if c.Employee == e {
			return true
		}
	}
	return false
}

// settleBooks notes who is eligible since when, then compares every pair.
func (o *office) settleBooks() {
	now := map[switchboard.EmployeeID]bool{}
	for _, c := range o.eligible() {
		now[c.Employee] = true
		if _, ok := o.since[c.Employee]; !ok {
			o.since[c.Employee] = o.step
		}
	}
	for e := range o.since {
		if !now[e] {
			delete(o.since, e)
			delete(o.newcomers, e)
			o.dropFromRounds(e)
		}
	}
	for a := range o.since {
		for b := range o.since {
			o.checkFair(a, b)
		}
	}
}

// checkFair: since both are eligible, their places in turn differ by at most 1; and
// when nobody is owed a turn, so do the clients of those eligible from the start.
func (o *office) checkFair(a, b switchboard.EmployeeID) {
	from := max(o.since[a], o.since[b])
	if d := o.placesSince(a, from) - o.placesSince(b, from); d > 1 {
		o.t.Fatalf("QUEUE-2: %s is %d turns ahead of %s since step %d", a, d, b, from)
	}
	if from > 0 || slices.Contains(o.queue.Owed, a) || slices.Contains(o.queue.Owed, b) {
		return
	}
	if d := o.net[a] - o.net[b]; d > 1 {
		o.t.Fatalf("QUEUE-2: %s has %d clients more than %s", a, d, b)
	}
}

func (o *office) placesSince(e switchboard.EmployeeID, from int) int {
	n := 0
	for _, step := range o.places[e] {
		if step >= from {
			n++
		}
	}
	return n
}

func TestTurnsStayFairWhateverHappensInTheOffice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOffice(t)
		o.settleBooks()
		t.Repeat(map[string]func(*rapid.T){
			"new client":          func(*rapid.T) { o.decide(o.input()) },
			"another new client":  func(*rapid.T) { o.decide(o.input()) },
			"known client":        o.knownClient,
			"ownerless contact":   func(*rapid.T) { o.decide(o.known("")) },
			"employee writes":     o.employeeWrites,
			"client in an outage": o.outage,
			"settle":              o.settle,
			"somebody joins":      func(*rapid.T) { o.joins() },
			"somebody leaves":     o.leaves,
			"switch":              o.toggles,
			"block":               o.blocks,
			"role":                o.roles,
			"retry":               o.retry,
			"":                    func(*rapid.T) { o.settleBooks(); o.step++ },
		})
	})
}

func (o *office) joins() {
	if len(o.candidates) < 8 {
		o.hire()
	}
}

func (o *office) leaves(*rapid.T) {
	if len(o.candidates) > 1 {
		gone := o.any("who").Employee
		o.candidates = slices.DeleteFunc(o.candidates, func(c Candidate) bool { return c.Employee == gone })
	}
}

func (o *office) toggles(*rapid.T) {
	c := o.any("who")
	if !c.Receives {
		o.switchOn(c)
		return
	}
	c.Receives, c.Position = false, 0
}

func (o *office) blocks(t *rapid.T) {
	c := o.any("who")
	if rapid.Bool().Draw(t, "in the CRM") {
		c.ActiveInCRM = !c.ActiveInCRM
		return
	}
	c.Active = !c.Active
}

func (o *office) roles(t *rapid.T) {
	c := o.any("who")
	c.Role = rapid.SampledFrom([]switchboard.Role{
		switchboard.QualityControl, switchboard.Manager, switchboard.Supervisor,
	}).Draw(t, "role")
	if c.Role == switchboard.QualityControl {
		c.Receives, c.Position = false, 0
	}
}

func (o *office) known(owner switchboard.OwnerID) Input {
	in := o.input()
	in.Snapshot.Contacts = []FoundContact{{ID: "7", Owner: owner}}
	return in
}

func (o *office) knownClient(*rapid.T) {
	d := o.decide(o.known("crm-" + switchboard.OwnerID(o.any("owner").Employee)))
	if d.Outcome != Keep {
		o.t.Fatalf("QUEUE-8: %s", d.Outcome)
	}
}

func (o *office) employeeWrites(*rapid.T) {
	in := o.input()
	in.Event = Event{Kind: EmployeeWrote, Employee: o.any("author").Employee}
	d := o.decide(in)
	if d.Explanation.Replaced == "" && !cmp.Equal(in.Queue, d.QueueAfter) {
		o.t.Fatalf("DEAL-6: the queue moved from %+v to %+v", in.Queue, d.QueueAfter)
	}
}

func (o *office) outage(*rapid.T) {
	in := o.input()
	in.Snapshot.Available = false
	if d := o.decide(in); d.Employee != "" {
		if !d.Provisional {
			o.t.Fatalf("QUEUE-10: not marked provisional")
		}
		o.pending = append(o.pending, d.Employee)
	}
}

func (o *office) settle(t *rapid.T) {
	if len(o.pending) == 0 {
		return
	}
	i := rapid.IntRange(0, len(o.pending)-1).Draw(t, "which")
	in := o.input()
	in.Provisional = o.pending[i]
	o.pending = slices.Delete(o.pending, i, i+1)
	switch rapid.IntRange(0, 3).Draw(t, "CRM says") {
	case 0:
		in.Snapshot.Contacts = []FoundContact{{ID: "7", Owner: "crm-outside"}}
	case 1:
		in.Snapshot.Contacts = []FoundContact{{ID: "7", Owner: "crm-" + switchboard.OwnerID(o.any("owner").Employee)}}
	case 2:
		in.Snapshot.Contacts = []FoundContact{{ID: "7"}, {ID: "8"}}
	}
	d := o.decide(in)
	got := d.Employee == in.Provisional
	if returned := d.Explanation.GivenBack == in.Provisional; got == returned {
		o.t.Fatalf("QUEUE-10: client kept %v, turn given back %v", got, returned)
	}
	if got && d.QueueAfter.Cursor != in.Queue.Cursor {
		o.t.Fatalf("QUEUE-6: the cursor moved again")
	}
}

// retry: the same input again is the same decision, and the cursor moves once because
// the stored decision is used.
func (o *office) retry(*rapid.T) {
	in := o.input()
	if diff := cmp.Diff(o.decide(in), Decide(in)); diff != "" {
		o.t.Fatalf("QUEUE-6: the retry decides otherwise:\n%s", diff)
	}
}

func TestThreeManagersShareThreeHundredClients(t *testing.T) {
	in := newClient()
	got := map[switchboard.EmployeeID]int{}
	for range 300 {
		d := decide(t, in)
		got[d.Employee]++
		in.Queue = d.QueueAfter
	}
	if diff := cmp.Diff(map[switchboard.EmployeeID]int{"anna": 100, "boris": 100, "clara": 100}, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestNewcomerJoinsAtTheEndOfTheTurn(t *testing.T) {
	for served, want := range map[int][]switchboard.EmployeeID{
		1: names("boris", "clara", "dora", "anna"),
		3: names("anna", "boris", "clara", "dora"),
	} {
		in := newClient()
		for range served {
			in.Queue = decide(t, in).QueueAfter
		}
		in.Candidates = append(in.Candidates, person("dora", 4))
		var got []switchboard.EmployeeID
		for range want {
			d := decide(t, in)
			got = append(got, d.Employee)
			in.Queue = d.QueueAfter
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("QUEUE-2 after %d clients, want -, got +:\n%s", served, diff)
		}
	}
}
