package channel

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"switchboard"
)

// Connector is one transport: stateless, registered once by name.
type Connector interface {
	Transport() switchboard.Transport
	// Capabilities of the transport, as data.
	Capabilities() Capabilities
	// Check validates a configuration with the messenger (one call at most) and
	// completes it: config and secrets as to be stored, and the name to show.
	// Errors are *switchboard.Error with a sentence for people.
	Check(ctx context.Context, in Setup) (Setup, error)
	// Open makes a line of a channel. It makes no call.
	Open(ch switchboard.Channel) (Line, error)
}

// Setup is what a channel is configured with; JSON of the transport's own shape.
type Setup struct {
	Name    string
	Config  []byte
	Secrets []byte
	// Hook is the public address at which this channel's webhook is served, "" when
	// the server has no public https address.
	Hook string
	// Exists is the channel's id when the set-up changes one.
	Exists switchboard.ChannelID
}

// Line is one channel, opened.
type Line interface {
	// Send performs one call that sends one message. A nil error means accepted; any
	// other outcome is a *SendError.
	// A receipt beside an error may name the peer's new address, and nothing else.
	Send(ctx context.Context, m Outbound) (Receipt, error)
}

// Webhook is implemented by lines whose messenger posts to us. Both methods are pure.
type Webhook interface {
	// Verify says whether the request is authentic, over the raw bytes and in
	// constant time. A refusal is a *switchboard.Error (CodeUnauthorized).
	Verify(h http.Header, body []byte) error
	// Decode reads an authentic body. What it does not know becomes a message of
	// KindUnsupported; an error means the body is unreadable and is kept and listed.
	Decode(body []byte, now time.Time) (Batch, error)
}

// Poller is implemented by lines that ask the messenger for news. The channel's lease
// holder calls Run; sink returns nil once the batch is committed (or kept as
// unreadable), and only then may the line confirm it to the messenger.
// Run returns nil when ctx ends. It may return a *SendError of class Auth when the
// channel needs a person, and any other error when it is to be called again, after a
// pause.
type Poller interface {
	Run(ctx context.Context, sink func(context.Context, Batch) error) error
}

// Fetcher is implemented by lines whose media must be fetched.
type Fetcher interface {
	// Fetch opens the bytes behind Attachment.Source. The reader ends with an error
	// when the file is larger than maxBytes.
	Fetch(ctx context.Context, source string, maxBytes int64) (io.ReadCloser, error)
}

// Registrar is implemented by lines that must tell the messenger about our webhook.
type Registrar interface {
	// Register (un)sets the webhook; hook == "" removes it.
	Register(ctx context.Context, hook string) error
}

// Batch is what one body or poll brought. Raw is kept 30 days beside the messages.
type Batch struct {
	Raw        []byte
	Messages   []Message
	Edits      []Edit
	Deletes    []Delete
	Statuses   []StatusChange
	Peers      []PeerChange
	Ignored    []Ignored
	Unreadable string // why Raw could not be decoded; nothing else is set then
}

// Peer is the other side of a chat.
type Peer struct {
	Address  string // unique within the channel
	Name     string
	Username string
	// Identities by which the person may be known elsewhere. The address itself is
	// one of them.
	Identities []switchboard.Identity
}

// Message is one incoming message.
type Message struct {
	Peer Peer
	// Key dedupes deliveries within the channel; it never changes for one message.
	Key string
	// ID is the message's id when the client makes it (webchat), else "".
	ID         switchboard.MessageID
	ProviderID string
	At         time.Time
	Kind       switchboard.Kind
	Text       string
	Content    switchboard.Content
	// ReplyTo is the provider id of the quoted message.
	ReplyTo string
	// Opens marks a message that opens a chat without making a client (a bare
	// /start, CHAT-8; the messenger's own notes): no CRM work, not counted as
	// unanswered.
	Opens bool
}

// Edit changes the text of a message already or not yet seen.
type Edit struct {
	Peer       Peer
	Key        string
	ProviderID string
	At         time.Time
	Kind       switchboard.Kind
	Text       string
	Content    switchboard.Content
}

