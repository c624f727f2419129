package routing_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	. "switchboard/routing"
)

// person is a candidate who may receive; places are 1, 2, 3 ... in the queue.
func person(name switchboard.EmployeeID, place int64) Candidate {
	return Candidate{
		Employee: name, Owner: "crm-" + switchboard.OwnerID(name), Role: switchboard.Manager,
		Receives: true, Position: place, Active: true, ActiveInCRM: true,
	}
}

func with(c Candidate, change func(*Candidate)) Candidate {
	change(&c)
	return c
}

// newClient is a client the CRM does not know, on a channel with anna, boris, clara.
func newClient(change ...func(*Input)) Input {
	in := Input{
		Settings: switchboard.ChannelSettings{Target: switchboard.TargetDeal, Pipeline: "sales", Stage: "new"},
		Snapshot: Snapshot{Available: true},
		Candidates: []Candidate{
			person("anna", 1), person("boris", 2), person("clara", 3),
		},
		Event: Event{Kind: ClientWrote},
	}
	for _, c := range change {
		c(&in)
	}
	return in
}

func cursor(at int64) func(*Input) { return func(in *Input) { in.Queue.Cursor = at } }

func owed(names ...switchboard.EmployeeID) func(*Input) {
	return func(in *Input) { in.Queue.Owed = names }
}

func found(contacts ...FoundContact) func(*Input) {
	return func(in *Input) { in.Snapshot.Contacts = contacts }
}

func outage(in *Input) { in.Snapshot = Snapshot{} }

func unset(in *Input) { in.Settings = switchboard.ChannelSettings{} }

func provisional(name switchboard.EmployeeID) func(*Input) {
	return func(in *Input) { in.Provisional = name }
}

func free(in *Input) { in.ProvisionalFree = true }

func wrote(name switchboard.EmployeeID) func(*Input) {
	return func(in *Input) { in.Event = Event{Kind: EmployeeWrote, Employee: name} }
}

func change(name switchboard.EmployeeID, f func(*Candidate)) func(*Input) {
	return func(in *Input) {
		for i := range in.Candidates {
			if in.Candidates[i].Employee == name {
				f(&in.Candidates[i])
			}
		}
	}
}

func leaves(name switchboard.EmployeeID) func(*Input) {
	return func(in *Input) {
		var kept []Candidate
		for _, c := range in.Candidates {
			if c.Employee != name {
				kept = append(kept, c)
			}
		}
		in.Candidates = kept
	}
}

func nobody(in *Input) {
	for i := range in.Candidates {
		in.Candidates[i].Receives = false
	}
}

func switchOff(c *Candidate)      { c.Receives = false; c.Position = 0 }
func blockHere(c *Candidate)      { c.Active = false }
func blockInCRM(c *Candidate)     { c.ActiveInCRM = false }
func notInCRM(c *Candidate)       { c.Owner = "" }
func qualityControl(c *Candidate) { c.Role = switchboard.QualityControl }
func supervisor(c *Candidate)     { c.Role = switchboard.Supervisor }

// result is what a table row expects; zero fields are expected too.
type result struct {
	Outcome  Outcome
	Rule     Rule
	Employee switchboard.EmployeeID
	Contact  switchboard.ContactID
	Cursor   int64
	Done     bool // round done
	Owed     []switchboard.EmployeeID
	Given    switchboard.EmployeeID // turn given back
	Replaced switchboard.EmployeeID
	Prov     bool
	FromOwed bool
}

func resultOf(d Decision) result {
	return result{
		Outcome: d.Outcome, Rule: d.Explanation.Rule, Employee: d.Employee, Contact: d.Contact,
		Cursor: d.QueueAfter.Cursor, Done: d.QueueAfter.RoundDone, Owed: d.QueueAfter.Owed, Given: d.Explanation.GivenBack,
		Replaced: d.Explanation.Replaced, Prov: d.Provisional, FromOwed: d.Explanation.Owed,
	}
}

type rule struct {
	name string
	in   Input
	want result
}

func checkRules(t *testing.T, rules []rule) {
	t.Helper()
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			d := decide(t, r.in)
			if diff := cmp.Diff(r.want, resultOf(d)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			if d.Explanation.Before != r.in.Queue.Cursor || d.Explanation.After != d.QueueAfter.Cursor {
				t.Errorf("turn %d -> %d explained as %d -> %d", r.in.Queue.Cursor, d.QueueAfter.Cursor,
					d.Explanation.Before, d.Explanation.After)
			}
		})
	}
}

