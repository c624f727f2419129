package webchat

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard"
	"switchboard/channel"
)

// written is the body of POST messages.
type written struct {
	ID   switchboard.MessageID // lower case
	Text string
}

// errBody says what is wrong with a body; its text is one of the sentences' keys.
type errBody string

func (e errBody) Error() string { return string(e) }

// fields reads a body as one JSON object with exact names.
func fields(body []byte) (map[string]json.RawMessage, error) {
	switch {
	case !utf8.Valid(body):
		return nil, errBody("body_not_utf8")
	case nesting(body) > maxNesting:
		return nil, errBody("body_too_deep")
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil || all == nil {
		return nil, errBody("body_not_json")
	}
	return all, nil
}

// nesting is the deepest level of brackets outside strings.
func nesting(body []byte) int {
	depth, deepest, inText, escaped := 0, 0, false, false
	for _, c := range body {
		switch {
		case escaped:
			escaped = false
		case inText:
			escaped, inText = c == '\\', c != '"'
		case c == '"':
			inText = true
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// text reads one field of type string without NUL; absent and null are "".
func text(all map[string]json.RawMessage, name string, most int) (string, error) {
	raw, there := all[name]
	if !there || bytes.Equal(raw, []byte("null")) {
		return "", nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", errBody("field_not_text")
	}
	if strings.ContainsRune(s, 0) {
		return "", errBody("field_has_nul")
	}
	if utf8.RuneCountInString(s) > most {
		return "", errBody(name + "_too_long")
	}
	return s, nil
}

func readMessage(body []byte) (written, error) {
	all, err := fields(body)
	if err != nil {
		return written{}, err
	}
	id, err := text(all, "id", maxText)
	if err != nil || !switchboard.IsUUID(id) {
		return written{}, errBody("id_not_uuid")
	}
	said, err := text(all, "text", maxText)
	if err != nil {
		return written{}, err
	}
	if strings.TrimSpace(said) == "" {
		return written{}, errBody("text_empty")
	}
	return written{ID: switchboard.MessageID(strings.ToLower(id)), Text: said}, nil
}

func readSession(body []byte) (switchboard.VisitorSession, error) {
	all, err := fields(body)
	if err != nil {
		return switchboard.VisitorSession{}, err
	}
	var s switchboard.VisitorSession
	for _, f := range []struct {
		name string
		into *string
		most int
	}{{"name", &s.Name, maxName}, {"phone", &s.Phone, maxClaim}, {"email", &s.Email, maxClaim}} {
		if *f.into, err = text(all, f.name, f.most); err != nil {
			return switchboard.VisitorSession{}, err
		}
		*f.into = strings.Join(strings.Fields(*f.into), " ")
	}
	s.Email = address(s.Email)
	return s, nil
}

// address gives an e-mail in lower case, "" when it cannot be one.
func address(email string) string {
	user, host, found := strings.Cut(email, "@")
	if !found || user == "" || !strings.Contains(host, ".") || strings.ContainsAny(email, " <>,;\"'()") || strings.Contains(host, "@") {
		return ""
	}
	return strings.ToLower(email)
}

// batch is a visitor's message as the door takes it.
func batch(ch switchboard.Channel, s switchboard.VisitorSession, w written, raw []byte, now time.Time) channel.Batch {
	return channel.Batch{Raw: raw, Messages: []channel.Message{{
		Peer: peer(ch, s), Key: "m:" + s.ID + ":" + string(w.ID), ID: w.ID, ProviderID: string(w.ID),
		At: now, Kind: switchboard.KindText, Text: w.Text,
	}}}
}

func peer(ch switchboard.Channel, s switchboard.VisitorSession) channel.Peer {
	p := channel.Peer{Address: s.ID, Name: s.Name, Identities: []switchboard.Identity{
		{Kind: switchboard.IdentityWebchat, Value: string(ch.ID) + "/" + s.ID, Verified: true},
	}}
	if s.PhoneE164 != "" { // DEAL-9: claimed only
		p.Identities = append(p.Identities, switchboard.Identity{Kind: switchboard.IdentityPhone, Value: s.PhoneE164})
	}
	if s.Email != "" {
		p.Identities = append(p.Identities, switchboard.Identity{Kind: switchboard.IdentityEmail, Value: s.Email})
	}
	return p
}

// wireTime is the protocol's form of a time.
const wireTime = "2006-01-02T15:04:05.000Z"

type wireReceipt struct {
	ID  switchboard.MessageID `json:"id"`
	Seq int64                 `json:"seq"`
	At  string                `json:"at"`
}

type wireEntry struct {
	ID        switchboard.MessageID `json:"id"`
	Seq       int64                 `json:"seq"`
	At        string                `json:"at"`
	Direction switchboard.Direction `json:"direction"`
	Kind      string                `json:"kind"`
	Text      string                `json:"text,omitempty"`
	Author    string                `json:"author,omitempty"`
	Target    switchboard.MessageID `json:"target,omitempty"`
}

type wireEntries struct {
	Messages []wireEntry `json:"messages"`
}

func wire(entries []switchboard.ViewEntry) wireEntries {
	out := wireEntries{Messages: []wireEntry{}}
	for _, e := range entries {
		w := wireEntry{
			ID: e.ID, Seq: e.Seq, At: stamp(e.At), Direction: e.Direction, Kind: kindOf(e),
			Text: e.Text, Target: e.Target,
		}
		if e.Direction == switchboard.Out {
			w.Author = e.Author
		}
		out.Messages = append(out.Messages, w)
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(wireTime) }

// kinds names ours in the protocol's words; what is not there is "unsupported".
var kinds = map[switchboard.Kind]string{
	switchboard.KindText:     "text",
	switchboard.KindImage:    "image",
	switchboard.KindSticker:  "image",
	switchboard.KindVideo:    "file",
	switchboard.KindVoice:    "file",
	switchboard.KindAudio:    "file",
	switchboard.KindDocument: "file",
}

func kindOf(e switchboard.ViewEntry) string {
	if e.Change != "" {
		return e.Change
	}
	if name, known := kinds[e.Kind]; known {
		return name
	}
	return "unsupported"
}

// isBody tells a visitor's mistake from a failure of ours.
func isBody(err error) (errBody, bool) {
	var e errBody
	return e, errors.As(err, &e)
}
