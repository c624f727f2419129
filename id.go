package switchboard

import (
	"encoding/hex"
	"io"
	"time"
)

// Identifiers of our own rows are UUIDs of version 7 (RFC 9562), written in lower
// case with dashes. Each is unique within its account unless said otherwise.
type (
	// AccountID names one company; unique on the server.
	AccountID string
	// ChannelID names one connected account of a transport.
	ChannelID string
	// ChatID names one pair (channel, client address).
	ChatID string
	// ClientID names the person who writes. It is also the value of the CRM's
	// unique property, so a contact or deal is never created twice (DEAL-3).
	ClientID string
	// EmployeeID names a person who works in Switchboard.
	EmployeeID string
	// MessageID is unique within its chat only: a visitor's own UUID is kept as it
	// came, and two visitors may send the same one.
	MessageID string
	// MediaID names a stored or still to be fetched file.
	MediaID string
	// DecisionID names one stored routing decision.
	DecisionID string
	// ConnectionID names the link of an account to one CRM.
	ConnectionID string
)

// Identifiers of the CRM are opaque text: nobody parses them but the CRM's connector.
type (
	// OwnerID is the CRM's own id of a user who may own records (HubSpot: owner
	// id, not user id).
	OwnerID string
	// ContactID is the CRM's id of a contact.
	ContactID string
	// DealID is the CRM's id of a deal.
	DealID string
	// PipelineID is the CRM's id of a pipeline.
	PipelineID string
	// StageID is the CRM's id of a stage, unique within its pipeline.
	StageID string
)

// NewUUID makes a version 7 UUID from a clock reading and a source of randomness.
// It panics when the source fails, as crypto/rand never does.
func NewUUID(now time.Time, random io.Reader) string {
	var b [16]byte
	if _, err := io.ReadFull(random, b[6:]); err != nil {
		panic("read randomness: " + err.Error())
	}
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i) & 0xff) //nolint:gosec // one byte is meant
	}
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// IsUUID says whether s is a UUID in its usual form, in either case of letters.
func IsUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (s[i] == '-') || !dash && !isHex(s[i]) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
