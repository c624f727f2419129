package live

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"switchboard"
)

// pageEvents bounds how many events are read at once.
const pageEvents = 200

// page is a run of events with the rows they name, from one snapshot.
type page struct {
	events  []switchboard.Event
	head    int64 // newest event of the snapshot
	to      int64 // everything up to here is in the page
	cast    *switchboard.Cast
	notices []*notice
	casting int64 // number of the last event after which names or rights may differ, or 0
	signing bool  // sessions may have ended
}

// notice is one thing to tell, to whoever may know it.
type notice struct {
	number  int64
	kind    Kind
	chat    *switchboard.ChatRow
	message *switchboard.MessageRow
	// lost are employees who owned the chat before (OWNER-1).
	lost []switchboard.EmployeeID
	// moved: the chat's client may have another contact now.
	moved bool
	// about limits a Settings notice: to an employee, to a channel, else to nobody
	// in particular. Administrators get them all.
	employee switchboard.EmployeeID
	channel  switchboard.ChannelID
	frames   map[Look]*Frame
}

// read reads the events after a number. The cast is read where the events or the
// settings' version ask for it, or always when known is nil.
func read(ctx context.Context, store Store, account switchboard.AccountID, after int64, known *switchboard.Cast) (p page, err error) {
	err = store.View(ctx, func(tx switchboard.Tx) error {
		p = page{}
		var err error
		if p.head, err = store.Head(ctx, tx, account); err != nil {
			return fmt.Errorf("read head: %w", err)
		}
		if p.events, err = store.EventsAfter(ctx, tx, account, after, pageEvents); err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		p.to = p.head
		if len(p.events) == pageEvents {
			p.to = p.events[len(p.events)-1].Number
		}
		s := newSorter(p.events)
		p.casting, p.signing = s.casting, s.signing
		if err := p.readCast(ctx, store, tx, account, known); err != nil {
			return err
		}
		p.notices, err = s.notices(ctx, store, tx, account, p.head)
		return err
	})
	return p, err
}

func (p *page) readCast(ctx context.Context, store Store, tx switchboard.Tx, account switchboard.AccountID, known *switchboard.Cast) error {
	if known != nil && p.casting == 0 {
		version, err := store.SettingsVersion(ctx, tx, account)
		if err != nil {
			return fmt.Errorf("read settings version: %w", err)
		}
		if version == known.SettingsVersion {
			p.cast = known
			return nil
		}
	}
	cast, err := store.Cast(ctx, tx, account)
	if err != nil {
		return fmt.Errorf("read cast: %w", err)
	}
	p.cast = &cast
	return nil
}

// isComplete says whether the events go on from a number without a hole.
func (p *page) isComplete(after int64) bool {
	if len(p.events) == 0 {
		return p.head == after
	}
	return p.events[0].Number == after+1
}

// sorter gathers what events name; of several events about one thing the last counts,
// for rows are as of the snapshot anyway.
type sorter struct {
	messages map[switchboard.MessageRef]int64
	chats    map[switchboard.ChatID]*notice
	clients  map[switchboard.ClientID]int64
	settings []*notice
	changed  []switchboard.Event // messages whose quotes change with them
	casting  int64
	signing  bool
}

func newSorter(events []switchboard.Event) *sorter {
	s := &sorter{messages: map[switchboard.MessageRef]int64{}, chats: map[switchboard.ChatID]*notice{}, clients: map[switchboard.ClientID]int64{}}
	for _, e := range events {
		s.sort(e)
	}
	return s
}

func (s *sorter) sort(e switchboard.Event) {
	switch e.Kind {
	case switchboard.EventMessageAdded, switchboard.EventMessageStatus:
		s.messages[switchboard.MessageRef{Chat: e.Chat, Seq: e.Seq}] = e.Number
	case switchboard.EventMessageChanged:
		s.messages[switchboard.MessageRef{Chat: e.Chat, Seq: e.Seq}] = e.Number
		s.changed = append(s.changed, e)
	case switchboard.EventChatChanged:
		s.chat(e.Chat, e.Number)
	case switchboard.EventOwnersChanged:
		n := s.chat(e.Chat, e.Number)
		n.lost = append(n.lost, e.Before...)
	case switchboard.EventClientChanged, switchboard.EventDealChanged:
		s.clients[e.Client] = e.Number
	case switchboard.EventSettingsChanged, switchboard.EventCRMChanged:
		s.casting = e.Number
		s.settings = append(s.settings, &notice{number: e.Number, kind: Settings})
	case switchboard.EventEmployeeChanged:
		s.casting, s.signing = e.Number, true
		s.settings = append(s.settings, &notice{number: e.Number, kind: Settings, employee: switchboard.EmployeeID(e.Ref)})
	case switchboard.EventChannelChanged:
		s.settings = append(s.settings, &notice{number: e.Number, kind: Settings, channel: switchboard.ChannelID(e.Ref)})
	}
}

