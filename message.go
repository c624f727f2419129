package switchboard

import "time"

// Direction of a message, seen from the company.
type Direction string

// The directions.
const (
	In  Direction = "in"  // the client wrote
	Out Direction = "out" // the company wrote
)

// Kind of a message's content.
type Kind string

// The kinds.
const (
	KindText        Kind = "text"
	KindImage       Kind = "image"
	KindVideo       Kind = "video"
	KindVoice       Kind = "voice"
	KindAudio       Kind = "audio"
	KindDocument    Kind = "document"
	KindSticker     Kind = "sticker"
	KindLocation    Kind = "location"
	KindContact     Kind = "contact"
	KindService     Kind = "service"     // joined, opened, ...: never counted as unanswered
	KindUnsupported Kind = "unsupported" // kept raw, shown as such
)

// Status of an outgoing message's latest attempt; it only moves forward (P4, CHAT-5).
//
//	queued -> sending -> sent -> delivered -> read
//	             |-> maybe_sent -> sent | delivered | read
//	             '-> failed            (Retry = a new attempt, queued again)
type Status string

// The statuses. Incoming messages have StatusReceived.
const (
	StatusReceived  Status = "received"
	StatusQueued    Status = "queued"
	StatusSending   Status = "sending"
	StatusMaybeSent Status = "maybe_sent"
	StatusSent      Status = "sent"
	StatusDelivered Status = "delivered"
	StatusRead      Status = "read"
	StatusFailed    Status = "failed"
)

// Message is one entry of a chat.
type Message struct {
	Account   AccountID
	Chat      ChatID
	Seq       int64 // 1, 2, 3 ... within the chat
	ID        MessageID
	Direction Direction
	Kind      Kind
	Text      string // text or caption, NFC, no NUL
	Content   Content
	Author    EmployeeID // of an outgoing message; "" when unknown
	ReplyTo   MessageID  // quoted message of the same chat, or ""
	// ProviderID is the messenger's own id, unique within the chat; "" until sent.
	ProviderID string
	At         time.Time // the messenger's time for in, ours for out
	EditedAt   time.Time // zero when never edited
	DeletedAt  time.Time // zero when not deleted; the text is then emptied
	Status     Status
	// Reason is the key of a sentence that explains a failed status.
	Reason string
}

// Content is what a message carries beside its text; stored as JSON.
type Content struct {
	Media    []Attachment `json:"media,omitempty"`
	Location *Location    `json:"location,omitempty"`
	Contact  *ContactCard `json:"contact,omitempty"`
	// Note names the sort of an unsupported or service message for people
	// ("poll", "start").
	Note string `json:"note,omitempty"`
}

// Attachment is a file of a message. Bytes live in the media store; State tells
// whether they are there yet.
type Attachment struct {
	ID       MediaID `json:"id"`
	Name     string  `json:"name,omitempty"` // file name without directories
	MIME     string  `json:"mime,omitempty"` // as declared by the sender
	Size     int64   `json:"size,omitempty"` // bytes, 0 when unknown
	Width    int     `json:"width,omitempty"`
	Height   int     `json:"height,omitempty"`
	Seconds  int     `json:"seconds,omitempty"`
	Source   string  `json:"source,omitempty"` // the transport's own file reference
	Animated bool    `json:"animated,omitempty"`
}

// Location is a point on the map, degrees of WGS 84.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Title     string  `json:"title,omitempty"`
	Address   string  `json:"address,omitempty"`
}

// ContactCard is a contact that somebody shared.
type ContactCard struct {
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty"`
}
