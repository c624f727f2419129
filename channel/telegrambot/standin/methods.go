package standin

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
)

type method func(b *Bot, r *http.Request, p *params) (any, *refusal)

// methods are all that the stand-in answers.
var methods = map[string]method{
	"getMe":          func(b *Bot, _ *http.Request, _ *params) (any, *refusal) { return b.self(), nil },
	"getUpdates":     getUpdates,
	"setWebhook":     setWebhook,
	"deleteWebhook":  deleteWebhook,
	"getWebhookInfo": getWebhookInfo,
	"getFile":        getFile,
	"sendMessage":    send("sendMessage", textContent),
	"sendPhoto":      send("sendPhoto", fileContent("photo", 10<<20)),
	"sendVideo":      send("sendVideo", fileContent("video", 50<<20)),
	"sendVoice":      send("sendVoice", fileContent("voice", 50<<20)),
	"sendAudio":      send("sendAudio", fileContent("audio", 50<<20)),
	"sendDocument":   send("sendDocument", fileContent("document", 50<<20)),
	"sendSticker":    send("sendSticker", fileContent("sticker", 50<<20)),
	"sendLocation":   send("sendLocation", placeContent),
	"sendVenue":      send("sendVenue", placeContent),
	"sendContact":    send("sendContact", contactContent),
}

func sending(method string) bool { return strings.HasPrefix(method, "send") }

// content reads what a send method carries into the sent message; the lock is held.
type content func(b *Bot, p *params, s *Sent) *refusal

func bad(format string, args ...any) *refusal {
	return &refusal{code: http.StatusBadRequest, text: "Bad Request: " + fmt.Sprintf(format, args...)}
}

// send checks the chat, the content, the quote and the limits, then lets it arrive.
func send(name string, read content) method {
	return func(b *Bot, _ *http.Request, p *params) (any, *refusal) {
		b.mu.Lock()
		defer b.mu.Unlock()
		chat, given := p.number("chat_id")
		if !given {
			return nil, bad("chat_id is empty")
		}
		s := Sent{Method: name, Chat: chat, At: b.server.now(), Call: p.values}
		if refused := read(b, p, &s); refused != nil {
			return nil, refused
		}
		if refused := b.reach(chat); refused != nil {
			return nil, refused
		}
		if refused := b.quote(p, &s); refused != nil {
			return nil, refused
		}
		if refused := b.limits.check(chat, s.At); refused != nil {
			return nil, refused
		}
		return b.arrive(s), nil
	}
}

// reach says whether the bot may write to the chat.
func (b *Bot) reach(chat int64) *refusal {
	u := b.users[chat]
	switch {
	case u == nil || !u.wrote:
		return bad("chat not found")
	case u.blocked:
		return &refusal{code: http.StatusForbidden, text: "Forbidden: bot was blocked by the user"}
	case u.deactivated:
		return &refusal{code: http.StatusForbidden, text: "Forbidden: user is deactivated"}
	}
	return nil
}

func (b *Bot) quote(p *params, s *Sent) *refusal {
	var reply struct {
		MessageID int64 `json:"message_id"`
		Without   bool  `json:"allow_sending_without_reply"`
	}
	if !p.object("reply_parameters", &reply) {
		return nil
	}
	if reply.MessageID <= 0 || reply.MessageID > b.messages[s.Chat] {
		if !reply.Without {
			return bad("message to be replied not found")
		}
		return nil
	}
	s.ReplyTo = reply.MessageID
	return nil
}

func units(text string) int { return len(utf16.Encode([]rune(text))) }

func textContent(_ *Bot, p *params, s *Sent) *refusal {
	s.Text = p.text("text")
	if strings.TrimSpace(s.Text) == "" {
		return bad("message text is empty")
	}
	if units(s.Text) > 4096 {
		return bad("message is too long")
	}
	return nil
}

func fileContent(field string, maxBytes int) content {
	return func(b *Bot, p *params, s *Sent) *refusal {
		s.Text = p.text("caption")
		if units(s.Text) > 1024 {
			return bad("message caption is too long")
		}
		if file, there := p.files[field]; there {
			if len(file.data) > maxBytes {
				return &refusal{code: http.StatusRequestEntityTooLarge, text: "Request Entity Too Large"}
			}
			if len(file.data) == 0 {
				return bad("file must be non-empty")
			}
			s.FileName, s.FileMIME, s.File = file.name, file.mime, file.data
			s.FileID = b.keep(field, file.data)
			return nil
		}
		known, there := b.files[p.text(field)]
		if !there {
			return bad("there is no %s in the request", field)
		}
		s.FileID, s.File = p.text(field), known.data
		return nil
	}
}

func placeContent(_ *Bot, p *params, s *Sent) *refusal {
	latitude, first := p.float("latitude")
	longitude, second := p.float("longitude")
	if !first || !second {
		return bad("latitude and longitude are required")
	}
	s.Text = strings.TrimSpace(fmt.Sprintf("%v %v %s", latitude, longitude, p.text("title")))
	return nil
}

func contactContent(_ *Bot, p *params, s *Sent) *refusal {
	if p.text("phone_number") == "" || p.text("first_name") == "" {
		return bad("phone_number and first_name are required")
	}
	s.Text = p.text("phone_number")
	return nil
}

// keep stores bytes and gives their file id; the lock is held.
func (b *Bot) keep(kind string, data []byte) string {
	b.uploads++
	n := strconv.Itoa(b.uploads)
	id := "file-" + strconv.FormatInt(b.ID, 10) + "-" + n
	b.files[id] = stored{path: kind + "s/file_" + n, data: data}
	return id
}

const fileMax = 20 << 20

func getFile(b *Bot, _ *http.Request, p *params) (any, *refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := p.text("file_id")
	f, there := b.files[id]
	switch {
	case !there || f.gone:
		return nil, bad("wrong file_id or the file is temporarily unavailable")
	case len(f.data) > fileMax:
		return nil, bad("file is too big")
	}
	return map[string]any{"file_id": id, "file_unique_id": "u" + id, "file_size": len(f.data), "file_path": f.path}, nil
}

func (b *Bot) fileAt(path string) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.files {
		if f.path == path && !f.gone {
			return f.data, true
		}
	}
	return nil, false
}
