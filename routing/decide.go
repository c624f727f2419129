package routing

import "switchboard"

// Decide says whose client this is and why. It is pure: the same Input, also one
// read back from JSON, gives the same Decision, whatever the order of its lists. It
// keeps nothing of the Input's memory.
//
// The caller stores Input and Decision, and writes QueueAfter in the same transaction
// (QUEUE-2, QUEUE-9). A retry of CRM writes uses the stored decision (QUEUE-6).
func Decide(in Input) Decision {
	d := newDesk(in)
	found := choose(in.Snapshot)
	switch {
	case found.contact.Owner != "":
		return d.keep(found.contact)
	case in.Settings.Target == switchboard.TargetUnset:
		return d.stop(NoTarget, RuleNoTarget)
	case found.ambiguous:
		return d.stop(Ask, RuleSeveralContacts)
	case in.Provisional != "":
		return d.settle(found.contact)
	case in.Event.Kind == EmployeeWrote:
		return d.wroteFirst(found.contact)
	}
	return d.distribute(found.contact)
}

// keep leaves the client to the CRM's owner: no distribution (QUEUE-8). An owner
// found only after a provisional decision wins over it (QUEUE-10).
func (d desk) keep(contact FoundContact) Decision {
	out := d.decision(Keep, RuleHasResponsible)
	out.Contact = contact.ID
	out.Employee = d.employeeOf(contact.Owner)
	switch d.in.Provisional {
	case "":
	case out.Employee:
		out.Explanation.Rule = RuleProvisionalKept
	default:
		out.Explanation.Rule = RuleOwnerWins
		d.giveBack(&out)
	}
	return out
}

// stop creates nothing and gives the client to nobody; a provisional employee loses
// the client and gets the turn back.
func (d desk) stop(outcome Outcome, rule Rule) Decision {
	out := d.decision(outcome, rule)
	d.giveBack(&out)
	return out
}

// settle keeps the provisional employee, whose turn is taken already (QUEUE-6), even
// with the switch off by now; only who can no longer be responsible is replaced. It
// also repeats a provisional decision while the CRM stays away.
func (d desk) settle(contact FoundContact) Decision {
	if !d.canBeResponsible(d.in.Provisional) {
		return d.replace(d.in.Provisional, contact)
	}
	out := d.given(contact)
	out.Employee = d.in.Provisional
	switch {
	case !out.Provisional:
		out.Explanation.Rule = RuleProvisionalKept
	case d.in.ProvisionalFree:
		out.Explanation.Rule = RuleWroteFirst
	default:
		out.Explanation.Rule = RuleProvisional
	}
	return out
}

// wroteFirst makes the employee responsible who wrote to a client nobody is
// responsible for; the queue does not move (DEAL-6).
func (d desk) wroteFirst(contact FoundContact) Decision {
	writer := d.in.Event.Employee
	if !d.canBeResponsible(writer) {
		return d.replace(writer, contact)
	}
	out := d.given(contact)
	out.Employee = writer
	out.Explanation.Rule = RuleWroteFirst
	return out
}

// replace gives the client to the next in turn in place of gone.
func (d desk) replace(gone switchboard.EmployeeID, contact FoundContact) Decision {
	out := d.distribute(contact)
	out.Explanation.Replaced = gone
	if out.Outcome != Wait {
		out.Explanation.Rule = RuleReplaced
	}
	if !d.isCandidate(gone) {
		out.Explanation.Considered = append(out.Explanation.Considered,
			Verdict{Employee: gone, Reason: ReasonNoRole})
	}
	d.giveBack(&out)
	return out
}

// distribute gives the client to the next in turn (QUEUE-1), or to nobody when
// nobody is eligible (QUEUE-4).
func (d desk) distribute(contact FoundContact) Decision {
	turn, ok := d.nextTurn()
	if !ok {
		return d.decision(Wait, RuleNobody)
	}
	out := d.given(contact)
	out.Employee = turn.employee
	out.QueueAfter = turn.after
	out.Explanation.After = turn.after.Cursor
	out.Explanation.Owed = turn.owed
	switch {
	case out.Provisional:
		out.Explanation.Rule = RuleProvisional
	case contact.ID != "":
		out.Explanation.Rule = RuleNoResponsible
	case turn.owed:
		out.Explanation.Rule = RuleOwedTurn
	}
	return out
}

// given starts a decision that gives the client to somebody: a new contact and deal,
// or the responsible of a known contact; provisional without the CRM (QUEUE-10).
func (d desk) given(contact FoundContact) Decision {
	out := d.decision(Create, RuleNextInTurn)
	if contact.ID != "" {
		out.Outcome = Assign
		out.Contact = contact.ID
	}
	out.Provisional = !d.in.Snapshot.Available
	return out
}

// decision starts a Decision that leaves the queue as it is.
func (d desk) decision(outcome Outcome, rule Rule) Decision {
	queue := copyQueue(d.in.Queue)
	return Decision{
		Outcome:    outcome,
		QueueAfter: queue,
		Explanation: Explanation{
			Rule:       rule,
			Considered: d.verdicts(),
			Before:     queue.Cursor,
			After:      queue.Cursor,
		},
	}
}

// giveBack returns the turn that the provisional employee took without getting the
// client (QUEUE-10).
func (d desk) giveBack(out *Decision) {
	if d.in.Provisional == "" || d.in.ProvisionalFree {
		return
	}
	out.QueueAfter.Owed = append(out.QueueAfter.Owed, d.in.Provisional)
	out.Explanation.GivenBack = d.in.Provisional
}
