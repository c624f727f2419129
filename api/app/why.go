package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"switchboard"
	"switchboard/i18n"
	"switchboard/routing"
)

// ExplainChat says why this employee, from the stored decision (QUEUE-9).
func (a *chatsAPI) ExplainChat(ctx context.Context, r ExplainChatRequestObject) (ExplainChatResponseObject, error) {
	v := ViewerOf(ctx)
	var e explanation
	err := a.chats.Store.View(ctx, func(tx switchboard.Tx) error {
		row, err := a.chats.Store.SeenChat(ctx, tx, v.Account, v.Viewer.Employee, switchboard.ChatID(r.Chat))
		if err != nil {
			return err
		}
		client, err := a.chats.Store.ClientDetail(ctx, tx, v.Account, row.Client, foundIn)
		if err != nil {
			return fmt.Errorf("read client: %w", err)
		}
		e, err = a.explanation(ctx, tx, v.Account, client.Decision)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ExplainChat200JSONResponse(e.wire(ctx)), nil
}

// explanation is a stored decision with the names that its sentences need.
type explanation struct {
	record    switchboard.DecisionRecord
	in        routing.Input
	decision  routing.Decision
	employees map[switchboard.EmployeeID]string
	owners    []switchboard.Owner
}

func (a *chatsAPI) explanation(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, d switchboard.DecisionRecord) (e explanation, err error) {
	e.record = d
	if d.ID == "" {
		return e, nil
	}
	if err := json.Unmarshal(d.Input, &e.in); err != nil {
		return e, fmt.Errorf("decode a decision's input: %w", err)
	}
	if err := json.Unmarshal(d.Decision, &e.decision); err != nil {
		return e, fmt.Errorf("decode a decision: %w", err)
	}
	all, err := a.chats.Store.Employees(ctx, tx, account)
	if err != nil {
		return e, fmt.Errorf("read employees: %w", err)
	}
	e.employees = map[switchboard.EmployeeID]string{}
	for _, employee := range all {
		e.employees[employee.ID] = employee.Name
	}
	e.owners, err = a.chats.Store.Owners(ctx, tx, account)
	return e, err
}

func (e explanation) wire(ctx context.Context) Why {
	if e.record.ID == "" {
		return Why{Sentence: ref(say(ctx, i18n.WhyUndecided, nil))}
	}
	x := e.decision.Explanation
	out := Why{Decided: true, At: stampRef(e.record.At), Rule: ref(string(x.Rule)), Sentence: ref(e.sentence(ctx)),
		Provisional: ref(e.record.Provisional), SettingsVersion: ref(e.record.SettingsVersion),
		TurnBefore: e.servedAt(x.Before), TurnAfter: e.servedAt(x.After)}
	if name := e.chosen(); name != "" {
		out.Employee = &Person{Id: ref(string(e.decision.Employee)), Name: name}
	}
	considered := []struct {
		Eligible bool   `json:"eligible"`
		Employee Person `json:"employee"`

		// Reason a sentence
		Reason string `json:"reason"`
	}{}
	for _, v := range x.Considered {
		considered = append(considered, struct {
			Eligible bool   `json:"eligible"`
			Employee Person `json:"employee"`

			// Reason a sentence
			Reason string `json:"reason"`
		}{v.Eligible, *e.person(v.Employee), say(ctx, i18n.Key("why.reason."+string(v.Reason)), nil)})
	}
	out.Considered = &considered
	return out
}

// sentence says the rule, and what became of turns.
func (e explanation) sentence(ctx context.Context) string {
	x := e.decision.Explanation
	said := []string{say(ctx, i18n.Key("why."+string(x.Rule)), map[string]string{"employee": e.chosen()})}
	if x.GivenBack != "" {
		said = append(said, say(ctx, i18n.WhyGivenBack, map[string]string{"employee": e.name(x.GivenBack)}))
	}
	if x.Owed && x.Rule != routing.RuleOwedTurn {
		said = append(said, say(ctx, i18n.WhyUsedOwed, map[string]string{"employee": e.name(e.decision.Employee)}))
	}
	return strings.Join(said, " ")
}

// chosen names who is responsible: for a contact that has an owner outside of the
// channel, the owner's name in the CRM.
func (e explanation) chosen() string {
	if e.decision.Employee != "" {
		return e.name(e.decision.Employee)
	}
	for _, c := range e.in.Snapshot.Contacts {
		if e.decision.Outcome == routing.Keep && c.ID == e.decision.Contact && c.Owner != "" {
			return ownerName(e.owners, c.Owner)
		}
	}
	return ""
}

func (e explanation) name(id switchboard.EmployeeID) string {
	if name := e.employees[id]; name != "" {
		return name
	}
	return "—"
}

func (e explanation) person(id switchboard.EmployeeID) *Person {
	return &Person{Id: ref(string(id)), Name: e.name(id)}
}

// servedAt finds who has a place of the queue; nil for nobody yet, and for a place
// whose holder has left it.
func (e explanation) servedAt(position int64) *Person {
	for _, c := range e.in.Candidates {
		if position != 0 && c.Position == position {
			return e.person(c.Employee)
		}
	}
	return nil
}
