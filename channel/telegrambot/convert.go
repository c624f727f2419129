package telegrambot

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel"
)

// update is an Update with its content left raw.
type update struct {
	ID            int64           `json:"update_id"`
	Message       json.RawMessage `json:"message"`
	EditedMessage json.RawMessage `json:"edited_message"`
	MyChatMember  json.RawMessage `json:"my_chat_member"`
}

type chat struct {
	ID        int64  `json:"id"`
	Type      string `json:"type"`
	Title     string `json:"title"`
	Username  string `json:"username"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
}

// envelope is what every Message has, whatever it carries.
type envelope struct {
	ID       int64  `json:"message_id"`
	From     *user  `json:"from"`
	Date     int64  `json:"date"`
	EditDate int64  `json:"edit_date"`
	Chat     chat   `json:"chat"`
	Caption  string `json:"caption"`
	ReplyTo  *struct {
		ID   int64 `json:"message_id"`
		Chat struct {
			ID int64 `json:"id"`
		} `json:"chat"`
	} `json:"reply_to_message"`
}

type memberChange struct {
	Chat chat  `json:"chat"`
	Date int64 `json:"date"`
	New  struct {
		Status string `json:"status"`
	} `json:"new_chat_member"`
}

// decodeUpdate adds an update to the batch. An error means that not even its frame
// (chat, sender, ids) can be read.
func decodeUpdate(raw []byte, now time.Time, b *channel.Batch) error {
	var u update
	if err := json.Unmarshal(raw, &u); err != nil {
		return fmt.Errorf("decode update: %w", unquoted(err))
	}
	switch {
	case u.Message != nil:
		return decodeMessage(u.Message, now, b)
	case u.EditedMessage != nil:
		return decodeEdit(u.EditedMessage, now, b)
	case u.MyChatMember != nil:
		return decodeMember(u.MyChatMember, now, b)
	case u.ID == 0:
		return errors.New("decode update: no update")
	}
	b.Ignored = append(b.Ignored, channel.Ignored{Source: "update", Reason: "telegram_update_ignored"})
	return nil
}

// unquoted drops from a JSON error the value it quotes: it may be message text.
func unquoted(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("field %s has the wrong type", kind.Field)
	}
	return errors.New("no readable JSON")
}

func decodeMessage(raw json.RawMessage, now time.Time, b *channel.Batch) error {
	e, c, err := decodeFrame(raw)
	if err != nil {
		return err
	}
	if ignored(e.Chat, b) {
		return nil
	}
	m := channel.Message{
		Peer: e.peer(c), Key: fmt.Sprintf("m:%d:%d", e.Chat.ID, e.ID), ProviderID: strconv.FormatInt(e.ID, 10),
		At: at(e.Date, now), Kind: c.kind, Text: c.text, Content: c.content, Opens: c.kind == switchboard.KindService,
	}
	if e.ReplyTo != nil && e.ReplyTo.ID != 0 && e.ReplyTo.Chat.ID == e.Chat.ID {
		m.ReplyTo = strconv.FormatInt(e.ReplyTo.ID, 10)
	}
	b.Messages = append(b.Messages, m)
	return nil
}

func decodeEdit(raw json.RawMessage, now time.Time, b *channel.Batch) error {
	e, c, err := decodeFrame(raw)
	if err != nil {
		return err
	}
	if ignored(e.Chat, b) {
		return nil
	}
	b.Edits = append(b.Edits, channel.Edit{
		Peer: e.peer(c), Key: fmt.Sprintf("e:%d:%d:%d:%s", e.Chat.ID, e.ID, e.EditDate, c.digest()),
		ProviderID: strconv.FormatInt(e.ID, 10), At: at(max(e.EditDate, e.Date), now),
		Kind: c.kind, Text: c.text, Content: c.content,
	})
	return nil
}

// digest tells two edits of one second apart; a repeated delivery has the same.
func (c carried) digest() string {
	raw, err := json.Marshal(c.content)
	if err != nil {
		raw = nil // text and kind still count
	}
	sum := sha256.Sum256([]byte(string(c.kind) + "\x00" + c.text + "\x00" + string(raw)))
	return hex.EncodeToString(sum[:4])
}

func decodeFrame(raw json.RawMessage) (envelope, carried, error) {
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, carried{}, fmt.Errorf("decode message: %w", unquoted(err))
	}
	if e.Chat.ID == 0 || e.ID == 0 {
		return e, carried{}, errors.New("decode message: no chat or message id")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return e, carried{}, fmt.Errorf("decode message: %w", unquoted(err))
	}
	return e, carry(fields, e.From, clean(e.Caption)), nil
}

func decodeMember(raw json.RawMessage, now time.Time, b *channel.Batch) error {
	var change memberChange
	if err := json.Unmarshal(raw, &change); err != nil {
		return fmt.Errorf("decode my_chat_member: %w", unquoted(err))
	}
	if change.Chat.ID == 0 {
		return errors.New("decode my_chat_member: no chat id")
	}
	if ignored(change.Chat, b) {
		return nil
	}
	gone := change.New.Status == "kicked" || change.New.Status == "left"
	b.Peers = append(b.Peers, channel.PeerChange{
		Address: strconv.FormatInt(change.Chat.ID, 10), Unreachable: gone, At: at(change.Date, now),
	})
	return nil
}

// ignored lists a chat that is not private (CHAT-8).
func ignored(c chat, b *channel.Batch) bool {
	if c.Type == "private" {
		return false
	}
	i := channel.Ignored{Source: strconv.FormatInt(c.ID, 10), Name: cleanLine(c.Title), Reason: "telegram_group_ignored"}
	if !slices.Contains(b.Ignored, i) {
		b.Ignored = append(b.Ignored, i)
	}
	return true
}

func (e envelope) peer(c carried) channel.Peer {
	address := strconv.FormatInt(e.Chat.ID, 10)
	p := channel.Peer{Address: address, Username: cleanLine(e.Chat.Username)}
	first, last, id := e.Chat.FirstName, e.Chat.LastName, e.Chat.ID
	if e.From != nil {
		first, last, id = e.From.FirstName, e.From.LastName, e.From.ID
		if p.Username == "" {
			p.Username = cleanLine(e.From.Username)
		}
	}
	p.Name = cleanLine(first + " " + last)
	p.Identities = append(p.Identities, switchboard.Identity{
		Kind: switchboard.IdentityTelegram, Value: strconv.FormatInt(id, 10), Verified: true,
	})
	if c.ownPhone != "" {
		p.Identities = append(p.Identities, switchboard.Identity{
			Kind: switchboard.IdentityPhone, Value: c.ownPhone, Verified: true,
		})
	}
	return p
}

// at reads Unix seconds; a time that cannot be right becomes ours.
func at(seconds int64, now time.Time) time.Time {
	t := time.Unix(seconds, 0).UTC()
	if seconds <= 0 || t.After(now.Add(24*time.Hour)) {
		return now.UTC()
	}
	return t
}

// clean drops what PostgreSQL and screens cannot hold.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// cleanLine makes one line of a name.
func cleanLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }
