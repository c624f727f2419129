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
		if !d.in.Queue.RoundDone && c.Position > d.in.Queue.Cursor {
			next = c
			break
		}
	}
	after := copyQueue(d.in.Queue)
	after.Cursor, after.RoundDone = next.Position, d.isLastOfRound(next)
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
		after := copyQueue(d.in.Queue)
		after.Owed = trim(slices.Delete(after.Owed, i, i+1))
		return turn{employee: employee, owed: true, after: after}, true
	}
	return turn{}, false
}

// isLastOfRound says whether no position in use lies above c's. The blocked count as
// in use, for they may be back before their turn comes.
func (d desk) isLastOfRound(c Candidate) bool {
	return !slices.ContainsFunc(d.candidates, func(other Candidate) bool {
		return other.Receives && other.Role.CanReceive() && other.Position > c.Position
	})
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

// copyQueue shares no memory with q.
func copyQueue(q Queue) Queue {
	q.Owed = trim(slices.Clone(q.Owed))
	return q
}

// trim gives nil for an empty list, as JSON reads it back.
func trim(owed []switchboard.EmployeeID) []switchboard.EmployeeID {
	if len(owed) == 0 {
		return nil
	}
	return owed
}
