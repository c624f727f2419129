package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"switchboard"
	"switchboard/i18n"
	"switchboard/routing"
)

// lane is one channel with its queue, as the settings tab shows it.
type lane struct {
	channel switchboard.Channel
	holders []switchboard.RoleHolder
	dry     routing.Decision // what would become of a new client now
}

// lane reads a channel's queue and asks what would become of a new client; nothing
// moves.
func (a *accountsAPI) lane(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel) (l lane, err error) {
	l.channel = ch
	if l.holders, err = a.Store.RoleHolders(ctx, tx, ch.Account, ch.ID); err != nil {
		return l, fmt.Errorf("read roles: %w", err)
	}
	turn, err := a.Store.Turn(ctx, tx, ch.Account, ch.ID)
	if err != nil {
		return l, fmt.Errorf("read the turn: %w", err)
	}
	in := routing.Input{Settings: ch.Settings, Snapshot: routing.Snapshot{Available: true}, Event: routing.Event{Kind: routing.ClientWrote}}
	if err := json.Unmarshal(turn, &in.Queue); err != nil {
		return l, fmt.Errorf("read the turn: %w", err)
	}
	for _, h := range l.holders {
		in.Candidates = append(in.Candidates, routing.Candidate{Employee: h.Employee, Owner: h.Owner, Role: h.Role, Receives: h.Receives,
			Position: h.Position, Active: h.Active, ActiveInCRM: h.ActiveInCRM})
	}
	l.dry = routing.Decide(in)
	return l, nil
}

// eligible lists who can receive a new client, in the order of the queue (QUEUE-3).
func (l lane) eligible() []switchboard.EmployeeID {
	var list []switchboard.EmployeeID
	for _, v := range l.dry.Explanation.Considered {
		if v.Eligible {
			list = append(list, v.Employee)
		}
	}
	return list
}

// skipped lists who has the switch on and cannot receive, with the reason.
func (l lane) skipped() []routing.Verdict {
	on := map[switchboard.EmployeeID]bool{}
	for _, h := range l.holders {
		on[h.Employee] = h.Receives
	}
	var list []routing.Verdict
	for _, v := range l.dry.Explanation.Considered {
		if on[v.Employee] && !v.Eligible {
			list = append(list, v)
		}
	}
	return list
}

// block shows a channel's settings with what they do.
func (p page) block(ctx context.Context, l lane) ChannelBlock {
	ch := l.channel
	b := ChannelBlock{Id: string(ch.ID), Name: ch.Name, Transport: string(ch.Transport), Effect: p.effect(ctx, l),
		Settings: ChannelSettings{Target: ChannelSettingsTarget(ch.Settings.Target), Pipeline: ref(string(ch.Settings.Pipeline)),
			Stage: ref(string(ch.Settings.Stage))}}
	b.Roles.Receiving = []Person{}
	for _, h := range l.holders {
		switch h.Role {
		case switchboard.QualityControl:
			b.Roles.QualityControl++
		case switchboard.Manager:
			b.Roles.Managers++
		case switchboard.Supervisor:
			b.Roles.Supervisors++
		}
		if h.Receives {
			b.Roles.Receiving = append(b.Roles.Receiving, p.person(h.Employee))
		}
	}
	if next := l.dry.Employee; next != "" && p.hasTarget(ch) {
		person := p.person(next)
		b.Next = &person
	}
	return b
}

func (p page) person(id switchboard.EmployeeID) Person {
	e, _ := employeeByID(p.people, id)
	return Person{Id: ref(string(id)), Name: e.Name}
}

// hasTarget says whether deals of the channel can be created (DEAL-4).
func (p page) hasTarget(ch switchboard.Channel) bool {
	_, stage, found := target(p.pipelines, ch.Settings)
	return ch.Settings.Target == switchboard.TargetDeal && found && stage.Offered
}

