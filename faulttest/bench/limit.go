package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The limit: the least an honest server does with a client's message. It is a server
// of its own, run as `bench limit ADDRESS` in a process of its own; see doc.go.

// hook is what it reads of a WhatsApp-like webhook of one text message.
type hook struct {
	Entry []struct {
		Changes []struct {
			Value struct {
				Metadata struct {
					Phone string `json:"phone_number_id"`
				} `json:"metadata"`
				Contacts []struct {
					Profile struct {
						Name string `json:"name"`
					} `json:"profile"`
				} `json:"contacts"`
				Messages []struct {
					From      string `json:"from"`
					ID        string `json:"id"`
					Timestamp string `json:"timestamp"`
					Type      string `json:"type"`
					Text      struct {
						Body string `json:"body"`
					} `json:"text"`
				} `json:"messages"`
			} `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

// hookBytes is the size of a webhook's body.
const hookBytes = 600

// hookBody makes a webhook's body of hookBytes.
func hookBody(address int, id string) []byte {
	head := fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"15550783881","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Sheena Nelson"},"wa_id":"1650555%05d"}],`+
		`"messages":[{"from":"1650555%05d","id":"%s","timestamp":"1749416383","type":"text","text":{"body":"`, address, address, id)
	const tail = `"}}]},"field":"messages"}]}]}`
	return []byte(head + strings.Repeat("x", max(hookBytes-len(head)-len(tail), 0)) + tail)
}

// limitMessage is one message on its way.
type limitMessage struct {
	channel, address, id, text string
	at                         int64
	raw                        []byte
	seq                        int64
	done                       chan error
}

func readHook(body []byte) (*limitMessage, error) {
	var h hook
	if err := json.Unmarshal(body, &h); err != nil {
		return nil, fmt.Errorf("read webhook: %w", err)
	}
	if len(h.Entry) != 1 || len(h.Entry[0].Changes) != 1 || len(h.Entry[0].Changes[0].Value.Messages) != 1 {
		return nil, errors.New("not one message")
	}
	v := &h.Entry[0].Changes[0].Value
	seconds, err := strconv.ParseInt(v.Messages[0].Timestamp, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read time: %w", err)
	}
	return &limitMessage{channel: v.Metadata.Phone, address: v.Messages[0].From, id: v.Messages[0].ID,
		text: v.Messages[0].Text.Body, at: seconds * 1000, raw: body}, nil
}

// limitStore commits messages; a message seen before keeps its seq 0.
type limitStore interface {
	// one commits a message by itself.
	one(ctx context.Context, m *limitMessage) error
	// many commits messages together.
	many(ctx context.Context, all []*limitMessage) error
	close()
}

// limitServer answers POST /plain and POST /batch, and pushes to GET /live.
type limitServer struct {
	store limitStore
	lane  chan *limitMessage

	mu   sync.Mutex
	live map[chan []byte]bool
}

// limitBatch bounds the messages of one commit.
const limitBatch = 256

// serveLimit runs the limit until its standard input ends, which it does with the
// process that started it.
func serveLimit(ctx context.Context, address string) error {
	store, err := openLimitStore(ctx, address)
	if err != nil {
		return err
	}
	defer store.close()
	s := &limitServer{store: store, lane: make(chan *limitMessage, 4096), live: map[chan []byte]bool{}}
	go s.batches(ctx)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /plain", s.plain)
	mux.HandleFunc("POST /batch", s.batch)
	mux.HandleFunc("GET /live", s.stream)
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func openLimitStore(ctx context.Context, address string) (limitStore, error) {
	if path, found := strings.CutPrefix(address, "sqlite:"); found {
		return openLimitSQLite(ctx, path)
	}
	return openLimitPostgres(ctx, address)
}

func (s *limitServer) plain(w http.ResponseWriter, r *http.Request) {
	m := s.read(w, r)
	if m == nil {
		return
	}
	s.answer(w, m, s.store.one(r.Context(), m))
}

func (s *limitServer) batch(w http.ResponseWriter, r *http.Request) {
	m := s.read(w, r)
	if m == nil {
		return
	}
	m.done = make(chan error, 1)
	s.lane <- m
	s.answer(w, m, <-m.done)
}

func (s *limitServer) read(w http.ResponseWriter, r *http.Request) *limitMessage {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err == nil {
		var m *limitMessage
		if m, err = readHook(body); err == nil {
			return m
		}
	}
	http.Error(w, err.Error(), http.StatusBadRequest)
	return nil
}

func (s *limitServer) answer(w http.ResponseWriter, m *limitMessage, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	if m.seq > 0 {
		s.push(m)
	}
	w.WriteHeader(http.StatusOK)
}

// batches commits what queued during the previous commit, without a timer; one alone
// goes the plain way.
func (s *limitServer) batches(ctx context.Context) {
	group := make([]*limitMessage, 0, limitBatch)
	for m := range s.lane {
		group = append(group[:0], m)
		for more := true; more && len(group) < limitBatch; {
			select {
			case m := <-s.lane:
				group = append(group, m)
			default:
				more = false
			}
		}
		err := s.commit(ctx, group)
		for _, m := range group {
			m.done <- err
		}
	}
}

func (s *limitServer) commit(ctx context.Context, group []*limitMessage) error {
	if len(group) == 1 {
		return s.store.one(ctx, group[0])
	}
	return s.store.many(ctx, group)
}

// liveFrame is what the live connection gets of a message.
type liveFrame struct {
	Chat string `json:"chat"`
	ID   string `json:"id"`
	Seq  int64  `json:"seq"`
	At   int64  `json:"at"`
	Text string `json:"text"`
}

func (s *limitServer) push(m *limitMessage) {
	text, err := json.Marshal(liveFrame{Chat: m.address, ID: m.id, Seq: m.seq, At: m.at, Text: m.text})
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.live {
		select {
		case c <- text:
		default: // too slow a reader; the driver counts what it misses
		}
	}
}

func (s *limitServer) stream(w http.ResponseWriter, r *http.Request) {
	frames := make(chan []byte, 1<<16)
	s.mu.Lock()
	s.live[frames] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.live, frames)
		s.mu.Unlock()
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	_ = control.Flush()
	for {
		select {
		case frame := <-frames:
			_, _ = fmt.Fprintf(w, "data: %s\n\n", frame)
			for range len(frames) {
				_, _ = fmt.Fprintf(w, "data: %s\n\n", <-frames)
			}
			if control.Flush() != nil {
				return
			}
		case <-r.Context().Done():
			return
		}
	}
}