// decide also checks that the stored JSON of the input gives the same decision and
// that deciding leaves the input as it was (QUEUE-9).
func decide(t fataler, in Input) Decision {
	t.Helper()
	stored := mustJSON(t, in)
	d := Decide(in)
	if after := mustJSON(t, in); after != stored {
		t.Fatalf("input changed from %s to %s", stored, after)
	}
	var replayed Input
	if err := json.Unmarshal([]byte(stored), &replayed); err != nil {
		t.Fatalf("read input: %v", err)
	}
	if diff := cmp.Diff(d, Decide(replayed)); diff != "" {
		t.Fatalf("replay differs, first -, replay +:\n%s", diff)
	}
	return d
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func mustJSON(t fataler, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("write JSON: %v", err)
	}
	return string(text)
}

func TestGivesTheClientToTheNextInTurn(t *testing.T) {
	checkRules(t, []rule{
		{"QUEUE-1 first of all", newClient(), result{Outcome: Create, Rule: RuleNextInTurn, Employee: "anna", Cursor: 1}},
		{"QUEUE-1 next above the cursor", newClient(cursor(1)), result{Outcome: Create, Rule: RuleNextInTurn, Employee: "boris", Cursor: 2}},
		{"QUEUE-2 the last completes the round", newClient(cursor(2)), result{Outcome: Create, Rule: RuleNextInTurn, Employee: "clara", Cursor: 3, Done: true}},
		{"QUEUE-2 cursor above everybody starts anew", newClient(cursor(9)), result{Outcome: Create, Rule: RuleNextInTurn, Employee: "anna", Cursor: 1}},
		{"QUEUE-2 a round done starts anew below a newcomer", newClient(func(in *Input) { in.Queue = Queue{Cursor: 2, RoundDone: true} }),
			result{Outcome: Create, Rule: RuleNextInTurn, Employee: "anna", Cursor: 1}},
		{"QUEUE-2 a blocked one above keeps the round open", newClient(cursor(1), change("clara", blockHere)),
			result{Outcome: Create, Rule: RuleNextInTurn, Employee: "boris", Cursor: 2}},
		{"QUEUE-2 who left above does not", newClient(cursor(1), leaves("clara")),
			result{Outcome: Create, Rule: RuleNextInTurn, Employee: "boris", Cursor: 2, Done: true}},
		{"QUEUE-10 owed first", newClient(cursor(1), owed("clara", "anna")),
			result{Outcome: Create, Rule: RuleOwedTurn, Employee: "clara", Cursor: 1, Owed: names("anna"), FromOwed: true}},
		{"QUEUE-10 one entry per turn", newClient(owed("clara", "clara")),
			result{Outcome: Create, Rule: RuleOwedTurn, Employee: "clara", Owed: names("clara"), FromOwed: true}},
		{"QUEUE-10 owed waits until eligible", newClient(owed("clara", "boris", "gone"), change("clara", blockHere)),
			result{Outcome: Create, Rule: RuleOwedTurn, Employee: "boris", Owed: names("clara", "gone"), FromOwed: true}},
		{"QUEUE-10 nobody owed is eligible", newClient(owed("clara"), change("clara", blockHere)),
			result{Outcome: Create, Rule: RuleNextInTurn, Employee: "anna", Cursor: 1, Owed: names("clara")}},
	})
}

func names(list ...switchboard.EmployeeID) []switchboard.EmployeeID { return list }

func TestNobodyEligibleLeavesTheClientWaiting(t *testing.T) {
	wait := result{Outcome: Wait, Rule: RuleNobody}
	checkRules(t, []rule{
		{"QUEUE-4 all switched off", newClient(nobody), wait},
		{"QUEUE-4 no candidates", newClient(func(in *Input) { in.Candidates = nil }), wait},
		{"QUEUE-4 known without responsible", newClient(nobody, found(FoundContact{ID: "7"})), wait},
		{"QUEUE-4 without the CRM", newClient(nobody, outage), wait},
		{"QUEUE-4 keeps the cursor and what is owed", newClient(nobody, cursor(2), owed("anna")),
			result{Outcome: Wait, Rule: RuleNobody, Cursor: 2, Owed: names("anna")}},
	})
}

