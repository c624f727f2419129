package app

import "time"

// Stamp is a time on the wire: UTC with exactly three digits of milliseconds, so that
// times sort as text.
type Stamp struct{ time.Time }

const stampForm = `"2006-01-02T15:04:05.000Z"`

// MarshalJSON writes the form.
func (s Stamp) MarshalJSON() ([]byte, error) { return []byte(s.UTC().Format(stampForm)), nil }

func stamp(t time.Time) Stamp { return Stamp{t} }

// stampRef gives nil for the zero time.
func stampRef(t time.Time) *Stamp {
	if t.IsZero() {
		return nil
	}
	return &Stamp{t}
}
