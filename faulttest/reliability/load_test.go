package reliability

import (
	"sync"
	"sync/atomic"
	"time"
)

// load is people writing and employees answering until it is stopped.
type load struct {
	*company
	figures *figures
	ending  chan struct{} // nobody begins anything new
	abort   chan struct{} // everybody gives up
	free    chan *person
	waiting sync.WaitGroup
	said    atomic.Int64
	replied atomic.Int64
	begun   time.Time
}

// chatOf is a chat that an employee may answer.
type chatOf struct {
	id       string
	person   *person
	employee *employee
}

// begin starts a load of so many messages in and out per second.
func (c *company) begin(f *figures, people []*person, inPerSecond, outPerSecond int) *load {
	l := &load{company: c, figures: f, ending: make(chan struct{}), abort: make(chan struct{}), free: make(chan *person, 10_000), begun: time.Now()}
	for _, p := range people {
		l.free <- p
	}
	l.pump(inPerSecond, l.speak)
	var answerable atomic.Pointer[[]chatOf]
	answerable.Store(&[]chatOf{})
	l.waiting.Go(func() {
		for l.pause(time.Second) {
			found := c.answerable()
			answerable.Store(&found)
		}
	})
	l.pump(outPerSecond, func() { l.answer(*answerable.Load()) })
	c.t.Cleanup(sync.OnceFunc(func() { close(l.abort) }))
	return l
}

// pump calls do so many times a second until the load ends.
func (l *load) pump(perSecond int, do func()) {
	if perSecond == 0 {
		return
	}
	l.waiting.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				do()
			case <-l.ending:
				return
			}
		}
	})
}

// pause is false once the load ends.
func (l *load) pause(d time.Duration) bool {
	select {
	case <-l.ending:
		return false
	case <-time.After(d):
		return true
	}
}

// speak lets somebody who is free write, and now and then read.
func (l *load) speak() {
	select {
	case p := <-l.free:
		l.waiting.Go(func() {
			p.say(l.abort)
			if l.said.Add(1)%4 == 0 {
				p.look(l.abort, l.figures)
			}
			l.free <- p
		})
	default: // all wait for the product
	}
}

func (l *load) answer(chats []chatOf) {
	if len(chats) == 0 {
		return
	}
	chat := chats[l.book.below(len(chats))]
	if !chat.person.answering.TryLock() {
		return
	}
	l.waiting.Go(func() {
		defer chat.person.answering.Unlock()
		chat.employee.reply(l.abort, chat.id, l.book.write("out", chat.person.number, newUUID()))
		l.replied.Add(1)
	})
}

// answerable lists the chats of linked clients with their responsible; nothing while
// the database cannot be read.
func (c *company) answerable() []chatOf {
	people := map[string]*person{}
	for _, p := range c.people {
		people[p.address()] = p
	}
	staff := map[string]*employee{}
	for _, e := range c.staff {
		staff[e.id] = e
	}
	rows, err := c.reads.Query(`SELECT o.chat_id, o.employee_id, c.address FROM chat_owner o
		JOIN chat c ON c.account_id = o.account_id AND c.id = o.chat_id
		JOIN client k ON k.account_id = c.account_id AND k.id = c.client_id WHERE k.state = 'linked'`)
	if err != nil {
		return nil
	}
	defer rows.Close()
	var all []chatOf
	for rows.Next() {
		var chat, owner, address string
		if rows.Scan(&chat, &owner, &address) == nil && people[address] != nil && staff[owner] != nil {
			all = append(all, chatOf{chat, people[address], staff[owner]})
		}
	}
	return all
}

// end stops the load; what was begun is brought to its end.
func (l *load) end() {
	l.t.Helper()
	close(l.ending)
	lasted := time.Since(l.begun)
	done := make(chan struct{})
	go func() { l.waiting.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		l.t.Fatalf("seed %d: people still wait for a confirmation after two minutes: %s", l.seed, l.open())
	}
	l.t.Logf("in %s: %d messages in (%.0f/s), %d answers (%.0f/s), %d requests without an answer", lasted.Round(time.Second),
		l.said.Load(), float64(l.said.Load())/lasted.Seconds(), l.replied.Load(), float64(l.replied.Load())/lasted.Seconds(), l.interrupted.Load())
}

// stopPeople closes what people keep open.
func (c *company) stopPeople() {
	visitorClient.CloseIdleConnections()
	appClient.CloseIdleConnections()
}
