package reliability

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// relay is the network between Telegram and the product's webhook: it takes every
// delivery and passes it on late, mixed with others, 1 to 20 times at once.
type relay struct {
	address string
	target  func() string // base URL of the node
	below   func(n int) int
	copies  atomic.Int64
	late    atomic.Int64 // deliveries that were overtaken by a later one

	mu     sync.Mutex
	queued []delivery
	all    []delivery
	ending chan struct{}
	done   sync.WaitGroup
}

type delivery struct {
	order  int
	path   string
	header http.Header
	body   []byte
}

func newRelay(t *testing.T) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: "http://" + listener.Addr().String(), ending: make(chan struct{})}
	server := &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return r
}

// ServeHTTP takes a delivery: from here on the relay never loses it.
func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil || !strings.HasPrefix(req.URL.Path, "/hooks/") {
		http.Error(w, "not for us", http.StatusNotFound)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	d := delivery{len(r.all), req.URL.Path, req.Header.Clone(), body}
	r.queued, r.all = append(r.queued, d), append(r.all, d)
}

// begin passes on what has gathered, again and again, until end.
func (r *relay) begin(c *company) {
	r.target, r.below = c.nodes[0].url, c.book.below
	r.done.Go(func() {
		for {
			select {
			case <-time.After(150 * time.Millisecond):
				r.pass(r.take(), 20)
			case <-r.ending:
				r.pass(r.take(), 20)
				return
			}
		}
	})
}

func (r *relay) take() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.queued
	r.queued = nil
	return taken
}

// end passes on the rest.
func (r *relay) end() {
	close(r.ending)
	r.done.Wait()
}

// again passes on everything ever taken once more.
func (r *relay) again() {
	r.mu.Lock()
	all := append([]delivery{}, r.all...)
	r.mu.Unlock()
	r.pass(all, 1)
}

// pass posts deliveries in another order, each 1 to most times at once, 16 at a time,
// and returns when the product has taken all.
func (r *relay) pass(batch []delivery, most int) {
	for i := len(batch) - 1; i > 0; i-- {
		j := r.below(i + 1)
		batch[i], batch[j] = batch[j], batch[i]
	}
	for i, d := range batch {
		if i > 0 && d.order < batch[i-1].order {
			r.late.Add(1)
		}
	}
	slots := make(chan struct{}, 16)
	var wait sync.WaitGroup
	for _, d := range batch {
		for range 1 + r.below(most) {
			slots <- struct{}{}
			wait.Go(func() {
				r.deliver(d)
				<-slots
			})
		}
	}
	wait.Wait()
}

// deliver posts until the product says that it has it.
func (r *relay) deliver(d delivery) {
	r.copies.Add(1)
	for range 600 {
		req, err := http.NewRequest(http.MethodPost, r.target()+d.path, bytes.NewReader(d.body))
		if err != nil {
			return
		}
		req.Header = d.header.Clone()
		if a := roundTrip(visitorClient, req); a.status == 200 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}
