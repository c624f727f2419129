package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"switchboard/channel/telegrambot/standin"
)

const (
	maxBody     = 30 << 20
	longestWait = 30 * time.Second
)

// control plays people and answers what reached them:
//
//	POST /bots      {token, username}
//	POST /acts      {bot, user, name, act, text, to, data, mime, seconds, minutesAgo} -> {messageId}
//	                act: write start reply edit photo voice document contact block unblock
//	GET  /sent?bot=TOKEN&user=ID&wait=N  -> {sent: [...]}: answers once N messages reached
//	                the user, at the latest after 30 s with what there is
//	POST /databases -> {url}: an empty PostgreSQL database
type control struct {
	telegram *standin.Server
	admin    string // PostgreSQL's URL, "" where there is none

	mu        sync.Mutex
	databases []string
}

// act is one deed of a Telegram user.
type act struct {
	Bot     string `json:"bot"` // token
	User    int64  `json:"user"`
	Name    string `json:"name"`
	Act     string `json:"act"`
	Text    string `json:"text"`
	To      int64  `json:"to"` // the message that is answered or edited
	Data    []byte `json:"data"`
	MIME    string `json:"mime"`
	Seconds int    `json:"seconds"`
	// MinutesAgo dates a text that is written; 0 means now.
	MinutesAgo int `json:"minutesAgo"`
}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /bots", c.addBot)
	mux.HandleFunc("POST /acts", c.play)
	mux.HandleFunc("GET /sent", c.sent)
	mux.HandleFunc("POST /databases", c.makeDatabase)
	return mux
}

func (c *control) addBot(w http.ResponseWriter, r *http.Request) {
	var in struct{ Token, Username string }
	if !read(w, r, &in) {
		return
	}
	c.telegram.AddBot(in.Token, in.Username)
	answer(w, map[string]any{})
}

// deeds is what people do; each gives the message's id, 0 for none.
var deeds = map[string]func(*standin.User, act) int64{
	"write":    write,
	"start":    func(u *standin.User, a act) int64 { return u.Start(a.Text) },
	"reply":    func(u *standin.User, a act) int64 { return u.Reply(a.To, a.Text) },
	"edit":     func(u *standin.User, a act) int64 { u.Edit(a.To, a.Text, time.Now().Unix()); return a.To },
	"photo":    func(u *standin.User, a act) int64 { return u.Photo(a.Data, a.Text) },
	"voice":    func(u *standin.User, a act) int64 { return u.Voice(a.Data, a.Seconds) },
	"document": func(u *standin.User, a act) int64 { return u.Document(a.Text, a.MIME, a.Data) },
	"contact":  func(u *standin.User, a act) int64 { return u.ShareContact(a.Text) },
	"block":    func(u *standin.User, _ act) int64 { u.Block(); return 0 },
	"unblock":  func(u *standin.User, _ act) int64 { u.Unblock(); return 0 },
}

func write(u *standin.User, a act) int64 {
	at := time.Now().Add(-time.Duration(a.MinutesAgo) * time.Minute)
	return u.Post(standin.Content{"text": a.Text, "date": at.Unix()})
}

func (c *control) play(w http.ResponseWriter, r *http.Request) {
	var in act
	if !read(w, r, &in) {
		return
	}
	bot, deed := c.telegram.Bot(in.Bot), deeds[in.Act]
	if bot == nil || deed == nil {
		http.Error(w, "no such bot or act", http.StatusNotFound)
		return
	}
	answer(w, map[string]any{"messageId": deed(bot.User(in.User, in.Name), in)})
}

func (c *control) sent(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	bot := c.telegram.Bot(query.Get("bot"))
	user, err := strconv.ParseInt(query.Get("user"), 10, 64)
	if bot == nil || err != nil {
		http.Error(w, "no such bot or user", http.StatusNotFound)
		return
	}
	wanted, _ := strconv.Atoi(query.Get("wait"))
	ctx, cancel := context.WithTimeout(r.Context(), longestWait)
	defer cancel()
	answer(w, map[string]any{"sent": received(ctx, bot, user, wanted)})
}

// received waits until the user got so many messages and gives them all.
func received(ctx context.Context, bot *standin.Bot, user int64, wanted int) []standin.Sent {
	for {
		all := bot.Sent()
		mine := slices.DeleteFunc(slices.Clone(all), func(s standin.Sent) bool { return s.Chat != user })
		if len(mine) >= wanted || bot.WaitSent(ctx, len(all)+1) != nil {
			return mine
		}
	}
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(into)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
	return err == nil
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
