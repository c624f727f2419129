package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"strings"
	"sync"
)

// wire is a proxy before PostgreSQL that counts round trips: messages of the client
// that ask for an answer (Sync, or a simple query).
type wire struct {
	listener net.Listener
	server   string
	mu       sync.Mutex
	all      int
	inbound  int // of statements that a visitor's message needs before its answer
}

// inboundMarks name those statements.
var inboundMarks = []string{"FROM channel WHERE key", "FROM webchat_session", "INSERT INTO dedupe"}

func startWire(ctx context.Context, database string) (w *wire, proxied string, err error) {
	u, err := url.Parse(database)
	if err != nil {
		return nil, "", fmt.Errorf("read the database's address: %w", err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("listen: %w", err)
	}
	w = &wire{listener: listener, server: u.Host}
	u.Host = listener.Addr().String()
	go w.accept(ctx)
	return w, u.String(), nil
}

func (w *wire) accept(ctx context.Context) {
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		var d net.Dialer
		server, err := d.DialContext(ctx, "tcp", w.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		go func() { w.forward(client, server); _ = server.Close() }()
	}
}

// forward passes the client's messages on, reading their kind.
func (w *wire) forward(client io.Reader, server io.Writer) {
	in := bufio.NewReaderSize(client, 64<<10)
	texts := map[string]string{} // prepared statements by name
	marked := false
	for first := true; ; first = false {
		kind := byte(0)
		if !first { // the first message has no kind
			var err error
			if kind, err = in.ReadByte(); err != nil {
				return
			}
		}
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return
		}
		body := make([]byte, max(int(binary.BigEndian.Uint32(size[:]))-4, 0))
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		out := append(size[:], body...)
		if !first {
			out = append([]byte{kind}, out...)
		}
		marked = w.note(kind, body, texts, marked)
		if _, err := server.Write(out); err != nil {
			return
		}
	}
}

// note counts a message; marked says that a statement of the inbound way is among
// those not yet asked for.
func (w *wire) note(kind byte, body []byte, texts map[string]string, marked bool) bool {
	parts := bytes.SplitN(body, []byte{0}, 3)
	switch kind {
	case 'P':
		texts[string(parts[0])] = string(parts[1])
	case 'B':
		text := texts[string(parts[1])]
		for _, mark := range inboundMarks {
			marked = marked || strings.Contains(text, mark)
		}
	case 'S', 'Q':
		w.mu.Lock()
		w.all++
		if marked {
			w.inbound++
		}
		w.mu.Unlock()
		return false
	}
	return marked
}

func (w *wire) counts() (all, inbound int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all, w.inbound
}

// roundTrips measures the product behind the proxy, one sender after another.
func (r *rig) roundTrips(ctx context.Context, rep *report) error {
	r.product.server.stop()
	w, proxied, err := startWire(ctx, r.product.database)
	if err != nil {
		return err
	}
	defer w.listener.Close()
	direct := r.product.database
	r.product.database = proxied
	defer func() { r.product.database = direct }()
	if _, err := r.product.start(ctx); err != nil {
		return err
	}
	freeze(r.limit.pid())
	defer thaw(r.limit.pid())
	for _, senders := range []int{1, 8} {
		if _, err := send(ctx, r.product.target(nil), senders, warmUp, 77); err != nil {
			return err
		}
		all, inbound := w.counts()
		l, err := send(ctx, r.product.target(nil), senders, warmUp*3, 78)
		if err != nil || l.Sent == 0 {
			return fmt.Errorf("count round trips: %w", cmpErr(err, l.FirstErr))
		}
		allNow, inboundNow := w.counts()
		rep.add(fmt.Sprintf("postgres: round trips per message before its answer, %d senders", senders), true, 2,
			math.Round(10*float64(inboundNow-inbound)/float64(l.Sent))/10) // the channel is looked up a few times a second
		rep.figure("postgres\tround trips per message with everything behind it\t%d\t%.2f", senders, float64(allNow-all)/float64(l.Sent))
	}
	return nil
}
