package telegrambot

import (
	"encoding/json"
	"path"
	"slices"
	"strings"

	"switchboard"
)

// carried is what a message carries.
type carried struct {
	kind    switchboard.Kind
	text    string
	content switchboard.Content
	// ownPhone is the sender's own number, E.164, shared with the contact button.
	ownPhone string
}

// file is the common part of PhotoSize, Voice, Audio, Video, VideoNote, Animation,
// Document and Sticker.
type file struct {
	ID         string `json:"file_id"`
	Size       int64  `json:"file_size"`
	Name       string `json:"file_name"`
	MIME       string `json:"mime_type"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	Length     int    `json:"length"` // a round video's diameter
	Duration   int    `json:"duration"`
	Title      string `json:"title"`
	Performer  string `json:"performer"`
	Emoji      string `json:"emoji"`
	IsAnimated bool   `json:"is_animated"`
	IsVideo    bool   `json:"is_video"`
}

type place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

type venue struct {
	Location place  `json:"location"`
	Title    string `json:"title"`
	Address  string `json:"address"`
}

type sharedContact struct {
	Phone     string `json:"phone_number"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	UserID    int64  `json:"user_id"`
}

// reader reads one field of a message; ok is false when it is not as it should be.
type reader func(raw json.RawMessage, from *user, caption string) (c carried, ok bool)

// readers in the order in which they are tried: an animation also comes as a
// document, a venue also as a location.
var readers = []struct {
	field string
	read  reader
}{
	{"text", readText},
	{"animation", readAnimation},
	{"photo", readPhoto},
	{"voice", readFile(switchboard.KindVoice, "audio/ogg")},
	{"audio", readFile(switchboard.KindAudio, "audio/mpeg")},
	{"video", readFile(switchboard.KindVideo, "video/mp4")},
	{"video_note", readFile(switchboard.KindVideo, "video/mp4")},
	{"sticker", readSticker},
	{"document", readFile(switchboard.KindDocument, "")},
	{"venue", readVenue},
	{"location", readLocation},
	{"contact", readContact},
}

// service names the fields of messages that Telegram writes itself: they open a chat
// and are nobody's question.
var service = []string{
	"message_auto_delete_timer_changed", "pinned_message", "write_access_allowed", "chat_background_set",
	"connected_website", "boost_added", "proximity_alert_triggered", "paid_message_price_changed",
}

// frame names the fields that say nothing about a message's sort.
var frame = []string{
	"message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat", "sender_boost_count",
	"sender_business_bot", "sender_tag", "date", "guest_query_id", "business_connection_id", "chat", "forward_origin",
	"is_topic_message", "is_automatic_forward", "reply_to_message", "external_reply", "quote", "reply_to_story",
	"reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot", "guest_bot_caller_user",
	"guest_bot_caller_chat", "edit_date", "has_protected_content", "is_from_offline", "is_paid_post",
	"media_group_id", "author_signature", "paid_star_count", "entities", "link_preview_options",
	"suggested_post_info", "effect_id", "caption", "caption_entities", "show_caption_above_media",
	"has_media_spoiler", "reply_markup",
}

// carry reads a message's content. What is not known, or not as it should be, is
// unsupported and named by its field.
func carry(fields map[string]json.RawMessage, from *user, caption string) carried {
	for _, r := range readers {
		raw, there := fields[r.field]
		if !there {
			continue
		}
		if c, ok := r.read(raw, from, caption); ok {
			return c
		}
		return unsupported(r.field, caption)
	}
	for _, name := range service {
		if _, there := fields[name]; there {
			return carried{kind: switchboard.KindService, content: switchboard.Content{Note: name}}
		}
	}
	return unsupported(sort(fields), caption)
}

// sort names an unknown message by its first field that is not part of the frame.
func sort(fields map[string]json.RawMessage) string {
	var names []string
	for name := range fields {
		if !slices.Contains(frame, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "unknown"
	}
	name := clean(slices.Min(names))
	return name[:min(len(name), 64)]
}

func unsupported(note, caption string) carried {
	return carried{kind: switchboard.KindUnsupported, text: caption, content: switchboard.Content{Note: strings.ToValidUTF8(note, "")}}
}

func readText(raw json.RawMessage, _ *user, _ string) (carried, bool) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return carried{}, false
	}
	text = clean(text)
	if bareStart(text) { // CHAT-8
		return carried{kind: switchboard.KindService, content: switchboard.Content{Note: "start"}}, true
	}
	return carried{kind: switchboard.KindText, text: text}, true
}

