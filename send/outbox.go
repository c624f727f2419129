package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"switchboard"
	"switchboard/channel"
)

// OutboxStore is what queueing needs of the database.
type OutboxStore interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	LockChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChatID) (switchboard.Chat, error)
	FindMessage(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, id switchboard.MessageID) (switchboard.Message, error)
	AddOutgoing(ctx context.Context, tx switchboard.Tx, m switchboard.Message, client switchboard.ClientID) (int64, error)
	AddAttempt(ctx context.Context, tx switchboard.Tx, m switchboard.Message, client switchboard.ClientID) error
	UseMedia(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, id switchboard.MediaID) (bool, error)
	Media(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.MediaID) (switchboard.Media, error)
	Channel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error)
	FindChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID, address string) (switchboard.FoundChat, error)
	ResolveClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, newID switchboard.ClientID, name string, state switchboard.ClientState, ids []switchboard.Identity) (switchboard.ClientID, error)
	AddChat(ctx context.Context, tx switchboard.Tx, c switchboard.Chat) error
	AskClientWork(ctx context.Context, tx switchboard.Tx, w switchboard.ClientWork) error
	HoldForEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID, employee switchboard.EmployeeID) error
}

// Jobs is what queueing needs of package work.
type Jobs interface {
	Insert(ctx context.Context, tx switchboard.Tx, keys ...switchboard.Key) error
	Wake(ctx context.Context, tx switchboard.Tx, key switchboard.Key) error
}

// Outbox queues messages. It is safe for concurrent use.
type Outbox struct {
	Store        OutboxStore
	Jobs         Jobs
	Capabilities func(switchboard.Transport) channel.Capabilities
	Clock        func() time.Time
	Random       io.Reader
}

// Draft is a message to queue.
type Draft struct {
	Account switchboard.AccountID
	Chat    switchboard.ChatID
	ID      switchboard.MessageID // made by the client; the same one again queues nothing
	Author  switchboard.EmployeeID
	Text    string
	Media   switchboard.MediaID   // an upload of this chat, or ""
	ReplyTo switchboard.MessageID // a message of this chat, or ""
	// Allowed is asked inside the transaction, with the chat locked, whether the
	// author may write there (ROLE-4).
	Allowed func(ctx context.Context, tx switchboard.Tx) error
}

// Queue stores a message as queued together with its job and answers its number.
func (o *Outbox) Queue(ctx context.Context, d Draft) (seq int64, err error) {
	err = o.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := o.Jobs.Insert(ctx, tx, sendKey(d.Account, d.Chat)); err != nil {
			return fmt.Errorf("insert job: %w", err)
		}
		seq, err = o.queue(ctx, tx, d)
		return err
	})
	return seq, err
}

func sendKey(account switchboard.AccountID, chat switchboard.ChatID) switchboard.Key {
	return switchboard.Key{Account: account, Queue: "send", Key: string(chat)}
}

func (o *Outbox) queue(ctx context.Context, tx switchboard.Tx, d Draft) (int64, error) {
	chat, err := o.Store.LockChat(ctx, tx, d.Account, d.Chat)
	if err != nil {
		return 0, fmt.Errorf("lock chat: %w", err)
	}
	if err := d.Allowed(ctx, tx); err != nil {
		return 0, err
	}
	m := switchboard.Message{Account: d.Account, Chat: d.Chat, ID: d.ID, Author: d.Author, ReplyTo: d.ReplyTo, Kind: switchboard.KindText}
	ch, err := o.Store.Channel(ctx, tx, d.Account, chat.Channel)
	if err != nil {
		return 0, fmt.Errorf("read channel: %w", err)
	}
	if m.Text, err = text(d.Text); err != nil {
		return 0, err
	}
	if seq, found, err := o.already(ctx, tx, m); found || err != nil {
		return seq, err
	}
	if ch.State != switchboard.ChannelActive { // CHAT-4
		return 0, &switchboard.Error{Code: switchboard.CodeConflict, Message: "channel_not_active", Params: map[string]string{"channel": ch.Name}}
	}
	if err := o.content(ctx, tx, d, &m, o.Capabilities(ch.Transport)); err != nil {
		return 0, err
	}
	return o.Store.AddOutgoing(ctx, tx, m, chat.Client)
}

