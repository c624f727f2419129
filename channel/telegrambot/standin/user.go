package standin

import (
	"maps"
	"strings"
)

// User is one of Telegram's people in a private chat with the bot; the chat's id is
// the user's.
type User struct {
	ID        int64
	FirstName string
	LastName  string
	Username  string

	bot                         *Bot
	wrote, blocked, deactivated bool
}

// Content is the fields of a Message beside its frame.
type Content map[string]any

// User gives the person with the id, made at first use.
func (b *Bot) User(id int64, firstName string) *User {
	b.mu.Lock()
	defer b.mu.Unlock()
	if u := b.users[id]; u != nil {
		return u
	}
	u := &User{ID: id, FirstName: firstName, Username: usernameFrom(firstName), bot: b}
	b.users[id] = u
	return u
}

// usernameFrom makes a user name of Latin letters and digits; without any the person
// has none, as most people in Telegram.
func usernameFrom(firstName string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return -1
	}, strings.ToLower(firstName))
}

func (u *User) chat() map[string]any {
	c := map[string]any{"id": u.ID, "type": "private", "first_name": u.FirstName}
	if u.LastName != "" {
		c["last_name"] = u.LastName
	}
	if u.Username != "" {
		c["username"] = u.Username
	}
	return c
}

func (u *User) from() map[string]any {
	f := u.chat()
	delete(f, "type")
	f["is_bot"] = false
	f["language_code"] = "ru"
	return f
}

func (u *User) message(id int64, c Content) map[string]any {
	m := map[string]any{"message_id": id, "from": u.from(), "chat": u.chat(), "date": u.bot.unix()}
	maps.Copy(m, c)
	return m
}

// Post sends any content and gives the message id.
func (u *User) Post(c Content) int64 {
	b := u.bot
	b.mu.Lock()
	defer b.mu.Unlock()
	u.wrote = true
	b.messages[u.ID]++
	id := b.messages[u.ID]
	b.push("message", u.message(id, c))
	return id
}

// Write sends a text.
func (u *User) Write(text string) int64 { return u.Post(Content{"text": text}) }

// Start presses the Start button, with a deep link's payload or "".
func (u *User) Start(payload string) int64 {
	return u.Write(strings.TrimSpace("/start " + payload))
}

// Reply sends a text that quotes a message of the chat.
func (u *User) Reply(to int64, text string) int64 {
	quoted := map[string]any{"message_id": to, "chat": u.chat(), "date": u.bot.unix()}
	return u.Post(Content{"text": text, "reply_to_message": quoted})
}

// Edit changes a message's text; at is the Unix time of the edit.
func (u *User) Edit(id int64, text string, at int64) {
	u.bot.mu.Lock()
	defer u.bot.mu.Unlock()
	u.bot.push("edited_message", u.message(id, Content{"text": text, "edit_date": at}))
}

// Upload makes bytes available to getFile and gives the file id.
func (u *User) Upload(kind string, data []byte) string {
	u.bot.mu.Lock()
	defer u.bot.mu.Unlock()
	return u.bot.keep(kind, data)
}

// Photo sends a picture in two sizes, the second one the larger with these bytes.
func (u *User) Photo(data []byte, caption string) int64 {
	small, large := u.Upload("photo", data[:len(data)/2]), u.Upload("photo", data)
	return u.Post(Content{"caption": caption, "photo": []any{
		map[string]any{"file_id": small, "file_unique_id": "s" + small, "width": 90, "height": 60, "file_size": len(data) / 2},
		map[string]any{"file_id": large, "file_unique_id": "l" + large, "width": 1280, "height": 853, "file_size": len(data)},
	}})
}

// Document sends a file.
func (u *User) Document(name, mime string, data []byte) int64 {
	id := u.Upload("document", data)
	return u.Post(Content{"document": map[string]any{
		"file_id": id, "file_unique_id": "u" + id, "file_name": name, "mime_type": mime, "file_size": len(data),
	}})
}

// Voice sends a voice message.
func (u *User) Voice(data []byte, seconds int) int64 {
	id := u.Upload("voice", data)
	return u.Post(Content{"voice": map[string]any{
		"file_id": id, "file_unique_id": "u" + id, "duration": seconds, "mime_type": "audio/ogg", "file_size": len(data),
	}})
}

// ShareContact presses the button that shares the user's own number.
func (u *User) ShareContact(phone string) int64 {
	return u.Post(Content{"contact": map[string]any{
		"phone_number": phone, "first_name": u.FirstName, "user_id": u.ID,
	}})
}

// Block stops the bot; Unblock lets it write again.
func (u *User) Block() { u.member("member", "kicked", true) }

// Unblock is Block's end.
func (u *User) Unblock() { u.member("kicked", "member", false) }

func (u *User) member(before, after string, blocked bool) {
	b := u.bot
	b.mu.Lock()
	defer b.mu.Unlock()
	u.blocked = blocked
	b.push("my_chat_member", map[string]any{
		"chat": u.chat(), "from": u.from(), "date": b.unix(),
		"old_chat_member": map[string]any{"user": b.self(), "status": before, "until_date": 0},
		"new_chat_member": map[string]any{"user": b.self(), "status": after, "until_date": 0},
	})
}

// Deactivate deletes the account; the bot is not told.
func (u *User) Deactivate() {
	u.bot.mu.Lock()
	defer u.bot.mu.Unlock()
	u.deactivated = true
}

// WriteInGroup sends a text in a group where the bot is.
func (u *User) WriteInGroup(group int64, title, text string) {
	b := u.bot
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages[group]++
	m := u.message(b.messages[group], Content{"text": text})
	m["chat"] = map[string]any{"id": group, "type": "supergroup", "title": title}
	b.push("message", m)
}