func TestSkipsWhoIsNotEligibleAndSaysWhy(t *testing.T) {
	for reason, spoil := range map[Reason]func(*Candidate){
		ReasonSwitchOff:      func(c *Candidate) { c.Receives = false },
		ReasonQualityControl: qualityControl,
		ReasonBlockedHere:    blockHere,
		ReasonBlockedInCRM:   blockInCRM,
		ReasonNotInCRM:       notInCRM,
		ReasonNoRole:         func(c *Candidate) { c.Role = switchboard.NoRole },
	} {
		t.Run("QUEUE-3 "+string(reason), func(t *testing.T) {
			d := decide(t, newClient(change("anna", spoil)))
			want := []Verdict{
				{Employee: "anna", Reason: reason},
				{Employee: "boris", Eligible: true, Reason: ReasonEligible},
				{Employee: "clara", Eligible: true, Reason: ReasonEligible},
			}
			if diff := cmp.Diff(want, d.Explanation.Considered); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
			if d.Employee != "boris" {
				t.Errorf("chose %s, want boris", d.Employee)
			}
		})
	}
	t.Run("QUEUE-3 supervisors receive too", func(t *testing.T) {
		if d := decide(t, newClient(change("anna", supervisor))); d.Employee != "anna" {
			t.Errorf("chose %s, want anna", d.Employee)
		}
	})
}

func TestKnownClientsTakeNoTurn(t *testing.T) {
	keep := result{Outcome: Keep, Rule: RuleHasResponsible, Employee: "boris", Contact: "7", Cursor: 2, Owed: names("anna")}
	of := func(owner switchboard.OwnerID) func(*Input) { return found(FoundContact{ID: "7", Owner: owner}) }
	stranger := keep
	stranger.Employee = ""
	checkRules(t, []rule{
		{"QUEUE-8 with a responsible", newClient(cursor(2), owed("anna"), of("crm-boris")), keep},
		{"QUEUE-8 responsible with the switch off", newClient(cursor(2), owed("anna"), of("crm-boris"), change("boris", switchOff)), keep},
		{"QUEUE-8 responsible outside the channel", newClient(cursor(2), owed("anna"), of("crm-zoe")), stranger},
		{"QUEUE-8 employees outside the CRM own nothing", newClient(cursor(2), owed("anna"), of("crm-zoe"), change("anna", notInCRM)), stranger},
		{"QUEUE-8 an employee who writes changes nothing", newClient(cursor(2), owed("anna"), of("crm-boris"), wrote("clara")), keep},
		{"QUEUE-8 without a deal target", newClient(cursor(2), owed("anna"), of("crm-boris"), unset), keep},
		{"QUEUE-8 nobody eligible", newClient(cursor(2), owed("anna"), of("crm-boris"), nobody), keep},
	})
}

func TestKnownClientWithoutResponsibleGetsTheNextInTurn(t *testing.T) {
	alone := found(FoundContact{ID: "7"})
	checkRules(t, []rule{
		{"QUEUE-8 no second contact", newClient(cursor(1), alone), result{Outcome: Assign, Rule: RuleNoResponsible, Employee: "boris", Contact: "7", Cursor: 2}},
		{"QUEUE-8 an owed turn is taken first", newClient(cursor(1), alone, owed("anna")),
			result{Outcome: Assign, Rule: RuleNoResponsible, Employee: "anna", Contact: "7", Cursor: 1, FromOwed: true}},
		{"DEAL-6 who writes first becomes responsible", newClient(cursor(1), alone, wrote("clara")),
			result{Outcome: Assign, Rule: RuleWroteFirst, Employee: "clara", Contact: "7", Cursor: 1}},
	})
}