// bareStart is the press of the Start button, without a deep link's payload.
func bareStart(text string) bool {
	command, to, addressed := strings.Cut(strings.TrimSpace(text), "@")
	return command == "/start" && (!addressed || to != "" && !strings.ContainsAny(to, " \t\n"))
}

func readPhoto(raw json.RawMessage, _ *user, caption string) (carried, bool) {
	var sizes []file
	if json.Unmarshal(raw, &sizes) != nil || len(sizes) == 0 {
		return carried{}, false
	}
	largest := slices.MaxFunc(sizes, func(a, b file) int {
		return int(min(max(area(a)-area(b), -1), 1))
	})
	largest.MIME, largest.Name = "image/jpeg", ""
	return attach(switchboard.KindImage, largest, caption, false)
}

func area(f file) int64 { return int64(f.Width) * int64(f.Height) }

func readFile(kind switchboard.Kind, mime string) reader {
	return func(raw json.RawMessage, _ *user, caption string) (carried, bool) {
		var f file
		if json.Unmarshal(raw, &f) != nil {
			return carried{}, false
		}
		if f.MIME == "" {
			f.MIME = mime
		}
		if f.Name == "" && f.Title != "" {
			f.Name = strings.TrimPrefix(f.Performer+" - "+f.Title, " - ")
		}
		return attach(kind, f, caption, false)
	}
}

// readAnimation reads a moving picture: a video without sound.
func readAnimation(raw json.RawMessage, from *user, caption string) (carried, bool) {
	c, ok := readFile(switchboard.KindVideo, "video/mp4")(raw, from, caption)
	if ok {
		c.content.Media[0].Animated = true
	}
	return c, ok
}

func readSticker(raw json.RawMessage, _ *user, _ string) (carried, bool) {
	var f file
	if json.Unmarshal(raw, &f) != nil {
		return carried{}, false
	}
	f.MIME = "image/webp"
	switch {
	case f.IsAnimated:
		f.MIME = "application/x-tgsticker"
	case f.IsVideo:
		f.MIME = "video/webm"
	}
	return attach(switchboard.KindSticker, f, clean(f.Emoji), f.IsAnimated || f.IsVideo)
}

func attach(kind switchboard.Kind, f file, text string, animated bool) (carried, bool) {
	if f.ID == "" {
		return carried{}, false
	}
	return carried{kind: kind, text: text, content: switchboard.Content{Media: []switchboard.Attachment{{
		Name: fileName(f.Name), MIME: cleanLine(f.MIME), Size: max(f.Size, 0),
		Width: max(f.Width, f.Length, 0), Height: max(f.Height, f.Length, 0), Seconds: max(f.Duration, 0),
		Source: clean(f.ID), Animated: animated,
	}}}}, true
}

// fileName keeps the last part of what the sender calls the file.
func fileName(name string) string {
	name = path.Base(strings.ReplaceAll(cleanLine(name), `\`, "/"))
	if name == "." || name == "/" || name == ".." {
		return ""
	}
	return name
}

func readLocation(raw json.RawMessage, _ *user, _ string) (carried, bool) {
	var p place
	if json.Unmarshal(raw, &p) != nil {
		return carried{}, false
	}
	return locate(venue{Location: p})
}

func readVenue(raw json.RawMessage, _ *user, _ string) (carried, bool) {
	var v venue
	if json.Unmarshal(raw, &v) != nil {
		return carried{}, false
	}
	return locate(v)
}

func locate(v venue) (carried, bool) {
	p := v.Location
	if p.Latitude < -90 || p.Latitude > 90 || p.Longitude < -180 || p.Longitude > 180 {
		return carried{}, false
	}
	return carried{kind: switchboard.KindLocation, content: switchboard.Content{Location: &switchboard.Location{
		Latitude: p.Latitude, Longitude: p.Longitude, Title: cleanLine(v.Title), Address: cleanLine(v.Address),
	}}}, true
}

func readContact(raw json.RawMessage, from *user, _ string) (carried, bool) {
	var s sharedContact
	if json.Unmarshal(raw, &s) != nil {
		return carried{}, false
	}
	c := carried{kind: switchboard.KindContact, content: switchboard.Content{Contact: &switchboard.ContactCard{
		Name: cleanLine(s.FirstName + " " + s.LastName), Phone: cleanLine(s.Phone),
	}}}
	if from != nil && s.UserID != 0 && s.UserID == from.ID {
		c.ownPhone = e164(s.Phone)
	}
	return c, true
}

// e164 reads a number as Telegram writes it: digits with the country code, with or
// without a plus; "" when it is something else.
func e164(phone string) string {
	digits := strings.TrimPrefix(strings.Join(strings.Fields(phone), ""), "+")
	if len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
		return ""
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return ""
		}
	}
	return "+" + digits
}
