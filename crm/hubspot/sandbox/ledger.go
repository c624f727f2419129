package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Call is one line of the ledger. It holds no bodies.
type Call struct {
	Seq     int64     `json:"seq"` // from 1, without gaps
	At      time.Time `json:"at"`
	Method  string    `json:"method"`
	Path    string    `json:"path"`
	Query   string    `json:"query,omitempty"`
	Status  int       `json:"status"`          // 0: no answer yet, or none at all
	Fault   string    `json:"fault,omitempty"` // kind of the fault that spoilt it
	Done    bool      `json:"done"`            // the work was performed
	Records int       `json:"records"`         // inputs, or records read
	IDs     []string  `json:"ids,omitempty"`   // of the records written or read
	Millis  int64     `json:"millis"`
	Ended   bool      `json:"ended"`
}

// ledger keeps the last calls in memory and all of them in a file.
type ledger struct {
	mu    sync.Mutex
	ring  []Call // place of number n: (n-1) mod size
	total int64
	file  *os.File
}

func newLedger(size int, path string) (*ledger, error) {
	l := &ledger{ring: make([]Call, size)}
	if path == "" {
		return l, nil
	}
	var err error
	if l.file, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return l, nil
}

func (l *ledger) begin(c Call) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	c.Seq = l.total
	l.ring[(c.Seq-1)%int64(len(l.ring))] = c
	return c.Seq
}

// note changes a call's line, unless it was overwritten since.
func (l *ledger) note(seq int64, change func(*Call)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := &l.ring[(seq-1)%int64(len(l.ring))]; c.Seq == seq {
		change(c)
	}
}

func (l *ledger) end(seq int64, status int, now time.Time) {
	var line Call
	l.note(seq, func(c *Call) {
		c.Status, c.Ended, c.Millis = status, true, now.Sub(c.At).Milliseconds()
		line = *c
	})
	if line.Seq != 0 {
		l.save(line)
	}
}

func (l *ledger) save(c Call) {
	if l.file == nil {
		return
	}
	if b, err := json.Marshal(c); err == nil {
		_, _ = l.file.Write(append(b, '\n'))
	}
}

// after gives the calls after a number, oldest first.
func (l *ledger) after(seq int64, most int) []Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := max(seq, l.total-int64(len(l.ring)), 0)
	out := make([]Call, 0, min(int64(most), l.total-from))
	for n := from + 1; n <= l.total && len(out) < most; n++ {
		out = append(out, l.ring[(n-1)%int64(len(l.ring))])
	}
	return out
}

func (l *ledger) count() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

func (l *ledger) close() error {
	if l.file == nil {
		return nil
	}
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}
