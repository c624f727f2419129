package work

import (
	"context"
	"strconv"
	"sync"

	"github.com/riverqueue/river/riverdriver"
)

// topicInsert is what River calls the news that a queue has jobs.
const topicInsert = "river_insert"

// listener gives River the news of this process: which queues have new jobs.
type listener struct {
	mu      sync.Mutex
	waiting map[string]struct{} // queues, each once
	some    chan struct{}       // holds one token while something waits
}

var _ riverdriver.Listener = (*listener)(nil)

func newListener() *listener {
	return &listener{waiting: make(map[string]struct{}), some: make(chan struct{}, 1)}
}

func (l *listener) announce(queue string) {
	l.mu.Lock()
	l.waiting[queue] = struct{}{}
	l.mu.Unlock()
	l.signal()
}

func (l *listener) signal() {
	select {
	case l.some <- struct{}{}:
	default:
	}
}

// WaitForNotification gives the next queue that has news.
func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	for {
		if queue, found := l.take(); found {
			return &riverdriver.Notification{Topic: topicInsert, Payload: `{"queue":` + strconv.Quote(queue) + `}`}, nil
		}
		select {
		case <-l.some:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *listener) take() (queue string, found bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for queue := range l.waiting {
		delete(l.waiting, queue)
		return queue, true
	}
	return "", false
}

// The rest of River's interface has nothing to do without a connection.

// Close does nothing.
func (l *listener) Close(context.Context) error { return nil }

// Connect does nothing.
func (l *listener) Connect(context.Context) error { return nil }

// Listen does nothing: River drops the topics it does not want.
func (l *listener) Listen(context.Context, string) error { return nil }

// Ping does nothing.
func (l *listener) Ping(context.Context) error { return nil }

// Schema is River's default one.
func (l *listener) Schema() string { return "" }

// SetAfterConnectExec does nothing.
func (l *listener) SetAfterConnectExec(string) {}

// Unlisten does nothing.
func (l *listener) Unlisten(context.Context, string) error { return nil }
