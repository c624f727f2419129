package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"switchboard"
	"switchboard/access"
)

// rowColumns are a chat's columns as lists show them. The responsible is the owner of
// the contact in the CRM, else the employee who holds the client until the CRM says
// more.
const rowColumns = `c.id, c.channel_id, c.client_id, c.address,
	COALESCE(NULLIF(t.name, ''), NULLIF(c.name, ''), k.name), c.username, c.last_seq, c.last_at, c.unanswered, c.waiting_since,
	c.unreachable, k.state, k.contact_id,
	COALESCE(m.direction, ''), COALESCE(m.kind, ''), COALESCE(substr(m.text, 1, 200), ''), COALESCE(m.status, ''),
	CASE WHEN t.owner_id <> '' THEN COALESCE(e.id, '') ELSE COALESCE(h.id, '') END,
	CASE WHEN t.owner_id <> '' THEN COALESCE(e.name, NULLIF(w.name, ''), w.email, t.owner_id) ELSE COALESCE(h.name, '') END,
	CASE WHEN r.role IS NOT NULL AND CASE WHEN t.owner_id <> '' THEN e.active ELSE h.active END = 1 THEN 1 ELSE 0 END`

const rowTables = `JOIN client k ON k.account_id = c.account_id AND k.id = c.client_id
	LEFT JOIN message m ON m.account_id = c.account_id AND m.chat_id = c.id AND m.seq = c.last_seq
	LEFT JOIN contact t ON t.account_id = c.account_id AND t.id = k.contact_id AND t.deleted = 0
	LEFT JOIN employee e ON e.account_id = c.account_id AND e.owner_id = t.owner_id AND e.owner_id <> ''
	LEFT JOIN crm_owner w ON w.account_id = c.account_id AND w.owner_id = t.owner_id
	LEFT JOIN employee h ON h.account_id = c.account_id AND h.id = k.provisional
	LEFT JOIN channel_role r ON r.account_id = c.account_id AND r.channel_id = c.channel_id
		AND r.employee_id = CASE WHEN t.owner_id <> '' THEN e.id ELSE h.id END`

var (
	chatsOfChannel = query("list a channel's chats behind a place", `
		SELECT waiting, last_at, id FROM chat WHERE account_id = $1 AND channel_id = $2
		AND (waiting, last_at, id) < ($3, $4, $5) ORDER BY waiting DESC, last_at DESC, id DESC LIMIT $6`)
	chatsWaiting = query("list a channel's unanswered chats behind a place", `
		SELECT waiting, last_at, id FROM chat WHERE account_id = $1 AND channel_id = $2
		AND waiting = 1 AND (last_at, id) < ($3, $4) ORDER BY last_at DESC, id DESC LIMIT $5`)
	ownChats = query("list an employee's own chats of a channel behind a place", `
		SELECT waiting, last_at, chat_id FROM chat_owner WHERE account_id = $1 AND channel_id = $2
		AND (waiting, last_at, chat_id) < ($3, $4, $5) AND employee_id = $7
		ORDER BY waiting DESC, last_at DESC, chat_id DESC LIMIT $6`)
	ownWaiting = query("list an employee's own unanswered chats of a channel behind a place", `
		SELECT waiting, last_at, chat_id FROM chat_owner WHERE account_id = $1 AND channel_id = $2
		AND waiting = 1 AND (last_at, chat_id) < ($3, $4) AND employee_id = $6
		ORDER BY last_at DESC, chat_id DESC LIMIT $5`)
	// The chats of one contact are few: they are sorted, not paged by an index.
	chatsOfContact = query("list the chats of a contact that an employee may see", `
		SELECT c.waiting, c.last_at, c.id, c.channel_id,
			CASE WHEN EXISTS (SELECT 1 FROM chat_owner x WHERE x.account_id = c.account_id AND x.chat_id = c.id AND x.employee_id = $2)
				THEN 1 ELSE 0 END
		FROM client k JOIN chat c ON c.account_id = k.account_id AND c.client_id = k.id
		WHERE k.account_id = $1 AND k.contact_id = $3 AND k.contact_id <> '' AND `+access.SeesChat+`
		AND (c.waiting, c.last_at, c.id) < ($4, $5, $6) ORDER BY c.waiting DESC, c.last_at DESC, c.id DESC LIMIT 1000`)
	chatsOfClients = hot("list the chats of clients", `
		SELECT client_id, id FROM chat WHERE account_id = $1 AND client_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))`, `
		SELECT client_id, id FROM chat WHERE account_id = $1 AND client_id IN (SELECT value FROM json_each($2))`)
	seenChatsOfClient = query("list a client's chats that an employee may see", `
		SELECT c.id FROM chat c WHERE c.client_id = $3 AND `+access.SeesChat+` ORDER BY c.id LIMIT 50`)
	readRows = hot("read chats as lists show them", `
		SELECT `+rowColumns+` FROM chat c `+rowTables+`
		WHERE c.account_id = $1 AND c.id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))`, `
		SELECT `+rowColumns+` FROM chat c `+rowTables+`
		WHERE c.account_id = $1 AND c.id IN (SELECT value FROM json_each($2))`)
	readOwners = hot("list the owners of chats", `
		SELECT chat_id, employee_id FROM chat_owner WHERE account_id = $1
		AND chat_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) ORDER BY chat_id, employee_id`, `
		SELECT chat_id, employee_id FROM chat_owner WHERE account_id = $1
		AND chat_id IN (SELECT value FROM json_each($2)) ORDER BY chat_id, employee_id`)
	seesChat = query("say whether an employee may see a chat", `
		SELECT 1 FROM chat c WHERE c.id = $3 AND `+access.SeesChat)
	subjectOf = query("read what rights to a chat depend on", `
		SELECT c.channel_id, CASE WHEN t.owner_id <> '' THEN COALESCE(e.name, NULLIF(w.name, ''), w.email, t.owner_id)
			ELSE COALESCE(h.name, '') END
		FROM chat c JOIN client k ON k.account_id = c.account_id AND k.id = c.client_id
		LEFT JOIN contact t ON t.account_id = c.account_id AND t.id = k.contact_id AND t.deleted = 0
		LEFT JOIN employee e ON e.account_id = c.account_id AND e.owner_id = t.owner_id AND e.owner_id <> ''
		LEFT JOIN crm_owner w ON w.account_id = c.account_id AND w.owner_id = t.owner_id
		LEFT JOIN employee h ON h.account_id = c.account_id AND h.id = k.provisional
		WHERE c.account_id = $1 AND c.id = $2`)
)