func TestChoosesAmongSeveralContacts(t *testing.T) {
	old := FoundContact{ID: "1", Owner: "crm-anna", CreatedAt: 10}
	young := FoundContact{ID: "2", Owner: "crm-boris", CreatedAt: 20}
	bare := FoundContact{ID: "3", CreatedAt: 30}
	ours := FoundContact{ID: "4", CreatedAt: 5, Ours: true}
	twin := FoundContact{ID: "9", Owner: "crm-clara", CreatedAt: 20}
	ask := result{Outcome: Ask, Rule: RuleSeveralContacts, Cursor: 1}
	keep := func(e switchboard.EmployeeID, c switchboard.ContactID) result {
		return result{Outcome: Keep, Rule: RuleHasResponsible, Employee: e, Contact: c, Cursor: 1}
	}
	boris := result{Outcome: Assign, Rule: RuleNoResponsible, Employee: "boris", Cursor: 2}
	withContact := func(r result, c switchboard.ContactID) result { r.Contact = c; return r }
	checkRules(t, []rule{
		{"the newest with an owner", newClient(cursor(1), found(old, bare, young)), keep("boris", "2")},
		{"in any order", newClient(cursor(1), found(young, old, bare)), keep("boris", "2")},
		{"as old as each other", newClient(cursor(1), found(twin, young)), keep("clara", "9")},
		{"DEAL-2 ours wins over an owner", newClient(cursor(1), found(old, ours, young)), withContact(boris, "4")},
		{"none with an owner: a person decides", newClient(cursor(1), found(bare, FoundContact{ID: "5"})), ask},
		{"also when an employee wrote first", newClient(cursor(1), found(bare, FoundContact{ID: "5"}), wrote("anna")), ask},
		{"one contact found twice is one", newClient(cursor(1), found(bare, bare)), withContact(boris, "3")},
		{"found twice, once as ours", newClient(cursor(1), found(bare, old, FoundContact{ID: "3", CreatedAt: 30, Ours: true})), withContact(boris, "3")},
	})
}

func TestWithoutADealTargetNothingIsCreatedOrDistributed(t *testing.T) {
	none := result{Outcome: NoTarget, Rule: RuleNoTarget, Cursor: 1}
	returned := none
	returned.Owed, returned.Given = names("anna"), "anna"
	checkRules(t, []rule{
		{"DEAL-1 new client", newClient(unset, cursor(1)), none},
		{"DEAL-1 known without responsible", newClient(unset, cursor(1), found(FoundContact{ID: "7"})), none},
		{"DEAL-1 several contacts", newClient(unset, cursor(1), found(FoundContact{ID: "7"}, FoundContact{ID: "8"})), none},
		{"DEAL-1 an employee writes first", newClient(unset, cursor(1), wrote("anna")), none},
		{"DEAL-1 without the CRM", newClient(unset, cursor(1), outage), none},
		{"QUEUE-10 target gone meanwhile", newClient(unset, cursor(1), provisional("anna")), returned},
	})
}

func TestEmployeeWhoWritesFirstIsResponsible(t *testing.T) {
	clara := result{Outcome: Create, Rule: RuleWroteFirst, Employee: "clara", Cursor: 1, Owed: names("boris")}
	marked := clara
	marked.Prov = true
	boris := result{Outcome: Create, Rule: RuleReplaced, Employee: "boris", Cursor: 2, Replaced: "clara"}
	checkRules(t, []rule{
		{"DEAL-6 the queue does not move", newClient(wrote("clara"), cursor(1), owed("boris")), clara},
		{"DEAL-6 switch off", newClient(wrote("clara"), cursor(1), owed("boris"), change("clara", switchOff)), clara},
		{"DEAL-6 without the CRM", newClient(wrote("clara"), cursor(1), owed("boris"), outage), marked},
		{"DEAL-6 not in the CRM: the next in turn", newClient(wrote("clara"), cursor(1), change("clara", notInCRM)), boris},
		{"DEAL-6 blocked since: the next in turn", newClient(wrote("clara"), cursor(1), change("clara", blockHere)), boris},
	})
}

func TestDecidesProvisionallyWhileTheCRMCannotBeAsked(t *testing.T) {
	checkRules(t, []rule{
		{"QUEUE-10 the turn moves", newClient(outage, cursor(1)),
			result{Outcome: Create, Rule: RuleProvisional, Employee: "boris", Cursor: 2, Prov: true}},
		{"QUEUE-10 owed turns too", newClient(outage, cursor(1), owed("anna")),
			result{Outcome: Create, Rule: RuleProvisional, Employee: "anna", Cursor: 1, Prov: true, FromOwed: true}},
		{"QUEUE-6 once only", newClient(outage, cursor(2), provisional("boris")),
			result{Outcome: Create, Rule: RuleProvisional, Employee: "boris", Cursor: 2, Prov: true}},
		{"QUEUE-6 once only, written first", newClient(outage, cursor(2), provisional("boris"), free),
			result{Outcome: Create, Rule: RuleWroteFirst, Employee: "boris", Cursor: 2, Prov: true}},
		{"QUEUE-6 whoever writes meanwhile", newClient(outage, cursor(2), provisional("boris"), wrote("anna")),
			result{Outcome: Create, Rule: RuleProvisional, Employee: "boris", Cursor: 2, Prov: true}},
		{"QUEUE-10 stale contacts are not read", newClient(cursor(1), func(in *Input) {
			in.Snapshot = Snapshot{Contacts: []FoundContact{{ID: "7", Owner: "crm-clara"}}}
		}), result{Outcome: Create, Rule: RuleProvisional, Employee: "boris", Cursor: 2, Prov: true}},
		{"QUEUE-6 blocked meanwhile: replaced", newClient(outage, cursor(2), provisional("boris"), change("boris", blockHere)),
			result{Outcome: Create, Rule: RuleReplaced, Employee: "clara", Cursor: 3, Done: true, Prov: true, Owed: names("boris"), Given: "boris", Replaced: "boris"}},
	})
}

