package crmtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"switchboard"
	"switchboard/crm"
)

// Factory makes a connector on a fresh, connected stand-in with at least two active
// owners, one archived one, and a pipeline with two open stages and a closed one. The
// search lag is zero, no fault is planned, limits are enforced.
type Factory func(t *testing.T) World

// World is a connector and the stand-in behind it.
type World struct {
	CRM   crm.CRM
	Stand Stand
	// Token is the connection's secret: no error may hold it.
	Token string

	t *testing.T // of the part of the suite that runs
}

func on(t *testing.T, open Factory) World {
	t.Helper()
	w := open(t)
	w.t = t
	return w
}

// Stand is the stand-in as seen by its users, its operators and its network.
// Its methods end the test when they fail.
type Stand interface {
	// What users do by hand. An empty owner means nobody.
	AddContact(p Person) switchboard.ContactID
	AssignContact(id switchboard.ContactID, owner switchboard.OwnerID)
	DeleteContact(id switchboard.ContactID)
	MergeContacts(winner, loser switchboard.ContactID)
	AddDeal(contact switchboard.ContactID, p switchboard.PipelineID, s switchboard.StageID, owner switchboard.OwnerID) switchboard.DealID
	MoveDeal(id switchboard.DealID, s switchboard.StageID)

	// What stands in it, not delayed by the search lag.
	Contacts() []switchboard.Contact
	Deals() []switchboard.Deal // Contact is the one associated
	// Entries are the texts (or markup) of timeline entries of a contact, oldest
	// first by their own time; EntriesOfDeal those of a deal.
	Entries(id switchboard.ContactID) []string
	EntriesOfDeal(id switchboard.DealID) []string

	// Advance moves the time of the stand-in and of the connector.
	Advance(d time.Duration)
	// SetLag is how long changes stay invisible to search.
	SetLag(d time.Duration)
	// SetUnevenLag lets changes become visible in any order, after up to d.
	SetUnevenLag(d time.Duration)
	// Fault spoils the next n calls of a kind of work; Fired counts those spoilt.
	Fault(f Fault, op Op, n int)
	Fired() int
	// Calls counts the calls that arrived.
	Calls() int
}

// Person is a contact typed in by hand.
type Person struct {
	Name   string
	Phone  string // as typed
	Mobile string // as typed
	Email  string
	Owner  switchboard.OwnerID
}

// Op is a kind of work that calls do.
type Op string

// The kinds of work.
const (
	WriteContact Op = "write contact"
	WriteDeal    Op = "write deal"
	WriteEntry   Op = "write entry"
	AnyCall      Op = "any call"
)

// Fault is what goes wrong with a call.
type Fault string

// The faults.
const (
	ReplyLost   Fault = "reply lost"    // done, the connection is cut
	AnswerCut   Fault = "answer cut"    // done, half of the answer comes
	NotReached  Fault = "not reached"   // not done, the connection is cut
	Page        Fault = "page"          // not done, 200 with a page that is no answer
	TimeOut     Fault = "time-out"      // not done, no answer
	Busy        Fault = "busy"          // not done, too many calls
	RecordBusy  Fault = "record busy"   // not done, the record is locked
	Broken      Fault = "broken"        // not done, server error
	BrokenDone  Fault = "broken, done"  // done, server error
	NoAuthority Fault = "no authority"  // the token is not valid
	NoScope     Fault = "missing scope" // the token may not
)

// passing are the faults that go away by themselves.
var passing = []Fault{ReplyLost, AnswerCut, NotReached, Page, TimeOut, Busy, RecordBusy, Broken, BrokenDone}

