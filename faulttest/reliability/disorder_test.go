package reliability

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// R11: site visitors repeat each message 1 to 20 times at once, and all of them after a
// restart; the answer is always the same.
func TestSiteVisitorsWhoRepeatThemselvesAreHeardOnce(t *testing.T) {
	alone(t)
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, setup{engine: engine, path: binary(t), noBot: true})
			people := c.join(10)
			answers := map[string]any{}
			copies := 0
			for range times(10, 4) {
				for _, p := range people {
					copies += p.repeat(answers)
				}
			}
			c.nodes[0].kill()
			c.nodes[0].start()
			for _, p := range people {
				for _, l := range c.book.of("in", p.number) {
					copies += p.sameAnswer(l, 2, answers)
				}
			}
			f := newFigures()
			c.finish(f)
			f.print(t, "R11 site "+string(engine), c.seed, copies)
		})
	}
}

// repeat says one new thing 1 to 20 times at once.
func (p *person) repeat(answers map[string]any) int {
	p.t.Helper()
	if p.token == "" && !p.begin(nil) {
		p.t.Fatal("no session")
	}
	l := p.book.write("in", p.number, newUUID())
	p.spoke = true
	n := p.sameAnswer(*l, 1+p.book.below(20), answers)
	p.book.confirm(l)
	return n
}

// sameAnswer posts a line n times at once; every answer tells the same number and time.
func (p *person) sameAnswer(l line, n int, answers map[string]any) int {
	p.t.Helper()
	var wait sync.WaitGroup
	all := make([]any, n)
	for i := range n {
		wait.Go(func() {
			a, _ := p.insist(nil, "POST", "/messages", map[string]string{"id": l.id, "text": l.text}, 201, 200)
			_ = json.Unmarshal(a.body, &all[i])
		})
	}
	wait.Wait()
	for _, a := range all {
		if answers[l.id] == nil {
			answers[l.id] = a
		}
		if diff := cmp.Diff(answers[l.id], a); diff != "" {
			p.t.Errorf("seed %d: two answers to one message differ: %s", p.seed, diff)
		}
	}
	return n
}

// R11, R12: Telegram's deliveries come mixed, late, 1 to 20 times at once, edits before
// their message, through kills, and all once more in the end.
func TestMixedAndRepeatedDeliveriesAreStoredOnceWithTheirLastText(t *testing.T) {
	alone(t)
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			r := newRelay(t)
			c := newCompany(t, setup{engine: engine, path: binary(t), hook: r.address})
			r.begin(c)
			people := c.telegramUsers(8)
			for range times(10, 3) {
				for range 5 {
					for _, p := range people {
						p.sayInDrafts()
					}
				}
				time.Sleep(time.Duration(c.book.below(400)) * time.Millisecond)
				c.nodes[0].kill()
				c.nodes[0].start()
			}
			c.await("Telegram's deliveries", time.Minute, func() bool { return c.bot.Pending() == 0 })
			r.end()
			r.again()
			c.quiet(3 * time.Minute)
			f := newFigures()
			c.checkMixed(f, people)
			if r.late.Load() == 0 || r.copies.Load() < 2*int64(len(r.all)) {
				t.Errorf("seed %d: %d deliveries late, %d copies of %d: nothing was proved", c.seed, r.late.Load(), r.copies.Load(), len(r.all))
			}
			t.Logf("%d deliveries, %d copies, %d overtaken", len(r.all), r.copies.Load(), r.late.Load())
			f.print(t, "R11, R12 "+string(engine), c.seed, int(r.copies.Load()))
		})
	}
}

// telegramUsers join the company.
func (c *company) telegramUsers(count int) []*person {
	var users []*person
	for _, p := range c.join(5 * count) {
		if p.user != nil {
			users = append(users, p)
		}
	}
	return users
}

// sayInDrafts writes something and changes it twice; the last text counts.
func (p *person) sayInDrafts() {
	l := p.book.write("in", p.number, "")
	now := time.Now().Unix()
	id := p.user.Write("first draft " + newUUID())
	p.user.Edit(id, "second draft "+newUUID(), now+5)
	p.user.Edit(id, l.text, now+10)
	p.book.confirm(l)
	p.spoke = true
}

// checkMixed: each message once, with its last text, numbered without gaps. Order
// between messages is that of their arrival, which was mixed.
func (c *company) checkMixed(f *figures, people []*person) {
	c.t.Helper()
	threads := c.threads()
	for _, p := range people {
		t := threads[p.address()]
		if t == nil {
			f.note(&f.lost, 1, "person %d has no chat", p.number)
			continue
		}
		got := t.texts("in")
		f.sequence("chat of "+p.address(), c.book.of("in", p.number), inOrderOf(c.book.of("in", p.number), got))
		var numbers []int64
		for _, m := range t.messages {
			numbers = append(numbers, m.seq)
		}
		f.numbers("chat of "+p.address(), numbers)
		entries := len(c.crm.Linked("contacts", t.contact, "notes")) + len(c.crm.Linked("contacts", t.contact, "communications"))
		switch {
		case entries > len(got):
			f.note(&f.duplicated, entries-len(got), "%d entries of %d messages", entries, len(got))
		case entries < len(got):
			f.note(&f.lost, len(got)-entries, "%d entries of %d messages", entries, len(got))
		}
	}
	c.checkRecords(f, threads)
	c.checkScreens(f, threads)
}

// inOrderOf sorts received texts as the ledger has them; strangers come last.
func inOrderOf(lines []line, got []string) []string {
	place := map[string]int{}
	for i, l := range lines {
		place[l.text] = i + 1
	}
	sorted := slices.Clone(got)
	slices.SortStableFunc(sorted, func(a, b string) int { return rank(place, a) - rank(place, b) })
	return sorted
}

func rank(place map[string]int, text string) int {
	if place[text] == 0 {
		return len(place) + 1
	}
	return place[text]
}

// R11: after a silent week Telegram's update ids begin lower; nothing is taken for old,
// and what is delivered again, with old ids, is known.
func TestLowerUpdateIDsAfterASilentWeekAreNews(t *testing.T) {
	alone(t)
	for _, engine := range engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			c := newCompany(t, setup{engine: engine, path: binary(t)})
			c.bot.RestartIDs(900_000_000)
			people := c.telegramUsers(8)
			everybody := func() {
				for _, p := range people {
					p.say(nil)
					p.say(nil)
				}
				c.await("Telegram's deliveries", time.Minute, func() bool { return c.bot.Pending() == 0 })
			}
			everybody()
			c.nodes[0].kill()
			c.bot.RestartIDs(17) // eight days later
			c.nodes[0].start()
			everybody()
			c.bot.Replay()
			c.await("what came again", time.Minute, func() bool { return c.bot.Pending() == 0 })
			f := newFigures()
			c.finish(f)
			f.print(t, "R11 update ids "+string(engine), c.seed, len(people))
		})
	}
}
