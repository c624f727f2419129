package reliability

import (
	"fmt"
	"slices"
	"strings"

	"switchboard/crm/hubspot/sandbox"
)

// stored is one message as the database has it.
type stored struct {
	seq                                 int64
	id, direction, text, status, reason string
}

// thread is one chat of the database.
type thread struct {
	id, channel, contact string
	last, view           int64
	messages             []stored
}

// threads reads every chat, by its address.
func (c *company) threads() map[string]*thread {
	c.t.Helper()
	all := map[string]*thread{}
	rows, err := c.reads.Query(`SELECT c.address, c.id, c.channel_id, c.last_seq, c.view_seq, k.contact_id FROM chat c
		JOIN client k ON k.account_id = c.account_id AND k.id = c.client_id`)
	c.must(err)
	defer rows.Close()
	byID := map[string]*thread{}
	for rows.Next() {
		var address string
		t := &thread{}
		c.must(rows.Scan(&address, &t.id, &t.channel, &t.last, &t.view, &t.contact))
		all[address], byID[t.id] = t, t
	}
	c.must(rows.Err())
	c.readMessages(byID)
	return all
}

func (c *company) readMessages(byID map[string]*thread) {
	c.t.Helper()
	rows, err := c.reads.Query(`SELECT chat_id, seq, id, direction, text, status, reason FROM message ORDER BY chat_id, seq`)
	c.must(err)
	defer rows.Close()
	for rows.Next() {
		var chat string
		var m stored
		c.must(rows.Scan(&chat, &m.seq, &m.id, &m.direction, &m.text, &m.status, &m.reason))
		byID[chat].messages = append(byID[chat].messages, m)
	}
	c.must(rows.Err())
}

func (t *thread) texts(direction string) []string {
	var all []string
	for _, m := range t.messages {
		if direction == "" || m.direction == direction {
			all = append(all, m.text)
		}
	}
	return all
}

// check compares the ledger with everything that was made of it.
func (c *company) check(f *figures) {
	c.t.Helper()
	threads := c.threads()
	for _, p := range c.people {
		if !p.spoke {
			continue
		}
		t := threads[p.address()]
		if t == nil {
			f.note(&f.lost, len(c.book.of("in", p.number)), "person %d has no chat", p.number)
			continue
		}
		c.checkThread(f, p, t)
		c.checkReader(f, p, t)
		c.checkCRM(f, p, t)
	}
	c.checkRecords(f, threads)
	c.checkScreens(f, threads)
	for _, node := range c.nodes {
		f.leaked("the log", leaksOf(node.log.String()))
	}
}

// checkThread: the ledger is the chat, numbered without gaps (P1, P2, P3).
func (c *company) checkThread(f *figures, p *person, t *thread) {
	where := fmt.Sprintf("chat of person %d", p.number)
	f.sequence(where, c.book.of("in", p.number), t.texts("in"))
	f.sequence(where, c.book.of("out", p.number), t.texts("out"))
	var numbers []int64
	for _, m := range t.messages {
		numbers = append(numbers, m.seq)
	}
	f.numbers(where, numbers)
	if int64(len(numbers)) != t.last {
		f.note(&f.lost, 1, "%s has %d messages and counts %d", where, len(numbers), t.last)
	}
	for _, l := range c.book.of("in", p.number) {
		kept := slices.ContainsFunc(t.messages, func(m stored) bool { return m.text == l.text && (l.id == "" || m.id == l.id) })
		if l.confirmed && !kept {
			f.note(&f.lost, 1, "%s: %s is not kept under its id", where, l.text)
		}
	}
}

// checkReader: what reached the person is what the chat says (P5). "Maybe sent" may
// have come or not; everything else exactly once.
func (c *company) checkReader(f *figures, p *person, t *thread) {
	where := fmt.Sprintf("screen of person %d", p.number)
	if p.user == nil {
		f.sequence(where, c.book.of("in", p.number), p.in)
		if p.read != t.view {
			f.note(&f.lost, 1, "%s shows %d entries of %d", where, p.read, t.view)
		}
	}
	got := p.out
	if p.user != nil {
		got = nil
		for _, sent := range p.user.Received() {
			got = append(got, sent.Text)
		}
	}
	var due []line
	for _, m := range t.messages {
		if m.direction != "out" {
			continue
		}
		switch m.status {
		case "maybe_sent":
			f.note(&f.maybeSent, 1, "%s: number %d is maybe sent: %s", where, m.seq, m.reason)
			due = append(due, line{text: m.text})
		case "sent", "delivered", "read":
			due = append(due, line{text: m.text, confirmed: true})
		default:
			f.note(&f.lost, 1, "%s: an answer ended as %s", where, m.status)
		}
	}
	f.sequence(where, due, got)
}

