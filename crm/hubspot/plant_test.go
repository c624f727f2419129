package hubspot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"switchboard"
	"switchboard/crm"
)

// plantVariable names the bug that the suite runs with, in a process of its own.
const plantVariable = "SWITCHBOARD_PLANTED_CRM_BUG"

// plants are bugs of connectors, each with the part of the suite that must fail.
var plants = map[string]struct {
	part  string
	plant func(crm.CRM) crm.CRM
}{
	"repeats what may have been written": {"EachEntryOnceDespite/reply_lost", func(c crm.CRM) crm.CRM { return blindWriter{c} }},
	"finds nothing":                      {"EachEntryOnceDespite/answer_cut", func(c crm.CRM) crm.CRM { return blindFinder{c} }},
	"repeats after a server's error":     {"EachEntryOnceDespite/broken,_done", func(c crm.CRM) crm.CRM { return blindWriter{c} }},
	"makes another contact each time":    {"OneContactAndOneDealDespite/reply_lost", func(c crm.CRM) crm.CRM { return &forgetful{CRM: c} }},
	"looks back not at all":              {"ListsEveryChangeInSpiteOfTheLag", func(c crm.CRM) crm.CRM { return hasty{c} }},
	"believes the search":                {"RejectsNumbersThatOnlyLookAlike", func(c crm.CRM) crm.CRM { return credulous{c} }},
	"sings":                              {"ErrorsHoldNoPersonalData", func(c crm.CRM) crm.CRM { return singer{c} }},
	"overwrites":                         {"NeverOverwritesWhatAPersonTyped", func(c crm.CRM) crm.CRM { return pushy{c} }},
}

func planted(c crm.CRM) crm.CRM {
	if p, ok := plants[os.Getenv(plantVariable)]; ok {
		return p.plant(c)
	}
	return c
}

func TestTheSuiteCatchesPlantedBugs(t *testing.T) {
	t.Parallel()
	if os.Getenv(plantVariable) != "" {
		t.Skip("this process runs the suite with a planted bug")
	}
	for name, p := range plants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := strings.Split("TestPassesTheSuiteWhereEntriesMayNot/"+p.part, "/")
			for i := range parts {
				parts[i] = "^" + parts[i] + "$"
			}
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.count=1", "-test.run="+strings.Join(parts, "/"))
			child.Env = append(os.Environ(), plantVariable+"="+name)
			out, err := child.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL") {
				t.Errorf("the suite does not notice: %v\n%s", err, out)
			}
		})
	}
}

type blindWriter struct{ crm.CRM }

func (b blindWriter) WriteEntries(ctx context.Context, entries []crm.Entry) ([]crm.EntryResult, error) {
	results, err := b.CRM.WriteEntries(ctx, entries)
	for i := range results {
		if results[i].Outcome == crm.EntryUnknown {
			results[i].Outcome = crm.EntryLocked
		}
	}
	return results, err
}

type blindFinder struct{ crm.CRM }

func (blindFinder) FindEntries(context.Context, switchboard.ContactID, []crm.Entry) (map[crm.EntryKey]string, error) {
	return nil, nil
}

type forgetful struct {
	crm.CRM
	calls int
}

func (f *forgetful) UpsertContact(ctx context.Context, n crm.NewContact) (switchboard.Contact, error) {
	f.calls++
	n.Client, n.Email = switchboard.ClientID(fmt.Sprint("client ", f.calls)), ""
	return f.CRM.UpsertContact(ctx, n)
}

type hasty struct{ crm.CRM }

func (h hasty) ChangedContacts(ctx context.Context, since crm.Cursor) ([]switchboard.Contact, crm.Cursor, error) {
	list, next, err := h.CRM.ChangedContacts(ctx, since)
	var place map[string]any
	if json.Unmarshal([]byte(next), &place) == nil && place["pos"] == nil {
		place["floor"] = place["high"]
		b, _ := json.Marshal(place)
		next = crm.Cursor(b)
	}
	return list, next, err
}

type credulous struct{ crm.CRM }

func (c credulous) FindContacts(ctx context.Context, q crm.PersonQuery) ([]crm.Found, error) {
	q.Phones = append(q.Phones, "+19162345678")
	return c.CRM.FindContacts(ctx, q)
}

type singer struct{ crm.CRM }

func (s singer) UpsertContact(ctx context.Context, n crm.NewContact) (switchboard.Contact, error) {
	contact, err := s.CRM.UpsertContact(ctx, n)
	if err != nil {
		err = &crm.Error{Class: crm.ClassOf(err), Reason: "cannot create " + n.Name, Err: err}
	}
	return contact, err
}

type pushy struct{ crm.CRM }

func (p pushy) UpsertContact(ctx context.Context, n crm.NewContact) (switchboard.Contact, error) {
	contact, err := p.CRM.UpsertContact(ctx, n)
	if err == nil {
		contact, err = p.SetContactOwner(ctx, contact.ID, n.Owner)
	}
	return contact, err
}
