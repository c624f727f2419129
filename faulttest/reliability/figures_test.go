package reliability

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// figures are what a run is judged by.
type figures struct {
	mu                                 sync.Mutex
	lost, duplicated, reordered, leaks int
	maybeSent, maybeBound              int
	details                            []string
	sending                            map[try]bool // counted in maybeBound
}

func newFigures() *figures { return &figures{sending: map[try]bool{}} }

const maxDetails = 20

func (f *figures) note(figure *int, n int, format string, args ...any) {
	if n == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	*figure += n
	if len(f.details) < maxDetails {
		f.details = append(f.details, fmt.Sprintf(format, args...))
	}
}

// sequence holds what somebody received against the lines that were to come: those
// confirmed must be there, all at most once, and in their order.
func (f *figures) sequence(where string, want []line, got []string) {
	place, seen, last := map[string]int{}, map[string]int{}, -1
	for i, l := range want {
		place[l.text] = i
	}
	for _, text := range got {
		i, known := place[text]
		if seen[text]++; seen[text] > 1 {
			f.note(&f.duplicated, 1, "%s: %s came %d times", where, text, seen[text])
			continue
		}
		if !known {
			f.note(&f.leaks, 1, "%s: %s belongs elsewhere", where, text)
			continue
		}
		if i < last {
			f.note(&f.reordered, 1, "%s: %s came after a later one", where, text)
		}
		last = max(last, i)
	}
	for _, l := range want {
		if l.confirmed && seen[l.text] == 0 {
			f.note(&f.lost, 1, "%s: %s was confirmed and is not there", where, l.text)
		}
	}
}

// numbers must be 1, 2, 3 ...
func (f *figures) numbers(where string, got []int64) {
	for i, n := range got {
		switch want := int64(i + 1); {
		case n < want:
			f.note(&f.duplicated, 1, "%s: number %d where %d is due", where, n, want)
			return
		case n > want:
			f.note(&f.lost, 1, "%s: number %d where %d is due", where, n, want)
			return
		}
	}
}

// leaked notes canaries that a viewer must not see.
func (f *figures) leaked(where string, found []string) {
	f.note(&f.leaks, len(found), "%s: shows %s", where, strings.Join(found, ", "))
}

// print shows the figures and fails the run unless they are what was promised.
func (f *figures) print(t *testing.T, what string, seed uint64, runs int) {
	t.Helper()
	t.Logf("%s: lost %d, duplicated %d, reordered %d, leaked %d; maybe sent %d of at most %d (seed %d)",
		what, f.lost, f.duplicated, f.reordered, f.leaks, f.maybeSent, f.maybeBound, seed)
	if f.lost+f.duplicated+f.reordered+f.leaks > 0 || f.maybeSent > f.maybeBound {
		t.Errorf("%s, seed %d:\n%s", what, seed, strings.Join(f.details, "\n"))
		return
	}
	if runs > 0 {
		t.Logf("%s: 0 failures in %d faults: the rate is below %.2g", what, runs, 3/float64(runs))
	}
}
