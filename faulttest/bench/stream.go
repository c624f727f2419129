package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// stream is a live connection (server-sent events) that notes when each message came.
type stream struct {
	mu     sync.Mutex
	first  int64
	start  []time.Time
	took   []float64
	seen   []bool
	resets int           // times the server asked to load anew
	more   chan struct{} // holds one token while something came
}

// openStream connects and reads until ctx ends. A server that ends the stream (one
// that asks for a reload does) is connected to anew, and counted.
func openStream(ctx context.Context, ask func(ctx context.Context) (*http.Request, error)) (*stream, error) {
	s := &stream{more: make(chan struct{}, 1)}
	body, err := connect(ctx, ask)
	if err != nil {
		return nil, err
	}
	go func() {
		for ctx.Err() == nil && err == nil {
			s.read(bufio.NewReaderSize(body, 64<<10))
			_ = body.Close()
			s.mu.Lock()
			s.resets++
			s.mu.Unlock()
			body, err = connect(ctx, ask)
		}
	}()
	return s, nil
}

func connect(ctx context.Context, ask func(ctx context.Context) (*http.Request, error)) (io.ReadCloser, error) {
	req, err := ask(ctx)
	if err != nil {
		return nil, fmt.Errorf("make live request: %w", err)
	}
	req.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("open live connection: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, fmt.Errorf("open live connection: %s", res.Status)
	}
	return res.Body, nil
}

func (s *stream) read(in *bufio.Reader) {
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			s.note(line, time.Now())
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// note finds message ids in a line; only the first sight of each counts.
func (s *stream) note(line []byte, now time.Time) {
	for {
		at := bytes.Index(line, []byte(idPrefix))
		if at < 0 || len(line) < at+36 {
			return
		}
		var raw [6]byte
		if _, err := hex.Decode(raw[:], line[at+24:at+36]); err == nil {
			s.saw(numberOf(raw), now)
		}
		line = line[at+36:]
	}
}

func (s *stream) saw(n int64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := n - s.first
	if i < 0 || i >= int64(len(s.seen)) || s.seen[i] || s.start[i].IsZero() {
		return
	}
	s.seen[i] = true
	s.took = append(s.took, now.Sub(s.start[i]).Seconds())
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// expect begins a stretch.
func (s *stream) expect(first int64, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.first, s.start, s.seen, s.took = first, make([]time.Time, count), make([]bool, count), nil
}

func (s *stream) sent(n int64, when time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start[n-s.first] = when
}

// result waits until as many messages as were answered came, at most a while.
func (s *stream) result(want int, atMost time.Duration) (took spread, unseen int) {
	limit := time.After(atMost)
	for {
		s.mu.Lock()
		have := len(s.took)
		s.mu.Unlock()
		if have >= want {
			break
		}
		select {
		case <-s.more:
			continue
		case <-limit:
		}
		break
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return spreadOf(s.took), max(want-len(s.took), 0)
}

// restarts tells how often the server asked to load anew.
func (s *stream) restarts() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resets
}
