package intake

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"switchboard"
	"switchboard/channel"
)

// Bounds of one delivery; connectors bound their own bodies before decoding.
const (
	maxMessages  = 1000
	maxTextBytes = 256 << 10
	maxNameRunes = 200
	maxKeyBytes  = 300
)

// prepare turns a batch into rows and refuses what must not reach the database.
func (d *Door) prepare(w *delivery) error {
	b := &w.batch
	if len(b.Messages)+len(b.Edits)+len(b.Deletes)+len(b.Statuses)+len(b.Peers)+len(b.Ignored) > maxMessages {
		return switchboard.Errorf(switchboard.CodeTooLarge, "delivery_too_large", "more than %d parts", maxMessages)
	}
	caps := d.Capabilities(w.ch.Transport)
	w.in = make([]switchboard.Incoming, len(b.Messages))
	w.result = make([]switchboard.Stored, len(b.Messages))
	for i := range b.Messages {
		m := &b.Messages[i]
		if m.Key == "" || len(m.Key) > maxKeyBytes || m.Peer.Address == "" || len(m.Text) > maxTextBytes {
			return switchboard.Errorf(switchboard.CodeInvalid, "bad_message", "message %d of the delivery", i)
		}
		w.in[i] = d.incoming(w, m, caps)
	}
	return nil
}

func (d *Door) incoming(w *delivery, m *channel.Message, caps channel.Capabilities) switchboard.Incoming {
	in := switchboard.Incoming{
		Channel: w.ch.ID, Address: clean(m.Peer.Address), Name: short(m.Peer.Name), Username: short(m.Peer.Username),
		Identities: m.Peer.Identities, Key: m.Key, QuotedProvider: m.ReplyTo,
		Counts: !m.Opens && m.Kind != switchboard.KindService, Opens: m.Opens, NumbersView: caps.NumbersView,
		RawID: w.rawID, Raw: w.batch.Raw,
		Message: switchboard.Message{Account: w.ch.Account, ID: m.ID, Direction: switchboard.In, Kind: m.Kind,
			Text: clean(m.Text), Content: m.Content, ProviderID: m.ProviderID, At: m.At, Status: switchboard.StatusReceived},
	}
	if in.Opens { // a service line: neither counted now nor when the chat is counted anew
		in.Message.Kind = switchboard.KindService
	}
	if in.Message.ID == "" {
		in.Message.ID = switchboard.MessageID(d.newID())
	}
	if in.Message.At.IsZero() {
		in.Message.At = d.Clock()
	}
	for i := range in.Message.Content.Media {
		a := &in.Message.Content.Media[i]
		a.ID, a.Name = switchboard.MediaID(d.newID()), short(a.Name)
	}
	return in
}

func (d *Door) newID() string { return switchboard.NewUUID(d.Clock(), d.Random) }

// clean makes text storable on both engines: valid UTF-8 in NFC, without NUL.
func clean(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return norm.NFC.String(s)
}

func short(s string) string {
	s = clean(s)
	if utf8.RuneCountInString(s) <= maxNameRunes {
		return s
	}
	return string([]rune(s)[:maxNameRunes])
}
