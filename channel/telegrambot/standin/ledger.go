package standin

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Sent is one message that a bot sent and its user got.
type Sent struct {
	Method    string         `json:"method"`
	Chat      int64          `json:"chat"`
	MessageID int64          `json:"messageId"`
	Text      string         `json:"text,omitempty"` // text or caption
	ReplyTo   int64          `json:"replyTo,omitempty"`
	FileID    string         `json:"fileId,omitempty"`
	FileName  string         `json:"fileName,omitempty"`
	FileMIME  string         `json:"fileMime,omitempty"`
	File      []byte         `json:"-"`
	At        time.Time      `json:"at"`
	Call      map[string]any `json:"-"` // the parameters as they came
}

// arrive puts the message into the ledger and gives it as a Message; the lock is held.
func (b *Bot) arrive(s Sent) map[string]any {
	b.messages[s.Chat]++
	s.MessageID = b.messages[s.Chat]
	b.ledger = append(b.ledger, s)
	b.signal()
	message := map[string]any{
		"message_id": s.MessageID, "from": b.self(), "chat": b.users[s.Chat].chat(), "date": s.At.Unix(),
	}
	if s.Method == "sendMessage" {
		message["text"] = s.Text
	}
	return message
}

// Sent gives the ledger: everything that reached users, in order.
func (b *Bot) Sent() []Sent {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ledger)
}

// Received gives what reached one user.
func (u *User) Received() []Sent {
	return slices.DeleteFunc(u.bot.Sent(), func(s Sent) bool { return s.Chat != u.ID })
}

// WaitSent waits until n messages reached users.
func (b *Bot) WaitSent(ctx context.Context, n int) error {
	return b.wait(ctx, fmt.Sprintf("%d sent messages", n), func() bool { return len(b.ledger) >= n })
}

// WaitCalls waits until a method was called n times.
func (b *Bot) WaitCalls(ctx context.Context, method string, n int) error {
	return b.wait(ctx, fmt.Sprintf("%d calls of %s", n, method), func() bool { return b.calls[method] >= n })
}