// already answers a repeated id with the message it stands for.
func (o *Outbox) already(ctx context.Context, tx switchboard.Tx, m switchboard.Message) (seq int64, found bool, err error) {
	had, err := o.Store.FindMessage(ctx, tx, m.Account, m.Chat, m.ID)
	if errors.Is(err, switchboard.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look for the message: %w", err)
	}
	if had.Direction != switchboard.Out || had.Text != m.Text {
		return 0, true, switchboard.Errorf(switchboard.CodeConflict, "message_id_taken", "message %s", m.ID)
	}
	return had.Seq, true, nil
}

// content fills in text and file, within the transport's limits (CHAT-6).
func (o *Outbox) content(ctx context.Context, tx switchboard.Tx, d Draft, m *switchboard.Message, caps channel.Capabilities) error {
	limit := caps.TextMax
	if d.Media != "" {
		limit = caps.CaptionMax
		if err := o.attach(ctx, tx, d, m, caps); err != nil {
			return err
		}
	} else if strings.TrimSpace(m.Text) == "" {
		return switchboard.Invalid("text", "text_empty")
	}
	if n := caps.TextLength(m.Text); n > limit {
		return &switchboard.Error{Code: switchboard.CodeInvalid, Message: "text_too_long", Field: "text",
			Params: map[string]string{"limit": strconv.Itoa(limit), "length": strconv.Itoa(n)}}
	}
	if d.ReplyTo == "" {
		return nil
	}
	if _, err := o.Store.FindMessage(ctx, tx, d.Account, d.Chat, d.ReplyTo); errors.Is(err, switchboard.ErrNotFound) {
		return switchboard.Invalid("replyTo", "quoted_unknown")
	} else if err != nil {
		return fmt.Errorf("look for the quoted message: %w", err)
	}
	return nil
}

func (o *Outbox) attach(ctx context.Context, tx switchboard.Tx, d Draft, m *switchboard.Message, caps channel.Capabilities) error {
	file, err := o.Store.Media(ctx, tx, d.Account, d.Media)
	if err != nil && !errors.Is(err, switchboard.ErrNotFound) {
		return fmt.Errorf("read file: %w", err)
	}
	if err != nil || file.Chat != d.Chat || file.Source != "" {
		return switchboard.Invalid("media", "file_unknown")
	}
	if most, can := caps.Media[file.Kind]; !can || file.Size > most {
		return switchboard.Invalid("media", "file_not_for_channel")
	}
	used, err := o.Store.UseMedia(ctx, tx, d.Account, d.Chat, d.Media)
	if err != nil {
		return fmt.Errorf("use file: %w", err)
	}
	if !used {
		return switchboard.Invalid("media", "file_unknown")
	}
	m.Kind = file.Kind
	m.Content.Media = []switchboard.Attachment{{ID: file.ID, Name: file.Name, MIME: file.MIME, Size: file.Size}}
	return nil
}

// text checks what an employee wrote: valid UTF-8 without NUL, in NFC.
func text(s string) (string, error) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		return "", switchboard.Invalid("text", "text_not_utf8")
	}
	return norm.NFC.String(s), nil
}

// Retry queues a new attempt of a failed or maybe sent message (CHAT-5).
func (o *Outbox) Retry(ctx context.Context, account switchboard.AccountID, chat switchboard.ChatID, id switchboard.MessageID, allowed func(ctx context.Context, tx switchboard.Tx) error) error {
	return o.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := o.Jobs.Insert(ctx, tx, sendKey(account, chat)); err != nil {
			return fmt.Errorf("insert job: %w", err)
		}
		locked, err := o.Store.LockChat(ctx, tx, account, chat)
		if err != nil {
			return fmt.Errorf("lock chat: %w", err)
		}
		if err := allowed(ctx, tx); err != nil {
			return err
		}
		m, err := o.Store.FindMessage(ctx, tx, account, chat, id)
		if err != nil {
			return fmt.Errorf("find message: %w", err)
		}
		if m.Direction != switchboard.Out || m.Status != switchboard.StatusFailed && m.Status != switchboard.StatusMaybeSent {
			return &switchboard.Error{Code: switchboard.CodeConflict, Message: "nothing_to_retry"}
		}
		if err := o.Store.AddAttempt(ctx, tx, m, locked.Client); err != nil {
			return fmt.Errorf("add attempt: %w", err)
		}
		return o.Jobs.Wake(ctx, tx, sendKey(account, chat))
	})
}