func TestSettlesAProvisionalDecision(t *testing.T) {
	boris := func(more ...func(*Input)) Input {
		return newClient(append([]func(*Input){cursor(2), provisional("boris")}, more...)...)
	}
	kept := result{Outcome: Create, Rule: RuleProvisionalKept, Employee: "boris", Cursor: 2}
	assigned := result{Outcome: Assign, Rule: RuleProvisionalKept, Employee: "boris", Contact: "7", Cursor: 2}
	replaced := result{Outcome: Create, Rule: RuleReplaced, Employee: "clara", Cursor: 3, Done: true, Owed: names("boris"), Given: "boris", Replaced: "boris"}
	wins := result{Outcome: Keep, Rule: RuleOwnerWins, Employee: "anna", Contact: "7", Cursor: 2, Owed: names("boris"), Given: "boris"}
	stranger, unpaid, same := wins, wins, kept
	stranger.Employee = ""
	unpaid.Owed, unpaid.Given = nil, ""
	same.Outcome, same.Contact = Keep, "7"
	nobodyLeft := result{Outcome: Wait, Rule: RuleNobody, Cursor: 2, Owed: names("boris"), Given: "boris", Replaced: "boris"}
	of := func(owner switchboard.OwnerID) func(*Input) { return found(FoundContact{ID: "7", Owner: owner}) }
	checkRules(t, []rule{
		{"QUEUE-10 no contact: kept", boris(), kept},
		{"QUEUE-10 nobody responsible: kept", boris(of("")), assigned},
		{"QUEUE-10 the CRM's owner wins", boris(of("crm-anna")), wins},
		{"QUEUE-10 an owner outside the channel wins", boris(of("crm-zoe")), stranger},
		{"QUEUE-10 no turn to give back", boris(of("crm-anna"), free), unpaid},
		{"QUEUE-10 the owner is the same", boris(of("crm-boris")), same},
		{"QUEUE-10 given back behind the others", boris(of("crm-anna"), owed("clara")), func() result {
			r := wins
			r.Owed = names("clara", "boris")
			return r
		}()},
		{"QUEUE-10 several contacts: a person decides", boris(found(FoundContact{ID: "7"}, FoundContact{ID: "8"})),
			result{Outcome: Ask, Rule: RuleSeveralContacts, Cursor: 2, Owed: names("boris"), Given: "boris"}},
		{"QUEUE-6 switched off meanwhile: kept", boris(change("boris", switchOff)), kept},
		{"QUEUE-6 blocked meanwhile: replaced", boris(change("boris", blockHere)), replaced},
		{"QUEUE-6 blocked in the CRM: replaced", boris(change("boris", blockInCRM)), replaced},
		{"QUEUE-6 quality control meanwhile: replaced", boris(change("boris", qualityControl)), replaced},
		{"QUEUE-6 left the channel: replaced", boris(leaves("boris")), replaced},
		{"QUEUE-6 left, nobody else", boris(leaves("boris"), nobody), nobodyLeft},
	})
}

func TestExplainsWhoWasReplacedAndWhy(t *testing.T) {
	d := decide(t, newClient(provisional("boris"), leaves("boris"), change("anna", qualityControl)))
	want := []Verdict{
		{Employee: "anna", Reason: ReasonQualityControl},
		{Employee: "clara", Eligible: true, Reason: ReasonEligible},
		{Employee: "boris", Reason: ReasonNoRole},
	}
	if diff := cmp.Diff(want, d.Explanation.Considered); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
