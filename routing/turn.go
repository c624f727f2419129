package routing

import (
	"cmp"
	"slices"

	"switchboard"
)

// desk is an Input prepared for deciding: candidates in the order of the queue.
type desk struct {
	in         Input
	candidates []Candidate
}

func newDesk(in Input) desk {
	candidates := slices.Clone(in.Candidates)
	slices.SortFunc(candidates, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.Employee, b.Employee))
	})
	return desk{in: in, candidates: candidates}
}

// turn is one place of the queue about to be served.
type turn struct {
	employee switchboard.EmployeeID
	owed     bool
	after    Queue
}

// nextTurn serves a turn that was given back, else the next position; false when
// nobody is eligible.
func (d desk) nextTurn() (turn, bool) {
	if t, ok := d.owedTurn(); ok {
		return t, true
	}
	eligible := slices.DeleteFunc(slices.Clone(d.candidates), func(c Candidate) bool {
		return reasonFor(c) != ReasonEligible
	})
	if len(eligible) == 0 {
		return turn{}, false
	}
	next := eligible[0]
	for _, c := range eligible {
		if c.Position > d.in.Queue.Cursor {
			next = c
			break
		}
	}
	after := Queue{Cursor: d.cursorAfter(next), Owed: copyOwed(d.in.Queue.Owed)}
	return turn{employee: next.Employee, after: after}, true
}

// owedTurn serves the first eligible employee whose turn was given back; the cursor
// stays, for it has passed him already.
func (d desk) owedTurn() (turn, bool) {
	for i, employee := range d.in.Queue.Owed {
		c, ok := d.candidate(employee)
		if !ok || reasonFor(c) != ReasonEligible {
			continue
		}
		owed := copyOwed(d.in.Queue.Owed)
		after := Queue{Cursor: d.in.Queue.Cursor, Owed: copyOwed(slices.Delete(owed, i, i+1))}
		return turn{employee: employee, owed: true, after: after}, true
	}
	return turn{}, false
}

// cursorAfter is served's position, or 0 when no position in use lies above it: the
// round is complete. The blocked count too, for they may be back before it is.
func (d desk) cursorAfter(served Candidate) int64 {
	for _, c := range d.candidates {
		if c.Receives && c.Role.CanReceive() && c.Position > served.Position {
			return served.Position
		}
	}
	return 0
}

// verdicts says of every candidate why he may or may not receive (QUEUE-9).
func (d desk) verdicts() []Verdict {
	list := make([]Verdict, 0, len(d.candidates))
	for _, c := range d.candidates {
		reason := reasonFor(c)
		list = append(list, Verdict{c.Employee, reason == ReasonEligible, reason})
	}
	return list
}

// reasonFor is QUEUE-3. What stops a candidate for good comes before the switch.
func reasonFor(c Candidate) Reason {
	if reason := obstacle(c); reason != ReasonEligible {
		return reason
	}
	if !c.Receives {
		return ReasonSwitchOff
	}
	return ReasonEligible
}

// obstacle says why the CRM's responsible cannot be this candidate, switch or not.
func obstacle(c Candidate) Reason {
	switch {
	case c.Role == switchboard.QualityControl:
		return ReasonQualityControl
	case !c.Role.CanReceive():
		return ReasonNoRole
	case !c.Active:
		return ReasonBlockedHere
	case c.Owner == "":
		return ReasonNotInCRM
	case !c.ActiveInCRM:
		return ReasonBlockedInCRM
	}
	return ReasonEligible
}

func (d desk) canBeResponsible(employee switchboard.EmployeeID) bool {
	c, ok := d.candidate(employee)
	return ok && obstacle(c) == ReasonEligible
}

func (d desk) isCandidate(employee switchboard.EmployeeID) bool {
	_, ok := d.candidate(employee)
	return ok
}

func (d desk) candidate(employee switchboard.EmployeeID) (Candidate, bool) {
	for _, c := range d.candidates {
		if c.Employee == employee {
			return c, true
		}
	}
	return Candidate{}, false
}

// employeeOf finds the candidate who is the CRM's owner, or "".
func (d desk) employeeOf(owner switchboard.OwnerID) switchboard.EmployeeID {
	for _, c := range d.candidates {
		if c.Owner == owner {
			return c.Employee
		}
	}
	return ""
}

// copyOwed copies the list; an empty one is nil, as JSON reads it back.
func copyOwed(owed []switchboard.EmployeeID) []switchboard.EmployeeID {
	return append([]switchboard.EmployeeID(nil), owed...)
}
