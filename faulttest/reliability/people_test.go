package reliability

import (
	"bytes"
	crypto "crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"switchboard"
	"switchboard/channel/telegrambot/standin"
)

// person is somebody outside: a site visitor or a Telegram user.
type person struct {
	*company
	number int
	phone  string // a visitor's, "" for most
	user   *standin.User

	session      string // id: the chat's address
	token        string
	base         func(try int) string
	mu           sync.Mutex // one thing at a time
	read         int64      // number of the last entry read
	in, out      []string   // texts as read, in their order
	spoke        bool
	answering    sync.Mutex // employees answer one at a time
	lastAnswered time.Time
}

// address is the person's in the database.
func (p *person) address() string {
	if p.user != nil {
		return strconv.FormatInt(p.user.ID, 10)
	}
	return p.session
}

// join adds people; every fifth is on Telegram where there is a bot.
func (c *company) join(count int) []*person {
	first := len(c.people)
	for range count {
		p := &person{company: c, number: len(c.people)}
		p.base = func(try int) string { return c.nodes[(p.number+try)%len(c.nodes)].url() }
		if c.tg != "" && p.number%5 == 4 {
			p.user = c.bot.User(int64(5_000_000+p.number), fmt.Sprintf("User%d", p.number))
		}
		c.people = append(c.people, p)
	}
	return c.people[first:]
}

var visitorClient = &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 500}}

// request is one of a visitor, from an address of his own.
func (p *person) request(try int, method, path string, in any) answer {
	var body bytes.Buffer
	if in != nil {
		_ = json.NewEncoder(&body).Encode(in)
	}
	r, err := http.NewRequest(method, p.base(try)+"/webchat/v1/"+p.key+path, &body)
	if err != nil {
		return answer{}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.1.%d.%d", p.number/250, p.number%250+1))
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	a := roundTrip(visitorClient, r)
	if a.status == 0 {
		p.interrupted.Add(1)
	}
	return a
}

// insist repeats a request as the protocol says, until it is confirmed (one of the
// statuses) or stop is closed.
func (p *person) insist(stop <-chan struct{}, method, path string, in any, confirmed ...int) (answer, bool) {
	for try := 0; ; try++ {
		a := p.request(try, method, path, in)
		for _, status := range confirmed {
			if a.status == status {
				return a, true
			}
		}
		pause := 50*time.Millisecond + time.Duration(p.book.below(150))*time.Millisecond
		switch {
		case a.status == 429:
			seconds, _ := strconv.Atoi(a.header.Get("Retry-After"))
			pause = time.Duration(max(seconds, 1)) * time.Second
		case a.status >= 400 && a.status < 500:
			p.t.Errorf("seed %d: %s %s of person %d: %d %s", p.seed, method, path, p.number, a.status, a.body)
			return a, false
		}
		select {
		case <-stop:
			return a, false
		case <-time.After(pause):
		}
	}
}

// say writes one message and waits until it is confirmed. A Telegram user's is
// confirmed by the offset, which the stand-in watches.
func (p *person) say(stop <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.user != nil {
		l := p.book.write("in", p.number, "")
		p.user.Write(l.text)
		p.book.confirm(l) // Telegram keeps it until it is taken
		p.spoke = true
		return
	}
	if p.token == "" && !p.begin(stop) {
		return
	}
	l := p.book.write("in", p.number, newUUID())
	if _, ok := p.insist(stop, "POST", "/messages", map[string]string{"id": l.id, "text": l.text}, 201, 200); ok {
		p.book.confirm(l)
	}
	p.spoke = true
}

func (p *person) begin(stop <-chan struct{}) bool {
	in := map[string]string{"name": fmt.Sprintf("Person %d", p.number)}
	if p.phone != "" {
		in["phone"] = p.phone
	}
	a, ok := p.insist(stop, "POST", "/sessions", in, 201)
	if !ok {
		return false
	}
	var made struct{ Token, ClientID string }
	if err := json.Unmarshal(a.body, &made); err != nil {
		p.t.Errorf("a session's answer: %v", err)
		return false
	}
	p.token, p.session = made.Token, made.ClientID
	return true
}

// look reads what is new on a visitor's screen; numbers must follow each other.
func (p *person) look(stop <-chan struct{}, f *figures) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.user == nil && p.token != "" {
		a, ok := p.insist(stop, "GET", "/messages?after="+strconv.FormatInt(p.read, 10), nil, 200)
		if !ok {
			return
		}
		var page struct {
			Messages []struct {
				Seq             int64
				Direction, Text string
			}
		}
		if err := json.Unmarshal(a.body, &page); err != nil {
			p.t.Errorf("a page of entries: %v", err)
			return
		}
		if len(page.Messages) == 0 {
			return
		}
		for _, m := range page.Messages {
			if m.Seq != p.read+1 {
				f.note(&f.lost, 1, "person %d reads number %d after %d", p.number, m.Seq, p.read)
			}
			p.read = m.Seq
			p.receive(m.Direction, m.Text)
		}
	}
}

func (p *person) receive(direction, text string) {
	if direction == "in" {
		p.in = append(p.in, text)
		return
	}
	p.out = append(p.out, text)
}

func newUUID() string { return switchboard.NewUUID(time.Now(), crypto.Reader) }