// Delete removes a message.
type Delete struct {
	Peer       Peer
	Key        string
	ProviderID string
	At         time.Time
}

// StatusChange is a messenger's news of an outgoing message.
type StatusChange struct {
	Address    string
	ProviderID string
	Status     switchboard.Status
	Reason     string
	At         time.Time
}

// PeerChange says that a peer blocked us or is back.
type PeerChange struct {
	Address     string
	Unreachable bool
	At          time.Time
}

// Ignored is something authentic that is not for us (a group's message, CHAT-8);
// listed once per Source.
type Ignored struct {
	Source string // the group's id
	Name   string
	Reason string // key of a sentence
}

// Outbound is one message to send.
type Outbound struct {
	ID      switchboard.MessageID
	Chat    switchboard.ChatID
	Address string
	Kind    switchboard.Kind
	Text    string
	Content switchboard.Content
	// ReplyTo is the provider id of the quoted message, or "".
	ReplyTo string
	// Author is the employee's first name, for transports that show it.
	Author string
	At     time.Time
	// Open gives the bytes of an attachment.
	Open func(ctx context.Context, id switchboard.MediaID) (io.ReadCloser, error)
}

// Receipt is the messenger's answer to an accepted message.
type Receipt struct {
	ProviderID string
	// Address is the peer's new address when the messenger moved the chat.
	Address string
}

// Class of a failed send decides what happens next.
type Class string

// The classes.
const (
	Permanent Class = "permanent" // this message will never go: failed
	Retry     Class = "retry"     // certainly not sent; try again with back-off
	Throttled Class = "throttled" // certainly not sent; not before After
	Auth      Class = "auth"      // the channel needs a person
	Unknown   Class = "unknown"   // the answer was lost: "maybe sent" (CHAT-1)
	PeerGone  Class = "peer_gone" // permanent, and the peer is unreachable
)

// Scope says what a throttled answer slows down.
type Scope string

// The scopes.
const (
	ScopePeer Scope = "peer"
	ScopeLine Scope = "line"
)

// SendError is the outcome of a send that was not accepted.
type SendError struct {
	Class  Class
	After  time.Duration // for Throttled
	Scope  Scope
	Reason string // key of a sentence for people
	Err    error
}

// Error gives the text for logs; it holds no message text and no secret.
func (e *SendError) Error() string {
	text := string(e.Class) + ": " + e.Reason
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *SendError) Unwrap() error { return e.Err }

// ClassOf gives the class of a send's error: Unknown when it is not a *SendError.
func ClassOf(err error) Class {
	var e *SendError
	if errors.As(err, &e) {
		return e.Class
	}
	return Unknown
}

// Unit is what a text limit counts.
type Unit string

// The units.
const (
	Runes Unit = "runes"
	UTF16 Unit = "utf16"
)

// Capabilities of a transport, as data.
type Capabilities struct {
	TextMax    int
	TextUnit   Unit
	CaptionMax int
	// Media lists the outgoing kinds with the most bytes of each.
	Media map[switchboard.Kind]int64
	Quote bool
	// ShowsEdits: edits and deletions of ours reach the client.
	Edit, Delete bool
	Sent         bool
	Delivered    bool
	Read         bool
	// StartsChat: an employee may write first to an address nobody knows (DEAL-6).
	StartsChat bool
	// NumbersView: the client's side counts its own entries without gaps (webchat);
	// intake and send then number them.
	NumbersView bool
	// Idempotent: sending a message of one id twice delivers it once, so a send whose
	// answer was lost is simply repeated.
	Idempotent bool
	// PerSecond is the channel's limit, PeerEvery the pause between two messages to
	// one peer; 0 means no limit.
	PerSecond int
	PeerEvery time.Duration
}

// TextLength counts text in the transport's unit.
func (c Capabilities) TextLength(text string) int {
	n := 0
	for _, r := range text {
		n++
		if c.TextUnit == UTF16 && r > 0xFFFF {
			n++
		}
	}
	return n
}