// effect says in one sentence what becomes of a new client (SET-5).
func (p page) effect(ctx context.Context, l lane) string {
	ch := l.channel
	params := map[string]string{"channel": ch.Name}
	eligible := l.eligible()
	switch {
	case ch.Settings.Target == switchboard.TargetUnset:
		return say(ctx, i18n.EffectUnset, params)
	case !p.hasTarget(ch):
		return say(ctx, i18n.EffectStageGone, params)
	case len(eligible) == 0:
		return say(ctx, i18n.EffectDealNobody, params)
	}
	pipeline, stage, _ := target(p.pipelines, ch.Settings)
	params["pipeline"], params["stage"], params["employees"] = pipeline.Label, stage.Label, p.names(ctx, eligible)
	if len(eligible) == 1 {
		return say(ctx, i18n.EffectDealOne, params)
	}
	return say(ctx, i18n.EffectDeal, params)
}

// maxNames bounds the names of one sentence; the others are counted.
const maxNames = 5

func (p page) names(ctx context.Context, ids []switchboard.EmployeeID) string {
	var names []string
	for _, id := range ids[:min(len(ids), maxNames)] {
		names = append(names, p.person(id).Name)
	}
	list := strings.Join(names, ", ")
	if more := len(ids) - maxNames; more > 0 {
		return say(ctx, i18n.EffectAndMore, map[string]string{"names": list, "count": strconv.Itoa(more)})
	}
	return list
}

// problems says what is wrong and what to do (SET-4).
func (p page) problems(ctx context.Context) []SettingsProblem {
	list := []SettingsProblem{}
	add := func(ch switchboard.ChannelID, text, cure i18n.Key, params map[string]string) {
		list = append(list, SettingsProblem{ChannelId: ref(string(ch)), Text: say(ctx, text, params), Cure: ref(say(ctx, cure, params))})
	}
	if p.connected {
		p.connectionProblems(ctx, add)
	}
	for _, l := range p.channels {
		if l.channel.State == switchboard.ChannelBroken {
			add(l.channel.ID, i18n.ProblemChannelBroken, i18n.ProblemChannelBrokenCure,
				map[string]string{"channel": l.channel.Name, "reason": sentence(ctx, l.channel.StateReason)})
		}
		if p.connected && l.channel.State != switchboard.ChannelDisabled {
			p.laneProblems(ctx, l, add)
		}
	}
	return list
}

// adder notes one problem of a channel, or of the account for "".
type adder func(ch switchboard.ChannelID, text, cure i18n.Key, params map[string]string)

func (p page) connectionProblems(ctx context.Context, add adder) {
	switch {
	case p.conn.State == switchboard.ConnectionBroken:
		add("", i18n.ProblemCrmBroken, i18n.ProblemCrmBrokenCure, map[string]string{"reason": sentence(ctx, p.conn.Reason)})
	case !p.conn.DownSince.IsZero():
		add("", i18n.ProblemCrmDown, i18n.ProblemCrmDownCure, nil)
	}
	for _, c := range p.report.Checks {
		if c.OK || !c.Required {
			continue
		}
		cure := i18n.ProblemCrmCheckCure
		if c.Scope == "" {
			cure = i18n.ProblemCrmCheckPlainCure
		}
		add("", i18n.ProblemCrmCheck, cure, map[string]string{"name": say(ctx, c.Sentence, nil), "scope": c.Scope})
	}
}

func (p page) laneProblems(ctx context.Context, l lane, add adder) {
	ch, params := l.channel, map[string]string{"channel": l.channel.Name}
	switch {
	case ch.Settings.Target == switchboard.TargetUnset:
		add(ch.ID, i18n.ProblemTargetUnset, i18n.ProblemTargetUnsetCure, params)
	case !p.hasTarget(ch):
		add(ch.ID, i18n.ProblemStageGone, i18n.ProblemStageGoneCure, params)
	}
	if len(l.eligible()) == 0 { // QUEUE-4
		add(ch.ID, i18n.ProblemNobodyReceives, i18n.ProblemNobodyReceivesCure, params)
	}
	for _, v := range l.skipped() {
		add(ch.ID, i18n.ProblemReceiverSkipped, i18n.ProblemReceiverSkippedCure, map[string]string{"channel": ch.Name,
			"name": p.person(v.Employee).Name, "reason": say(ctx, i18n.Key("why.reason."+string(v.Reason)), nil)})
	}
}
