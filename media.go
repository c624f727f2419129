package switchboard

// MediaState says whether a file's bytes are there.
type MediaState string

// The states.
const (
	MediaFetching MediaState = "fetching"
	MediaReady    MediaState = "ready"
	MediaFailed   MediaState = "failed"
)

// Media is one file of a chat.
type Media struct {
	Account  AccountID
	ID       MediaID
	Channel  ChannelID
	Chat     ChatID
	Kind     Kind
	State    MediaState
	Source   string // the transport's reference; "" for an employee's upload
	Blob     string // key in the media store
	Name     string
	MIME     string // found out from the bytes once ready
	Size     int64  // bytes
	Attempts int
	Reason   string // key of a sentence, when it failed
}
