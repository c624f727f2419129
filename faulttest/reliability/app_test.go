package reliability

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

type counter struct{ atomic.Int64 }

// employee is somebody signed in to the app.
type employee struct {
	*company
	name, email, id, owner string
	cookie                 string
	turned                 atomic.Int64 // how often he turned to another node
}

// appClient has a deadline of its own: a frozen node must not hold anybody for ever.
var appClient = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 100, MaxConnsPerHost: 0}}

// answer is what the app said; Status 0 means that no answer came.
type answer struct {
	status int
	body   []byte
	header http.Header
}

// node is the base URL of the node he uses.
func (e *employee) node() string { return e.nodes[int(e.turned.Load())%len(e.nodes)].url() }

func (e *employee) call(method, path string, in any) answer {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return answer{}
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequest(method, e.node()+path, body)
	if err != nil {
		return answer{}
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if e.cookie != "" {
		r.Header.Set("Cookie", e.cookie)
	}
	return roundTrip(appClient, r)
}

func roundTrip(client *http.Client, r *http.Request) answer {
	res, err := client.Do(r)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}
	}
	return answer{res.StatusCode, body, res.Header}
}

// ask calls and wants one status, then decodes the answer.
func (e *employee) ask(status int, method, path string, in, out any) {
	e.t.Helper()
	a := e.call(method, path, in)
	if a.status != status {
		e.t.Fatalf("%s %s: %d in place of %d: %s", method, path, a.status, status, a.body)
	}
	e.signedIn(a)
	if out == nil {
		return
	}
	if err := json.Unmarshal(a.body, out); err != nil {
		e.t.Fatalf("%s %s: %v", method, path, err)
	}
}

func (e *employee) signedIn(a answer) {
	if set := a.header.Get("Set-Cookie"); set != "" {
		e.cookie, _, _ = strings.Cut(set, ";")
	}
}

var setupLink = regexp.MustCompile(`http://\S+/setup#(\S+)`)

// found goes the way of a newcomer: set-up link, CRM, channels, people, roles.
func (c *company) found(withBot bool) {
	c.t.Helper()
	link := setupLink.FindStringSubmatch(c.nodes[0].log.String())
	if link == nil {
		c.t.Fatalf("no set-up link was printed:\n%s", c.nodes[0].log.tail(20))
	}
	admin := &employee{company: c}
	admin.ask(200, "POST", "/api/app/setup", map[string]string{"token": link[1], "company": "Reliable",
		"name": "Admin", "email": "admin@example.com", "password": password}, nil)
	admin.ask(200, "PUT", "/api/app/crm", map[string]string{"token": crmToken}, nil)
	admin.ask(200, "PATCH", "/api/app/settings", map[string]any{"timeline": true, "country": "RU"}, nil)
	c.site, c.key = admin.addChannel(map[string]any{"transport": "webchat", "name": "Site", "config": map[string]any{"origins": []string{}}})
	if withBot {
		mode := "poll"
		if c.hook != "" {
			mode = "webhook"
		}
		c.tg, _ = admin.addChannel(map[string]any{"transport": "telegram_bot", "config": map[string]string{"mode": mode}, "token": botToken})
	}
	c.hire(admin)
	c.crm.ResetCounters()
}

func (e *employee) addChannel(in map[string]any) (id, key string) {
	e.t.Helper()
	var made struct{ ID, Key string }
	e.ask(201, "POST", "/api/app/channels", in, &made)
	pipeline := e.crm.Pipelines()[0]
	e.ask(200, "PUT", "/api/app/channels/"+made.ID+"/settings", map[string]string{"target": "deal", "pipeline": pipeline.ID, "stage": pipeline.Stages[0].ID}, nil)
	return made.ID, made.Key
}

// hire invites the CRM's people and makes them managers who receive new clients.
func (c *company) hire(admin *employee) {
	c.t.Helper()
	var all struct {
		Employees []struct{ ID, Name, Email string }
	}
	admin.ask(200, "GET", "/api/app/employees", nil, &all)
	var rows []map[string]any
	for _, owner := range c.crm.Owners() {
		for _, e := range all.Employees {
			if e.Email != strings.ToLower(owner.Email) {
				continue
			}
			rows = append(rows, map[string]any{"employeeId": e.ID, "role": "manager", "receives": true})
			hired := &employee{company: c, name: e.Name, email: e.Email, id: e.ID, owner: owner.ID}
			hired.join(admin)
			c.staff = append(c.staff, hired)
		}
	}
	if len(rows) != 3 {
		c.t.Fatalf("%d employees were imported from the CRM, 3 were expected", len(rows))
	}
	for _, channel := range []string{c.site, c.tg} {
		if channel != "" {
			admin.ask(200, "PUT", "/api/app/channels/"+channel+"/roles", map[string]any{"rows": rows}, nil)
		}
	}
}

func (e *employee) join(admin *employee) {
	e.t.Helper()
	var invitation struct{ URL string }
	admin.ask(201, "POST", "/api/app/employees/"+e.id+"/invitation", nil, &invitation)
	_, token, _ := strings.Cut(invitation.URL, "#")
	e.ask(200, "POST", "/api/app/invitations/"+url.PathEscape(token), map[string]string{"password": password}, nil)
}

// reply sends an answer until the product has confirmed or refused it; the same id
// again is the same message.
func (e *employee) reply(stop <-chan struct{}, chat string, l *line) {
	for {
		a := e.call("POST", "/api/app/chats/"+chat+"/messages", map[string]string{"id": l.id, "text": l.text})
		switch {
		case a.status == 201:
			e.book.confirm(l)
			return
		case a.status == 0:
			e.interrupted.Add(1)
			e.turned.Add(1)
		case a.status < 500 && a.status != 429:
			e.t.Errorf("seed %d: an answer to %s was refused: %d %s", e.seed, chat, a.status, a.body)
			return
		}
		select {
		case <-stop:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// screen reads every chat that the employee may see, with all its messages, as texts by
// chat id.
func (e *employee) screen() map[string][]string {
	e.t.Helper()
	seen := map[string][]string{}
	for cursor := ""; ; {
		var page struct {
			Chats []struct{ ID string }
			Next  string
		}
		e.ask(200, "GET", "/api/app/chats?limit=100&cursor="+url.QueryEscape(cursor), nil, &page)
		for _, chat := range page.Chats {
			seen[chat.ID] = e.thread(chat.ID)
		}
		if cursor = page.Next; cursor == "" {
			return seen
		}
	}
}

func (e *employee) thread(chat string) []string {
	e.t.Helper()
	var texts []string
	for after, more := int64(0), true; more; {
		var page struct {
			Messages []struct {
				Seq  int64
				Text string
			}
			More bool
		}
		e.ask(200, "GET", fmt.Sprintf("/api/app/chats/%s/messages?limit=200&after=%d", chat, after), nil, &page)
		for _, m := range page.Messages {
			texts, after = append(texts, m.Text), m.Seq
		}
		more = page.More && len(page.Messages) > 0
	}
	return texts
}
