package channeltest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"switchboard"
	"switchboard/channel"
)

// Arrival is one message that reached a client.
type Arrival struct {
	Channel    switchboard.ChannelID
	Address    string
	ProviderID string
	// Message is what was sent, without its Open.
	Message channel.Outbound
	// Files are the bytes of the attachments in their order.
	Files [][]byte
	At    time.Time
}

// maxFileBytes bounds what the ledger keeps of one attachment.
const maxFileBytes = 64 << 20

func (f *Fake) arrive(ctx context.Context, ch switchboard.ChannelID, m channel.Outbound) (string, error) {
	files, err := readFiles(ctx, m)
	if err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.nextID()
	m.Open = nil
	f.ledger = append(f.ledger, Arrival{
		Channel: ch, Address: m.Address, ProviderID: id, Message: m, Files: files, At: f.now(),
	})
	f.signal()
	return id, nil
}

func readFiles(ctx context.Context, m channel.Outbound) ([][]byte, error) {
	var files [][]byte
	for _, a := range m.Content.Media {
		if m.Open == nil {
			return nil, fmt.Errorf("open media %s: no opener", a.ID)
		}
		r, err := m.Open(ctx, a.ID)
		if err != nil {
			return nil, fmt.Errorf("open media %s: %w", a.ID, err)
		}
		data, err := io.ReadAll(io.LimitReader(r, maxFileBytes))
		if closeErr := r.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return nil, fmt.Errorf("read media %s: %w", a.ID, err)
		}
		files = append(files, data)
	}
	return files, nil
}

// Ledger gives everything that reached clients, in order of arrival.
func (f *Fake) Ledger() []Arrival {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ledger)
}

// Texts gives the texts that reached one address, in order of arrival.
func (f *Fake) Texts(ch switchboard.ChannelID, address string) []string {
	var texts []string
	for _, a := range f.Ledger() {
		if a.Channel == ch && a.Address == address {
			texts = append(texts, a.Message.Text)
		}
	}
	return texts
}

// Duplicates lists the messages (chat/id) that reached a client more than once: P5
// wants none but after a person pressed Retry.
func (f *Fake) Duplicates() []string {
	seen := map[string]int{}
	var twice []string
	for _, a := range f.Ledger() {
		key := string(a.Message.Chat) + "/" + string(a.Message.ID)
		if seen[key]++; seen[key] == 2 {
			twice = append(twice, key)
		}
	}
	return twice
}

// WaitSent waits until at least n messages reached clients.
func (f *Fake) WaitSent(ctx context.Context, n int) error {
	return f.wait(ctx, fmt.Sprintf("%d sent messages", n), func() bool { return len(f.ledger) >= n })
}

// WaitCalls waits until at least n sends were tried.
func (f *Fake) WaitCalls(ctx context.Context, n int) error {
	return f.wait(ctx, fmt.Sprintf("%d calls", n), func() bool { return f.calls >= n })
}

// WaitConfirmed waits until every event queued for the channel was committed.
func (f *Fake) WaitConfirmed(ctx context.Context, ch switchboard.ChannelID) error {
	return f.wait(ctx, "confirmed events", func() bool { return len(f.queues[ch]) == 0 })
}

func (f *Fake) wait(ctx context.Context, what string, done func() bool) error {
	for {
		f.mu.Lock()
		ok, changed := done(), f.changed
		f.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}

// signal wakes every waiter; the lock is held.
func (f *Fake) signal() {
	close(f.changed)
	f.changed = make(chan struct{})
}
