package journal

import (
	"context"
	"errors"
	"fmt"

	"switchboard"
)

// Log reads an account's events; a nil tx reads what is committed.
type Log interface {
	// EventsAfter lists at most limit events with a larger number, in order.
	EventsAfter(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, after int64, limit int) ([]switchboard.Event, error)
	// Head gives the number of the newest event, 0 when there is none.
	Head(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (int64, error)
}

// Start says where a follower that has no cursor yet begins.
type Start int

// The starts.
const (
	FromHead   Start = iota // events from now on
	FromOldest              // every event that is still kept
)

// Cursors keeps how far each follower got: the number of the last event it is done
// with. Name says which follower ("timeline", "webhook"), key which of them
// (connection id, endpoint id).
type Cursors interface {
	// Position reads the cursor and creates it where it is missing. Two who create it
	// at once see the same one.
	Position(ctx context.Context, account switchboard.AccountID, name, key string, start Start) (int64, error)
	// Move sets the cursor to the number to if it is from, else it answers ErrMoved
	// and tx must be rolled back.
	Move(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, name, key string, from, to int64) error
}

// Parked is an event that a follower can never handle; people see it with its reason
// in the list of undelivered things.
type Parked struct {
	Account   switchboard.AccountID
	Name, Key string
	Number    int64
	Reason    string // key of a sentence
}

// Parking keeps parked events; parking one again changes nothing.
type Parking interface {
	Park(ctx context.Context, tx switchboard.Tx, p Parked) error
}

// Transactor runs do in one write transaction. It may run do again when the database
// chose the first run as a deadlock's victim.
type Transactor interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
}

var (
	// ErrMoved: somebody else moved the cursor since it was read. Nothing was stored;
	// the round belongs to them.
	ErrMoved = errors.New("the follower's cursor was moved by somebody else")
	// ErrGap: the journal does not continue at the cursor. Events were dropped before
	// this follower passed them, or the database is older than the cursor.
	ErrGap = errors.New("the journal does not continue at the follower's cursor")
)

// Poison is the error of a Handle that can never handle one event, however often it
// is repeated. The event is parked; those before it in the page are handled first.
type Poison struct {
	Number int64  // of the event, which must be in the page
	Reason string // key of a sentence; never message text
	Err    error  // inner cause
}

// Error gives the text for logs.
func (p *Poison) Error() string {
	return fmt.Sprintf("event %d cannot be handled: %s: %v", p.Number, p.Reason, p.Err)
}

// Unwrap gives the cause.
func (p *Poison) Unwrap() error { return p.Err }
