package live

import (
	"sync"
	"time"

	"switchboard"
)

// Kind says what a watcher is told.
type Kind string

// The kinds.
const (
	Message   Kind = "message"  // Message and its Chat
	Chat      Kind = "chat"     // Chat
	Gone      Kind = "gone"     // the chat Gone is not for the watcher any more
	Settings  Kind = "settings" // settings, channels or employees changed
	Reset     Kind = "reset"    // load everything anew; the stream ends
	SignedOut Kind = "signed_out"
)

// Event is what a watcher is told.
type Event struct {
	Kind    Kind
	Number  int64
	Chat    *switchboard.ChatRow
	Message *switchboard.MessageRow
	Gone    switchboard.ChatID
}

// Look is what the encoded form of an event depends on beside the event.
type Look struct {
	Mine     bool // the chat is the watcher's to answer (UNANS-3)
	Language string
}

// Frame is an encoded event, shared among watchers: read only.
type Frame struct {
	Kind   Kind
	Number int64
	Data   []byte
}

// Delivery is a frame for one watcher. Marks tells that everything up to the frame's
// number has been told.
type Delivery struct {
	*Frame
	Marks bool
}

// Watcher is one open screen.
type Watcher struct {
	Account  switchboard.AccountID
	Employee switchboard.EmployeeID
	Session  string // its id
	// Renewed: the session's end is no signing out, for another one follows it (CRM
	// frames).
	Renewed bool
	Expires time.Time
	// Contact limits the stream to the chats of one contact; "" means all.
	Contact  switchboard.ContactID
	Language string
}

// maxQueued bounds what waits for a slow watcher.
const maxQueued = 256

// Stream is what one watcher is told, in order. It is safe for concurrent use.
type Stream struct {
	watcher Watcher
	from    int64 // told up to here when the stream joined its feed
	wake    chan struct{}
	leave   func()

	mu     sync.Mutex
	queue  []Delivery
	passed int64 // everything up to here is told or was not for him
	ended  bool
}

func newStream(w Watcher, after int64) *Stream {
	return &Stream{watcher: w, from: after, passed: after, wake: make(chan struct{}, 1), leave: func() {}}
}

// Wake tells when Take may have something.
func (s *Stream) Wake() <-chan struct{} { return s.wake }

// Take gives what has come since, and whether that was all for good.
func (s *Stream) Take() (deliveries []Delivery, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	deliveries, s.queue = s.queue, nil
	return deliveries, s.ended
}

// Passed gives the number up to which there is nothing left to tell, 0 while frames
// are waiting.
func (s *Stream) Passed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		return 0
	}
	return s.passed
}

// Close ends the stream.
func (s *Stream) Close() { s.leave() }

// push adds frames in order; a watcher that does not keep up is told to reset.
func (s *Stream) push(deliveries []Delivery, passed int64, reset *Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if len(s.queue)+len(deliveries) > maxQueued {
		s.queue, s.ended = []Delivery{{Frame: reset}}, true
	} else {
		s.queue = append(s.queue, deliveries...)
	}
	s.passed = passed
	if len(deliveries) > 0 {
		s.wakeUp()
	}
}

// end ends the stream with a last frame, or without words.
func (s *Stream) end(last *Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	if last != nil {
		// What waits is of no use any more, and after a loss of rights not his.
		s.queue = []Delivery{{Frame: last}}
	}
	s.wakeUp()
}

func (s *Stream) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

func (s *Stream) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
