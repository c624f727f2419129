package channeltest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel"
)

// EventType says what a Fake's event is.
type EventType string

// The types the Fake's decoder knows; any other becomes KindUnsupported.
const (
	EventMessage   EventType = "message"
	EventStart     EventType = "start" // opens the chat without a client (CHAT-8)
	EventEdit      EventType = "edit"
	EventDelete    EventType = "delete"
	EventStatus    EventType = "status"
	EventBlocked   EventType = "blocked"
	EventUnblocked EventType = "unblocked"
	EventGroup     EventType = "group" // not for us: ignored
)

// Event is one thing that happens at the Fake, as it travels.
type Event struct {
	Type EventType `json:"type"`
	// Peer is the address of the other side; one person may have one on every channel.
	Peer     string `json:"peer"`
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty"`
	Phone    string `json:"phone,omitempty"` // E.164, known to be the peer's own
	Email    string `json:"email,omitempty"`
	// ID is the messenger's id of the message the event is about.
	ID      string                   `json:"id"`
	At      time.Time                `json:"at"`
	Kind    switchboard.Kind         `json:"kind,omitempty"`
	Text    string                   `json:"text,omitempty"`
	Media   []switchboard.Attachment `json:"media,omitempty"`
	ReplyTo string                   `json:"replyTo,omitempty"`
	Status  switchboard.Status       `json:"status,omitempty"`
	Reason  string                   `json:"reason,omitempty"`
	// Revision tells edits of one message apart.
	Revision int `json:"revision,omitempty"`
}

type body struct {
	Events []json.RawMessage `json:"events"`
}

// Body encodes events as the Fake posts them to a webhook.
func Body(events ...Event) []byte {
	var b body
	for _, e := range events {
		raw, err := json.Marshal(e)
		if err != nil {
			panic("encode a fake event: " + err.Error())
		}
		b.Events = append(b.Events, raw)
	}
	raw, err := json.Marshal(b)
	if err != nil {
		panic("encode a fake body: " + err.Error())
	}
	return raw
}

// Decode reads a Fake's body.
func Decode(raw []byte) (channel.Batch, error) {
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		return channel.Batch{}, fmt.Errorf("decode fake body: %w", err)
	}
	if b.Events == nil {
		return channel.Batch{}, errors.New("decode fake body: no events")
	}
	batch := channel.Batch{Raw: raw}
	for _, rawEvent := range b.Events {
		var e Event
		if err := json.Unmarshal(rawEvent, &e); err != nil {
			return channel.Batch{}, fmt.Errorf("decode fake event: %w", err)
		}
		e.addTo(&batch)
	}
	return batch, nil
}

func (e Event) addTo(b *channel.Batch) {
	switch e.Type {
	case EventMessage, EventStart:
		b.Messages = append(b.Messages, e.message())
	case EventEdit:
		b.Edits = append(b.Edits, channel.Edit{
			Peer: e.peer(), Key: fmt.Sprintf("e:%s:%s:%d", e.Peer, e.ID, e.Revision), ProviderID: e.ID,
			At: e.At, Kind: e.kind(), Text: clean(e.Text), Content: e.content(),
		})
	case EventDelete:
		b.Deletes = append(b.Deletes, channel.Delete{
			Peer: e.peer(), Key: "d:" + e.Peer + ":" + e.ID, ProviderID: e.ID, At: e.At,
		})
	case EventStatus:
		b.Statuses = append(b.Statuses, channel.StatusChange{
			Address: e.Peer, ProviderID: e.ID, Status: e.Status, Reason: e.Reason, At: e.At,
		})
	case EventBlocked, EventUnblocked:
		b.Peers = append(b.Peers, channel.PeerChange{
			Address: e.Peer, Unreachable: e.Type == EventBlocked, At: e.At,
		})
	case EventGroup:
		b.Ignored = append(b.Ignored, channel.Ignored{Source: e.Peer, Name: e.Name, Reason: "group_ignored"})
	default:
		m := e.message()
		m.Kind = switchboard.KindUnsupported
		m.Content.Note = clean(string(e.Type))
		b.Messages = append(b.Messages, m)
	}
}

func (e Event) message() channel.Message {
	m := channel.Message{
		Peer: e.peer(), Key: "m:" + e.Peer + ":" + e.ID, ProviderID: e.ID, At: e.At,
		Kind: e.kind(), Text: clean(e.Text), Content: e.content(), ReplyTo: e.ReplyTo,
	}
	if e.Type == EventStart {
		m.Opens, m.Kind, m.Content.Note = true, switchboard.KindService, "start"
	}
	return m
}

func (e Event) kind() switchboard.Kind {
	if e.Kind == "" {
		return switchboard.KindText
	}
	return e.Kind
}

func (e Event) content() switchboard.Content { return switchboard.Content{Media: e.Media} }

func (e Event) peer() channel.Peer {
	p := channel.Peer{Address: e.Peer, Name: clean(e.Name), Username: clean(e.Username)}
	p.Identities = append(p.Identities, switchboard.Identity{Kind: FakeIdentity, Value: e.Peer, Verified: true})
	if e.Phone != "" {
		p.Identities = append(p.Identities, switchboard.Identity{Kind: switchboard.IdentityPhone, Value: e.Phone, Verified: true})
	}
	if e.Email != "" {
		p.Identities = append(p.Identities, switchboard.Identity{Kind: switchboard.IdentityEmail, Value: strings.ToLower(e.Email), Verified: true})
	}
	return p
}

func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