// Run runs the suite.
func Run(t *testing.T, open Factory) {
	t.Helper()
	for name, test := range map[string]func(World){
		"ListsOwnersWithArchivedOnesInactive":        listsOwners,
		"OffersOnlyOpenStages":                       offersOpenStages,
		"MakesANewClientWithFourCalls":               fourCalls,
		"ManyAtOnceMakeOneContactAndOneDeal":         manyAtOnce,
		"AdoptsTheContactThatHoldsTheEmail":          adopts,
		"NeverOverwritesWhatAPersonTyped":            neverOverwrites,
		"FindsAPersonInWhateverFormThePhoneWasTyped": findsPhones,
		"RejectsNumbersThatOnlyLookAlike":            rejectsLookAlikes,
		"FindsOursAtOnceDespiteTheSearchLag":         findsOursAtOnce,
		"SetsTheOwnerAndAnswersWithTheWholeContact":  setsOwner,
		"FollowsMergedContactsAndTellsDeletedOnes":   followsMerges,
		"ReadsTheDealsOfAContact":                    readsDeals,
		"ListsEveryChangeInSpiteOfTheLag":            listsChanges,
		"NeverSkipsChangesThatShareATime":            sharedTime,
		"ReadsALongListOfChangesAndThenIsQuiet":      longList,
		"ListsChangedDealsWithTheirContact":          changedDeals,
		"WritesAThousandEntriesWithTwelveCalls":      twelveCalls,
		"WritesAnEntryOnContactAndDealsAsPlainText":  plainText,
		"SettlesEntriesOfMissingRecordsAlone":        goneTargets,
		"TellsAWrongTokenAndAMissingScope":           refusals,
		"ErrorsHoldNoPersonalData":                   noPersonalData,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(on(t, open))
		})
	}
	for _, fault := range passing {
		t.Run("OneContactAndOneDealDespite/"+string(fault), func(t *testing.T) {
			t.Parallel()
			oneOfEach(on(t, open), fault)
		})
		t.Run("EachEntryOnceDespite/"+string(fault), func(t *testing.T) {
			t.Parallel()
			entriesOnce(on(t, open), fault)
		})
	}
}

// people of a world.

func owners(t *testing.T, w World) []switchboard.OwnerID {
	t.Helper()
	list, err := w.CRM.Owners(t.Context())
	must(t, err)
	var active []switchboard.OwnerID
	for _, o := range list {
		if o.Active {
			active = append(active, o.ID)
		}
	}
	if len(active) < 2 {
		t.Fatalf("the stand-in has %d active owners, the suite needs two", len(active))
	}
	return active
}

// place is where new deals go, and what follows it.
type place struct {
	pipeline     switchboard.PipelineID
	open, second switchboard.StageID
	closed       switchboard.StageID
}

func target(t *testing.T, w World) place {
	t.Helper()
	pipelines, err := w.CRM.Pipelines(t.Context())
	must(t, err)
	for _, p := range pipelines {
		at := place{pipeline: p.ID}
		for _, s := range p.Stages {
			switch {
			case s.Closed:
				at.closed = s.ID
			case s.Offered && at.open == "":
				at.open = s.ID
			case s.Offered:
				at.second = s.ID
			}
		}
		if at.open != "" && at.second != "" && at.closed != "" {
			return at
		}
	}
	t.Fatal("no pipeline has two open stages and a closed one")
	return place{}
}

// clientID makes an id like ours.
func clientID(n int) switchboard.ClientID {
	return switchboard.ClientID(fmt.Sprintf("0199b0aa-0000-7000-8000-%012d", n))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (class %s)", err, crm.ClassOf(err))
	}
}

// wait says how long to let pass after an error that a repetition may cure.
func wait(t *testing.T, err error) time.Duration {
	t.Helper()
	var after time.Duration
	if e, ok := err.(*crm.Error); ok { //nolint:errorlint // the interface promises the type itself
		after = e.After
	} else {
		t.Fatalf("the error %v is a %T, not a *crm.Error", err, err)
	}
	class := crm.ClassOf(err)
	if !slices.Contains([]crm.ErrorClass{crm.Unavailable, crm.Lost, crm.Limited, crm.Locked}, class) {
		t.Fatalf("%v has the class %s, which forbids to try again", err, class)
	}
	return max(after, time.Second)
}

const maxTries = 12

// until repeats a call as the client saga does.
func until[T any](t *testing.T, w World, try func(context.Context) (T, error)) T {
	t.Helper()
	var err error
	for range maxTries {
		var got T
		if got, err = try(t.Context()); err == nil {
			return got
		}
		w.Stand.Advance(wait(t, err))
	}
	t.Fatalf("still failing after %d tries: %v", maxTries, err)
	panic("unreachable")
}

func containing(texts []string, part string) int {
	n := 0
	for _, text := range texts {
		if strings.Contains(text, part) {
			n++
		}
	}
	return n
}