// afterAll sorts behind every id.
const afterAll = "\U0010FFFF"

// ListChats gives the viewer's chats behind a place, unanswered first, then by last
// message (UNANS-2): one keyset per channel, merged here, never counted, never
// filtered after the limit. The viewer's rights are read in the same snapshot.
func (s *Store) ListChats(ctx context.Context, account switchboard.AccountID, employee switchboard.EmployeeID, f switchboard.ChatFilter, after switchboard.ChatPlace, limit int) (page switchboard.ChatPage, err error) {
	err = s.View(ctx, func(tx switchboard.Tx) error {
		v, err := s.Rights(ctx, tx, account, employee)
		if err != nil {
			return fmt.Errorf("read rights: %w", err)
		}
		if page.Event, err = s.Head(ctx, tx, account); err != nil {
			return fmt.Errorf("read head: %w", err)
		}
		places, err := s.places(ctx, tx, v, f, after, limit+1)
		if err != nil {
			return fmt.Errorf("find chats: %w", err)
		}
		if len(places) > limit {
			places = places[:limit]
			page.Next = &places[limit-1]
		}
		ids := make([]switchboard.ChatID, 0, len(places))
		for _, p := range places {
			ids = append(ids, p.ID)
		}
		page.Rows, err = s.ChatRows(ctx, tx, account, ids, page.Event)
		return err
	})
	return page, err
}

// listed is one channel's share of a list.
type listed struct {
	channel switchboard.ChannelID
	own     bool
}

// listing says which keysets make up the viewer's list: whole channels, and own chats
// of the others. Quality control has nothing of its own to answer (UNANS-3).
func listing(v access.Viewer, f switchboard.ChatFilter) []listed {
	scope := access.ScopeOf(v.Roles)
	var all []listed
	add := func(channels []switchboard.ChannelID, own bool) {
		for _, ch := range channels {
			if f.Channel != "" && f.Channel != ch || f.Mine && !v.Roles[ch].CanReceive() {
				continue
			}
			all = append(all, listed{ch, own || f.Mine})
		}
	}
	add(scope.Whole, false)
	add(scope.Own, true)
	return all
}

// places gives the first places of the merged keysets.
func (s *Store) places(ctx context.Context, tx switchboard.Tx, v access.Viewer, f switchboard.ChatFilter, after switchboard.ChatPlace, limit int) ([]switchboard.ChatPlace, error) {
	if f.Contact != "" {
		return s.placesOfContact(ctx, tx, v, f, after, limit)
	}
	if f.Unanswered && after.ID != "" && !after.Waiting {
		return nil, nil // the unanswered ones are all above
	}
	var merged []switchboard.ChatPlace
	for _, l := range listing(v, f) {
		q, args := l.keyset(v, f, after, limit)
		r, err := s.on(tx).many(ctx, q, args...)
		found, err := collect(r, err, scanPlace)
		if err != nil {
			return nil, err
		}
		merged = mergePlaces(merged, found, limit)
	}
	return merged, nil
}

