package switchboard

// Transport is a kind of messenger.
type Transport string

// The transports of this release.
const (
	Webchat     Transport = "webchat"
	TelegramBot Transport = "telegram_bot"
)

// ChannelState tells whether a channel works.
type ChannelState string

// The states. Sending through a channel that is not active is refused (CHAT-4).
const (
	ChannelActive   ChannelState = "active"
	ChannelBroken   ChannelState = "broken" // needs a person: token revoked, ...
	ChannelDisabled ChannelState = "disabled"
)

// Channel is one concrete connected account of a transport: a bot, a widget.
type Channel struct {
	Account   AccountID
	ID        ChannelID
	Transport Transport
	Name      string
	// Key is the public, unguessable name in webhook and widget addresses; unique
	// on the server.
	Key         string
	State       ChannelState
	StateReason string // key of a sentence, "" while active
	// Config is the transport's own JSON without secrets.
	Config []byte
	// Secrets is the transport's own JSON, decrypted; never logged.
	Secrets  []byte
	Settings ChannelSettings
}
