package reliability

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync"
)

// line is one message in a ledger. Lines are only added, and confirmed once.
type line struct {
	person    int // whose chat it belongs to
	number    int // 1, 2, 3 ... of its person and direction
	id        string
	text      string
	confirmed bool
}

// book is the ledger of what people said ("in") and employees answered ("out"), in the
// order in which each began to say it.
type book struct {
	seed   uint64
	mu     sync.Mutex
	random *rand.Rand
	lines  map[string]map[int][]*line // direction -> person -> lines
}

func newBook(seed uint64) *book {
	return &book{seed: seed, random: rand.New(rand.NewPCG(seed, 1)), lines: map[string]map[int][]*line{"in": {}, "out": {}}}
}

// write adds a line before anything is sent; its text is a canary that names its
// person, so that whoever sees it can be judged.
func (b *book) write(direction string, person int, id string) *line {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &line{person: person, number: len(b.lines[direction][person]) + 1, id: id}
	l.text = fmt.Sprintf("%s-p%d-%d-%012x", direction, person, l.number, b.random.Uint64()>>16)
	b.lines[direction][person] = append(b.lines[direction][person], l)
	return l
}

// confirm notes that the product said: it is kept.
func (b *book) confirm(l *line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.confirmed = true
}

// of gives copies of a person's lines.
func (b *book) of(direction string, person int) []line {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []line
	for _, l := range b.lines[direction][person] {
		all = append(all, *l)
	}
	return all
}

// count tells how many lines there are and how many were confirmed.
func (b *book) count(direction string) (all, confirmed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, lines := range b.lines[direction] {
		for _, l := range lines {
			all++
			if l.confirmed {
				confirmed++
			}
		}
	}
	return all, confirmed
}

// below gives a random number below n.
func (b *book) below(n int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.random.IntN(n)
}

var canary = regexp.MustCompile(`\b(?:in|out)-p(\d+)-\d+-[0-9a-f]{12}\b`)

// canariesIn lists the texts of the ledger that a text holds.
func canariesIn(text string) []string { return canary.FindAllString(text, -1) }

// strangers lists canaries in a text that belong to nobody of those who may be seen.
func strangers(text string, may func(person int) bool) []string {
	var found []string
	for _, match := range canary.FindAllStringSubmatch(text, -1) {
		person, _ := strconv.Atoi(match[1])
		if !may(person) && !slices.Contains(found, match[0]) {
			found = append(found, match[0])
		}
	}
	return found
}