// keyset gives the query of one share behind a place.
func (l listed) keyset(v access.Viewer, f switchboard.ChatFilter, after switchboard.ChatPlace, limit int) (*Query, []any) {
	waiting, last, id := placeArgs(after)
	switch {
	case f.Unanswered && l.own:
		return ownWaiting, []any{v.Account, l.channel, last, id, limit, v.Employee}
	case f.Unanswered:
		return chatsWaiting, []any{v.Account, l.channel, last, id, limit}
	case l.own:
		return ownChats, []any{v.Account, l.channel, waiting, last, id, limit, v.Employee}
	}
	return chatsOfChannel, []any{v.Account, l.channel, waiting, last, id, limit}
}

// placeArgs gives the keyset values of a place; the zero place is before the first.
func placeArgs(p switchboard.ChatPlace) (waiting, lastAt int64, id string) {
	if p.ID == "" {
		return 2, math.MaxInt64, afterAll
	}
	return bit(p.Waiting), ms(p.LastAt), string(p.ID)
}

func scanPlace(r row) (p switchboard.ChatPlace, err error) {
	var waiting, last int64
	err = r.Scan(&waiting, &last, &p.ID)
	p.Waiting, p.LastAt = waiting == 1, time.UnixMilli(last).UTC()
	return p, err
}

// before says whether a stands above b.
func before(a, b switchboard.ChatPlace) bool {
	if a.Waiting != b.Waiting {
		return a.Waiting
	}
	if !a.LastAt.Equal(b.LastAt) {
		return a.LastAt.After(b.LastAt)
	}
	return a.ID > b.ID
}