// checkCRM: each message stands once in the contact's timeline, in order (P6).
func (c *company) checkCRM(f *figures, p *person, t *thread) {
	where := fmt.Sprintf("timeline of person %d", p.number)
	if t.contact == "" {
		f.note(&f.lost, 1, "person %d has no contact", p.number)
		return
	}
	entries := slices.Concat(c.crm.Linked("contacts", t.contact, "notes"), c.crm.Linked("contacts", t.contact, "communications"))
	slices.SortStableFunc(entries, func(a, b sandbox.Record) int {
		return strings.Compare(a.Properties["hs_timestamp"], b.Properties["hs_timestamp"])
	})
	var got []string
	for i, e := range entries {
		if i > 0 && entries[i-1].Properties["hs_timestamp"] == e.Properties["hs_timestamp"] {
			f.note(&f.reordered, 1, "%s: two entries at %s", where, e.Properties["hs_timestamp"])
		}
		got = append(got, canariesIn(e.Properties["hs_note_body"]+e.Properties["hs_communication_body"])...)
	}
	var want []line
	for _, text := range t.texts("") {
		want = append(want, line{text: text, confirmed: true})
	}
	f.sequence(where, want, got)
}

// checkRecords: one contact and one deal per person (P7), turns within one (QUEUE-2).
func (c *company) checkRecords(f *figures, threads map[string]*thread) {
	clients := c.number(`SELECT COUNT(*) FROM client WHERE state <> 'opened'`)
	known := c.number(`SELECT COUNT(*) FROM decision WHERE outcome IN ('keep', 'assign') AND provisional = 0`)
	for kind, want := range map[string]int{"contacts": clients + len(c.ownerless), "deals": clients - known} {
		switch n := len(c.crm.Records(kind)); {
		case n > want:
			f.note(&f.duplicated, n-want, "%d %s of %d clients", n, kind, want)
		case n < want:
			f.note(&f.lost, want-n, "%d %s of %d clients", n, kind, want)
		}
	}
	for _, channel := range []string{c.site, c.tg} {
		c.checkTurns(channel)
	}
}

// checkTurns: on a channel nobody is more than one turn ahead (QUEUE-2).
func (c *company) checkTurns(channel string) {
	c.t.Helper()
	var turns []int
	for _, e := range c.staff {
		turns = append(turns, c.number(`SELECT COUNT(*) FROM decision
			WHERE channel_id = $1 AND employee_id = $2 AND outcome IN ('create', 'assign') AND provisional = 0`, channel, e.id))
	}
	if slices.Max(turns)-slices.Min(turns) > 1 {
		c.t.Errorf("seed %d: turns of a channel: %v (QUEUE-2)", c.seed, turns)
	}
}

// checkScreens: each manager sees the chats of the contacts he is responsible for,
// whole, and nothing of anybody else's (P10).
func (c *company) checkScreens(f *figures, threads map[string]*thread) {
	c.t.Helper()
	owner, people := map[string]string{}, map[string]*person{}
	for _, r := range c.crm.Records("contacts") {
		owner[r.ID] = r.Properties["hubspot_owner_id"]
	}
	for _, p := range c.people {
		people[p.address()] = p
	}
	for _, e := range c.staff {
		own := map[string]bool{}
		mine := map[int]bool{}
		seen := e.screen()
		for address, t := range threads {
			if owner[t.contact] != e.owner {
				continue
			}
			own[t.id] = true
			if p := people[address]; p != nil {
				mine[p.number] = true
			}
			if diff := len(t.messages) - len(seen[t.id]); diff != 0 || !slices.Equal(t.texts(""), seen[t.id]) {
				f.note(&f.lost, max(1, diff), "%s sees %d of %d messages of chat %s", e.name, len(seen[t.id]), len(t.messages), t.id)
			}
		}
		for chat, texts := range seen {
			f.leaked("the screen of "+e.name, strangers(strings.Join(texts, " "), func(n int) bool { return mine[n] }))
			if !own[chat] {
				f.note(&f.leaks, 1, "%s sees chat %s of somebody else", e.name, chat)
			}
		}
		c.checkDoors(f, e, own, threads)
	}
}

// checkDoors: a foreign chat answers as one that does not exist (ROLE-4).
func (c *company) checkDoors(f *figures, e *employee, own map[string]bool, threads map[string]*thread) {
	tried := 0
	for _, t := range threads {
		if own[t.id] || tried == 10 {
			continue
		}
		tried++
		if a := e.call("GET", "/api/app/chats/"+t.id+"/messages", nil); a.status != 404 {
			f.note(&f.leaks, 1, "%s reads chat %s of somebody else: %d", e.name, t.id, a.status)
		}
	}
}

// leaksOf lists what no log may hold: texts, tokens, passwords (P13).
func leaksOf(log string) []string {
	found := canariesIn(log)
	for _, secret := range []string{crmToken, botToken, password, "wst_"} {
		if strings.Contains(log, secret) {
			found = append(found, secret)
		}
	}
	return found
}
