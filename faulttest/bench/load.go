package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// request makes the bytes of one HTTP request that posts a message of a chat; the
// message's id is idOf(number).
type request func(buf []byte, chat int, number int64) []byte

// target is a server that takes messages.
type target struct {
	name   string
	addr   string // host:port
	post   request
	chats  int
	stream *stream // live connection, or nil
}

// idPrefix begins every message id, so that the live reader finds ids in any frame.
const idPrefix = "5eed0000-0000-7000-8000-"

// Numbers are scattered over ids as a messenger's own are: idSpread is odd, so
// multiplying by it modulo 2^48 can be undone by idGather.
const (
	idMask   = 1<<48 - 1
	idSpread = 0x5851f42d4c95
)

var idGather = inverse(idSpread)

// inverse gives x with x*odd = 1 modulo 2^48 (Newton's steps double the right bits).
func inverse(odd uint64) uint64 {
	x := odd
	for range 6 {
		x *= 2 - odd*x
	}
	return x & idMask
}

func idOf(number int64) string {
	return fmt.Sprintf("%s%012x", idPrefix, uint64(number)*idSpread&idMask)
}

// numberOf undoes idOf for the last six bytes of an id.
func numberOf(raw [6]byte) int64 {
	var n uint64
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	return int64(n * idGather & idMask)
}

// load is the outcome of one stretch of sending.
type load struct {
	Sent     int
	Failed   int
	Seconds  float64
	Answer   spread // seconds
	Live     spread // seconds, from the first byte sent to the frame read
	Unseen   int    // messages that no frame brought
	FirstErr error
}

func (l load) rate() float64 { return float64(l.Sent) / l.Seconds }

// spread are percentiles, in seconds.
type spread struct{ P50, P99 float64 }

func spreadOf(all []float64) spread {
	if len(all) == 0 {
		return spread{}
	}
	slices.Sort(all)
	return spread{P50: all[len(all)/2], P99: all[len(all)*99/100]}
}

// sender is one closed loop over one connection.
type sender struct {
	to     *target
	random *rand.Rand
	conn   net.Conn
	in     *bufio.Reader
	buf    []byte
	took   []float64
	failed int
	err    error
}

// numbers gives message numbers, never twice in a run.
type numbers struct {
	mu   sync.Mutex
	next int64
}

// block reserves n numbers and gives the first.
func (n *numbers) block(count int64) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next += count
	return n.next - count
}

var taken = numbers{next: 1}

// perSender bounds the messages of one sender in one stretch.
const perSender = 60_000

// send loads a target with senders for a while and waits for the live connection to
// catch up.
func send(ctx context.Context, to *target, senders int, long time.Duration, seed uint64) (load, error) {
	first := taken.block(int64(senders) * perSender)
	if to.stream != nil {
		to.stream.expect(first, senders*perSender)
	}
	all := make([]*sender, senders)
	for i := range all {
		all[i] = &sender{to: to, random: rand.New(rand.NewPCG(seed, uint64(i)))}
		if err := all[i].dial(ctx); err != nil {
			return load{}, err
		}
		defer all[i].conn.Close() //nolint:revive // closed when all are done
	}
	began := time.Now()
	until := began.Add(long)
	var wait sync.WaitGroup
	for i, s := range all {
		wait.Go(func() { s.run(ctx, first+int64(i)*perSender, until) })
	}
	wait.Wait()
	return gather(all, time.Since(began).Seconds(), to.stream, senders), nil
}

func gather(all []*sender, seconds float64, live *stream, senders int) load {
	out := load{Seconds: seconds}
	var took []float64
	for _, s := range all {
		took = append(took, s.took...)
		out.Failed += s.failed
		if out.FirstErr == nil {
			out.FirstErr = s.err
		}
	}
	out.Sent = len(took)
	out.Answer = spreadOf(took)
	if live != nil {
		out.Live, out.Unseen = live.result(len(took), 5*time.Second)
	}
	_ = senders
	return out
}

func (s *sender) dial(ctx context.Context) (err error) {
	var d net.Dialer
	if s.conn, err = d.DialContext(ctx, "tcp", s.to.addr); err != nil {
		return fmt.Errorf("dial %s: %w", s.to.name, err)
	}
	s.in = bufio.NewReaderSize(s.conn, 8<<10)
	return nil
}

func (s *sender) run(ctx context.Context, first int64, until time.Time) {
	for n := first; n < first+perSender && ctx.Err() == nil; n++ {
		began := time.Now()
		if began.After(until) {
			return
		}
		s.buf = s.to.post(s.buf[:0], s.random.IntN(s.to.chats), n)
		if s.to.stream != nil {
			s.to.stream.sent(n, began)
		}
		_ = s.conn.SetDeadline(began.Add(20 * time.Second))
		if _, err := s.conn.Write(s.buf); err != nil {
			s.fail(err)
			return
		}
		status, err := readAnswer(s.in)
		if err != nil {
			s.fail(err)
			return
		}
		if status/100 != 2 {
			s.fail(fmt.Errorf("%s answered %d", s.to.name, status))
			continue
		}
		s.took = append(s.took, time.Since(began).Seconds())
	}
}

func (s *sender) fail(err error) {
	s.failed++
	if s.err == nil {
		s.err = err
	}
}

var errAnswer = errors.New("unreadable HTTP answer")

// readAnswer reads one HTTP/1.1 answer with a Content-Length and drops its body: the
// driver shares the machine with what it measures, so it does as little as it can.
func readAnswer(in *bufio.Reader) (status int, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	if len(line) < 12 {
		return 0, errAnswer
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, errAnswer
	}
	length := 0
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return 0, fmt.Errorf("read answer: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if name, value, found := bytes.Cut(line, []byte(": ")); found && bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, errAnswer
			}
		}
	}
	_, err = in.Discard(length)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return status, err
}
