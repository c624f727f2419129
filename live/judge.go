package live

import (
	"fmt"
	"maps"
	"slices"

	"switchboard"
	"switchboard/access"
)

// encoder gives the wire form of an event.
type encoder func(e Event, look Look) ([]byte, error)

// deliveries gives what a watcher is told of the page's notices behind a number, under
// the rights of the page's snapshot (ROLE-4, ROLE-5).
func (p *page) deliveries(w Watcher, after int64, encode encoder) ([]Delivery, error) {
	member, there := p.cast.Members[w.Employee]
	if !there || !member.Active {
		return nil, nil
	}
	viewer := access.Viewer{Account: w.Account, Employee: w.Employee, Admin: member.Admin, Roles: member.Roles}
	var all []Delivery
	for _, n := range p.notices {
		if n.number <= after {
			continue
		}
		kind := n.judge(viewer, w)
		if kind == "" {
			continue
		}
		f, err := n.frame(kind, viewer, w, encode)
		if err != nil {
			return nil, err
		}
		all = append(all, Delivery{Frame: f})
	}
	for i := range all {
		all[i].Marks = i == len(all)-1 || all[i+1].Number != all[i].Number
	}
	return all, nil
}

// judge says as what the notice reaches the watcher, "" for not at all.
func (n *notice) judge(v access.Viewer, w Watcher) Kind {
	if n.kind == Settings {
		return n.judgeSettings(v)
	}
	sees := access.CanSee(v, access.Subject{Account: v.Account, Channel: n.chat.Channel, Owners: n.chat.Owners})
	inScope := w.Contact == "" || n.chat.Contact == w.Contact
	switch {
	case sees && inScope:
		return n.kind
	case n.kind != Chat:
		return ""
	case sees && n.moved:
		return Gone
	// Who had the chat before knows its id already; nobody else hears of it.
	case !sees && v.Roles[n.chat.Channel].Valid() && slices.Contains(n.lost, v.Employee):
		return Gone
	}
	return ""
}

func (n *notice) judgeSettings(v access.Viewer) Kind {
	switch {
	case v.Admin, n.employee == "" && n.channel == "":
		return Settings
	case n.employee != "" && n.employee == v.Employee:
		return Settings
	case n.channel != "" && v.Roles[n.channel].Valid():
		return Settings
	}
	return ""
}

// frame gives the encoded event, made once per look.
func (n *notice) frame(kind Kind, v access.Viewer, w Watcher, encode encoder) (*Frame, error) {
	look := Look{Language: w.Language}
	event := Event{Kind: kind, Number: n.number}
	switch kind {
	case Gone:
		event.Gone = n.chat.ID
	case Chat, Message:
		event.Chat, event.Message = n.chat, n.message
		look.Mine = IsMine(v, n.chat)
	}
	if kind == Gone { // unlike the notice's other frames, and rare
		return encoded(event, look, encode)
	}
	if had, ok := n.frames[look]; ok {
		return had, nil
	}
	f, err := encoded(event, look, encode)
	if err != nil {
		return nil, err
	}
	if n.frames == nil {
		n.frames = map[Look]*Frame{}
	}
	n.frames[look] = f
	return f, nil
}

func encoded(e Event, look Look, encode encoder) (*Frame, error) {
	data, err := encode(e, look)
	if err != nil {
		return nil, fmt.Errorf("encode a live event: %w", err)
	}
	return &Frame{Kind: e.Kind, Number: e.Number, Data: data}, nil
}

// IsMine says whether the chat is the viewer's to answer: red, not grey (UNANS-3).
// Quality control answers nobody.
func IsMine(v access.Viewer, row *switchboard.ChatRow) bool {
	return v.Roles[row.Channel].CanReceive() && slices.Contains(row.Owners, v.Employee)
}

// castChange says whose screens two casts differ for.
type castChange struct {
	all  bool
	only map[switchboard.EmployeeID]bool
}

func (c castChange) concerns(id switchboard.EmployeeID) bool { return c.all || c.only[id] }

// compare finds what changed on screens: names and rights of anybody stand on many
// rows (OWNER-2), an administrator's on his own.
func compare(before, after *switchboard.Cast) castChange {
	c := castChange{only: map[switchboard.EmployeeID]bool{}}
	if before == after {
		return c
	}
	c.all = !maps.Equal(before.Outsiders, after.Outsiders) || len(before.Members) != len(after.Members)
	for id, now := range after.Members {
		was, there := before.Members[id]
		if !there || was.Name != now.Name || was.Owner != now.Owner || was.Active != now.Active || !maps.Equal(was.Roles, now.Roles) {
			c.all = true
		}
		if was.Admin != now.Admin {
			c.only[id] = true
		}
	}
	return c
}