// mergePlaces merges two sorted lists and keeps the first limit.
func mergePlaces(a, b []switchboard.ChatPlace, limit int) []switchboard.ChatPlace {
	if len(a) == 0 {
		return b
	}
	out := make([]switchboard.ChatPlace, 0, min(limit, len(a)+len(b)))
	for len(out) < limit && (len(a) > 0 || len(b) > 0) {
		if len(b) == 0 || len(a) > 0 && before(a[0], b[0]) {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}

// placesOfContact lists the chats of one contact; the other filters are applied before
// the limit.
func (s *Store) placesOfContact(ctx context.Context, tx switchboard.Tx, v access.Viewer, f switchboard.ChatFilter, after switchboard.ChatPlace, limit int) ([]switchboard.ChatPlace, error) {
	waiting, last, id := placeArgs(after)
	r, err := s.on(tx).many(ctx, chatsOfContact, v.Account, v.Employee, f.Contact, waiting, last, id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var all []switchboard.ChatPlace
	for r.Next() && len(all) < limit {
		var p switchboard.ChatPlace
		var channel switchboard.ChannelID
		var isWaiting, lastAt, own int64
		if err := r.Scan(&isWaiting, &lastAt, &p.ID, &channel, &own); err != nil {
			return nil, fmt.Errorf("read place: %w", err)
		}
		p.Waiting, p.LastAt = isWaiting == 1, time.UnixMilli(lastAt).UTC()
		mine := own == 1 && v.Roles[channel].CanReceive()
		if f.Mine && !mine || f.Unanswered && !p.Waiting || f.Channel != "" && f.Channel != channel {
			continue
		}
		all = append(all, p)
	}
	return all, r.Err()
}

// ChatRows reads chats as lists show them, in the order asked for; those that are not
// there are left out. It asks for no rights: callers have found the ids under them, or
// judge the rows by access (live events).
func (s *Store) ChatRows(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, ids []switchboard.ChatID, version int64) ([]switchboard.ChatRow, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	list, err := toJSON(ids)
	if err != nil {
		return nil, fmt.Errorf("encode ids: %w", err)
	}
	r, err := s.on(tx).many(ctx, readRows, account, list)
	rows, err := collect(r, err, scanRow)
	if err != nil {
		return nil, err
	}
	owners, err := s.ownersOf(ctx, tx, account, list)
	if err != nil {
		return nil, err
	}
	place := make(map[switchboard.ChatID]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	slices.SortFunc(rows, func(a, b switchboard.ChatRow) int { return place[a.ID] - place[b.ID] })
	for i := range rows {
		rows[i].Account, rows[i].Version, rows[i].Owners = account, version, owners[rows[i].ID]
	}
	return rows, nil
}

func scanRow(r row) (c switchboard.ChatRow, err error) {
	var last, since, unreachable, hasAccess int64
	err = r.Scan(&c.ID, &c.Channel, &c.Client, &c.Address, &c.Name, &c.Username, &c.LastSeq, &last, &c.Unanswered, &since,
		&unreachable, &c.ClientState, &c.Contact, &c.Last.Direction, &c.Last.Kind, &c.Last.Text, &c.Last.Status,
		&c.Responsible.Employee, &c.Responsible.Name, &hasAccess)
	c.LastAt, c.WaitingSince = at(last), at(since)
	c.Unreachable, c.Responsible.HasAccess = unreachable == 1, hasAccess == 1
	return c, err
}

func (s *Store) ownersOf(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, list string) (map[switchboard.ChatID][]switchboard.EmployeeID, error) {
	r, err := s.on(tx).many(ctx, readOwners, account, list)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	owners := map[switchboard.ChatID][]switchboard.EmployeeID{}
	for r.Next() {
		var chat switchboard.ChatID
		var owner switchboard.EmployeeID
		if err := r.Scan(&chat, &owner); err != nil {
			return nil, fmt.Errorf("read owner: %w", err)
		}
		owners[chat] = append(owners[chat], owner)
	}
	return owners, r.Err()
}

// SeesChat is switchboard.ErrNotFound for a chat that is missing or not for the
// employee (ROLE-4).
func (s *Store) SeesChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID, chat switchboard.ChatID) error {
	var one int64
	return scan(s.on(tx).one(ctx, seesChat, account, employee, chat), &one)
}

// SeenChat reads one chat that the employee may see, else switchboard.ErrNotFound.
func (s *Store) SeenChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID, chat switchboard.ChatID) (row switchboard.ChatRow, err error) {
	if err := s.SeesChat(ctx, tx, account, employee, chat); err != nil {
		return row, err
	}
	head, err := s.Head(ctx, tx, account)
	if err != nil {
		return row, fmt.Errorf("read head: %w", err)
	}
	rows, err := s.ChatRows(ctx, tx, account, []switchboard.ChatID{chat}, head)
	if err != nil {
		return row, err
	}
	if len(rows) == 0 {
		return row, switchboard.ErrNotFound
	}
	return rows[0], nil
}

// SeenChatsOfClient lists the client's chats that the employee may see, 50 at most.
func (s *Store) SeenChatsOfClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID, client switchboard.ClientID) ([]switchboard.ChatID, error) {
	r, err := s.on(tx).many(ctx, seenChatsOfClient, account, employee, client)
	return collect(r, err, func(r row) (id switchboard.ChatID, err error) { return id, r.Scan(&id) })
}

// ChatsOfClients lists the chats of clients.
func (s *Store) ChatsOfClients(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, clients []switchboard.ClientID) (map[switchboard.ClientID][]switchboard.ChatID, error) {
	if len(clients) == 0 {
		return nil, nil
	}
	list, err := toJSON(clients)
	if err != nil {
		return nil, fmt.Errorf("encode ids: %w", err)
	}
	r, err := s.on(tx).many(ctx, chatsOfClients, account, list)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	chats := map[switchboard.ClientID][]switchboard.ChatID{}
	for r.Next() {
		var client switchboard.ClientID
		var chat switchboard.ChatID
		if err := r.Scan(&client, &chat); err != nil {
			return nil, fmt.Errorf("read chat: %w", err)
		}
		chats[client] = append(chats[client], chat)
	}
	return chats, r.Err()
}

// Rights reads what an employee may see and do now (ROLE-5); a blocked or missing one
// may do nothing. tx may be nil.
func (s *Store) Rights(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) (access.Viewer, error) {
	e, err := s.Employee(ctx, tx, account, employee)
	if err != nil {
		return access.Viewer{}, err
	}
	if !e.Active {
		return access.Viewer{}, switchboard.ErrNotFound
	}
	roles, err := s.RolesOf(ctx, tx, account, employee)
	return access.Viewer{Account: account, Employee: employee, Admin: e.Admin, Roles: roles}, err
}

// Subject reads what rights to a chat depend on; switchboard.ErrNotFound when there is
// no such chat. tx may be nil.
func (s *Store) Subject(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID) (access.Subject, error) {
	subject := access.Subject{Account: account}
	if err := scan(s.on(tx).one(ctx, subjectOf, account, chat), &subject.Channel, &subject.ResponsibleName); err != nil {
		return access.Subject{}, err
	}
	var err error
	subject.Owners, err = s.employees(ctx, tx, chatOwners, account, chat)
	return subject, err
}