func (s *sorter) chat(id switchboard.ChatID, number int64) *notice {
	n := s.chats[id]
	if n == nil {
		n = &notice{kind: Chat}
		s.chats[id] = n
	}
	n.number = max(n.number, number)
	return n
}

// notices reads the rows and gives what is to be told, by number.
func (s *sorter) notices(ctx context.Context, store Store, tx switchboard.Tx, account switchboard.AccountID, version int64) ([]*notice, error) {
	if err := s.addChatsOfClients(ctx, store, tx, account); err != nil {
		return nil, err
	}
	if err := s.addQuotes(ctx, store, tx, account); err != nil {
		return nil, err
	}
	rows, err := s.rows(ctx, store, tx, account, version)
	if err != nil {
		return nil, err
	}
	all := s.settings
	for id, n := range s.chats {
		if row, there := rows[id]; there {
			n.chat = row
			all = append(all, n)
		}
	}
	messages, err := store.MessageRows(ctx, tx, account, keys(s.messages), version)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	for i := range messages {
		m := &messages[i]
		if row, there := rows[m.Chat]; there {
			number := s.messages[switchboard.MessageRef{Chat: m.Chat, Seq: m.Seq}]
			all = append(all, &notice{number: number, kind: Message, chat: row, message: m})
		}
	}
	slices.SortStableFunc(all, inOrder)
	return all, nil
}

// inOrder sorts by number, then so that the order does not depend on maps.
func inOrder(a, b *notice) int {
	return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.kind, b.kind), cmp.Compare(a.place(), b.place()))
}

func (n *notice) place() string {
	switch {
	case n.message != nil:
		return fmt.Sprintf("%s/%020d", n.chat.ID, n.message.Seq)
	case n.chat != nil:
		return string(n.chat.ID)
	}
	return ""
}

func (s *sorter) addChatsOfClients(ctx context.Context, store Store, tx switchboard.Tx, account switchboard.AccountID) error {
	chats, err := store.ChatsOfClients(ctx, tx, account, keys(s.clients))
	if err != nil {
		return fmt.Errorf("list chats of clients: %w", err)
	}
	for client, ids := range chats {
		for _, id := range ids {
			s.chat(id, s.clients[client]).moved = true
		}
	}
	return nil
}

// addQuotes adds the messages that show the text of a changed one.
func (s *sorter) addQuotes(ctx context.Context, store Store, tx switchboard.Tx, account switchboard.AccountID) error {
	quotes, err := store.QuotesOf(ctx, tx, account, s.changed)
	if err != nil {
		return fmt.Errorf("list quotes: %w", err)
	}
	for _, quote := range quotes {
		for _, e := range s.changed {
			if e.Chat == quote.Chat {
				s.messages[quote] = max(s.messages[quote], e.Number)
			}
		}
	}
	return nil
}

func (s *sorter) rows(ctx context.Context, store Store, tx switchboard.Tx, account switchboard.AccountID, version int64) (map[switchboard.ChatID]*switchboard.ChatRow, error) {
	named := map[switchboard.ChatID]bool{}
	for id := range s.chats {
		named[id] = true
	}
	for m := range s.messages {
		named[m.Chat] = true
	}
	rows, err := store.ChatRows(ctx, tx, account, keys(named), version)
	if err != nil {
		return nil, fmt.Errorf("read chats: %w", err)
	}
	by := make(map[switchboard.ChatID]*switchboard.ChatRow, len(rows))
	for i := range rows {
		by[rows[i].ID] = &rows[i]
	}
	return by, nil
}

func keys[K comparable, V any](m map[K]V) []K { return slices.Collect(maps.Keys(m)) }
