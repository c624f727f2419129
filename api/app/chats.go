package app

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"switchboard"
	"switchboard/access"
	"switchboard/i18n"
	"switchboard/live"
	"switchboard/media"
	"switchboard/secret"
	"switchboard/send"
)

// ChatStore is what chats need of the database. A nil Tx reads outside of a
// transaction. What is not for the employee is switchboard.ErrNotFound (ROLE-4).
type ChatStore interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	View(ctx context.Context, do func(tx switchboard.Tx) error) error
	Head(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (int64, error)
	ListChats(ctx context.Context, account switchboard.AccountID, employee switchboard.EmployeeID, f switchboard.ChatFilter, after switchboard.ChatPlace, limit int) (switchboard.ChatPage, error)
	SeenChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID, chat switchboard.ChatID) (switchboard.ChatRow, error)
	SeenChatsOfClient(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID, client switchboard.ClientID) ([]switchboard.ChatID, error)
	ChatRows(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, ids []switchboard.ChatID, version int64) ([]switchboard.ChatRow, error)
	ListMessages(ctx context.Context, account switchboard.AccountID, employee switchboard.EmployeeID, chat switchboard.ChatID, span switchboard.MessageSpan) (switchboard.MessagePage, error)
	MessageRows(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, refs []switchboard.MessageRef, version int64) ([]switchboard.MessageRow, error)
	FindChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID, address string) (switchboard.FoundChat, error)
	FindMessage(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, id switchboard.MessageID) (switchboard.Message, error)
	SeenMedia(ctx context.Context, account switchboard.AccountID, employee switchboard.EmployeeID, chat switchboard.ChatID, id switchboard.MediaID) (switchboard.Media, error)
	AddMedia(ctx context.Context, tx switchboard.Tx, m switchboard.Media) error
	ClientDetail(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ClientID, found func(switchboard.DecisionRecord) []switchboard.ContactID) (switchboard.ClientDetail, error)
	ChooseContact(ctx context.Context, tx switchboard.Tx, w switchboard.ClientWork, contact switchboard.ContactID) error
	Rights(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) (access.Viewer, error)
	Subject(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID) (access.Subject, error)
	LockChat(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChatID) (switchboard.Chat, error)
	ClearUnanswered(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID) (bool, error)
	RestoreUnanswered(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, chat switchboard.ChatID, since time.Time) (bool, error)
	Account(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID) (switchboard.Account, error)
	Channel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error)
	Employees(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Employee, error)
	Owners(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Owner, error)
}

// Outbox queues messages.
type Outbox interface {
	Queue(ctx context.Context, d send.Draft) (seq int64, err error)
	Start(ctx context.Context, o send.Opening) (chat switchboard.ChatID, seq int64, err error)
	Retry(ctx context.Context, account switchboard.AccountID, chat switchboard.ChatID, id switchboard.MessageID, allowed func(ctx context.Context, tx switchboard.Tx) error) error
}

// Jobs puts a client's work into its queue.
type Jobs interface {
	Insert(ctx context.Context, tx switchboard.Tx, keys ...switchboard.Key) error
}

// Freshener re-reads an owner that is older than a minute; it never fails a send.
type Freshener interface {
	Freshen(ctx context.Context, account switchboard.AccountID, client switchboard.ClientID)
}

// Frames exchanges and renews bearers of a CRM's frame.
type Frames interface {
	Open(ctx context.Context, code secret.String, d switchboard.Device) (secret.String, switchboard.Session, error)
	Renew(ctx context.Context, s switchboard.Session, d switchboard.Device) (secret.String, switchboard.Session, error)
}

// ChatsConfig is what the half of the API about chats needs. All fields are required
// but RecordURL.
type ChatsConfig struct {
	Store  ChatStore
	Outbox Outbox
	Jobs   Jobs
	Fresh  Freshener
	Blobs  media.Store
	Hub    *live.Hub
	Frames Frames
	// RecordURL is the address of a contact's or a deal's page in the CRM, "" when
	// there is none.
	RecordURL func(c switchboard.Connection, kind, id string) string
}

// chatsAPI answers chats, messages, live, media and the frame.
type chatsAPI struct {
	Config
	chats ChatsConfig
}

func newChatsAPI(c Config) *chatsAPI {
	a := &chatsAPI{Config: c, chats: c.Chats}
	if a.chats.RecordURL == nil {
		a.chats.RecordURL = func(switchboard.Connection, string, string) string { return "" }
	}
	return a
}

const (
	defaultPage  = 50
	maxChats     = 100
	maxMessages  = 200
	undoFor      = 10 * time.Second // «Отвечать не нужно»
	freshenTime  = 5 * time.Second
	maxNameBytes = 400
)

// pageSize reads a limit.
func pageSize(limit *int, most int) (int, error) {
	if limit == nil {
		return min(defaultPage, most), nil
	}
	if *limit < 1 || *limit > most {
		return 0, invalid("limit")
	}
	return *limit, nil
}

// ListChats answers the viewer's chats (UNANS-2). In a CRM's frame they are the
// contact's, unless another contact is asked for.
func (a *chatsAPI) ListChats(ctx context.Context, r ListChatsRequestObject) (ListChatsResponseObject, error) {
	v := ViewerOf(ctx)
	limit, err := pageSize(r.Params.Limit, maxChats)
	if err != nil {
		return nil, err
	}
	f, err := filterOf(v, r.Params)
	if err != nil {
		return nil, err
	}
	after, err := readCursor(r.Params.Cursor)
	if err != nil {
		return nil, err
	}
	page, err := a.chats.Store.ListChats(ctx, v.Account, v.Viewer.Employee, f, after, limit)
	if errors.Is(err, switchboard.ErrNotFound) {
		return nil, errUnauthorized // blocked this moment
	}
	if err != nil {
		return nil, fmt.Errorf("list chats: %w", err)
	}
	out := ListChats200JSONResponse{Chats: chatRows(v.Viewer, page.Rows), Event: page.Event}
	if page.Next != nil {
		out.Next = ref(writeCursor(*page.Next))
	}
	return out, nil
}

func filterOf(v Viewer, p ListChatsParams) (f switchboard.ChatFilter, err error) {
	if p.Filter != nil {
		if !p.Filter.Valid() {
			return f, invalid("filter")
		}
		f.Mine, f.Unanswered = *p.Filter == Mine, *p.Filter == Unanswered
	}
	if p.Channel != nil {
		f.Channel = switchboard.ChannelID(*p.Channel)
	}
	f.Contact, _ = v.Frame()
	if p.Contact != nil {
		f.Contact = switchboard.ContactID(*p.Contact)
	}
	return f, nil
}

// writeCursor gives a place as opaque text.
func writeCursor(p switchboard.ChatPlace) string {
	waiting := "0"
	if p.Waiting {
		waiting = "1"
	}
	return base64.RawURLEncoding.EncodeToString([]byte(waiting + "." + strconv.FormatInt(p.LastAt.UnixMilli(), 10) + "." + string(p.ID)))
}

func readCursor(text *string) (p switchboard.ChatPlace, err error) {
	if text == nil || *text == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(*text)
	parts := strings.SplitN(string(raw), ".", 3)
	if err != nil || len(parts) != 3 || !switchboard.IsUUID(parts[2]) {
		return p, invalid("cursor")
	}
	ms, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || parts[0] != "0" && parts[0] != "1" {
		return p, invalid("cursor")
	}
	return switchboard.ChatPlace{Waiting: parts[0] == "1", LastAt: time.UnixMilli(ms).UTC(), ID: switchboard.ChatID(parts[2])}, nil
}

// allowed asks inside a transaction whether the viewer may do something to a chat,
// under the rights of that moment.
func (a *chatsAPI) allowed(v Viewer, action access.Action, chat switchboard.ChatID) func(ctx context.Context, tx switchboard.Tx) error {
	return func(ctx context.Context, tx switchboard.Tx) error {
		_, err := a.check(ctx, tx, v, action, chat)
		return err
	}
}

func (a *chatsAPI) check(ctx context.Context, tx switchboard.Tx, v Viewer, action access.Action, chat switchboard.ChatID) (access.Subject, error) {
	rights, err := a.chats.Store.Rights(ctx, tx, v.Account, v.Viewer.Employee)
	if errors.Is(err, switchboard.ErrNotFound) {
		return access.Subject{}, errUnauthorized
	}
	if err != nil {
		return access.Subject{}, fmt.Errorf("read rights: %w", err)
	}
	subject, err := a.chats.Store.Subject(ctx, tx, v.Account, chat)
	if err != nil {
		return subject, fmt.Errorf("read chat: %w", err)
	}
	return subject, access.Check(rights, action, subject)
}

// ClearUnanswered is «Отвечать не нужно» (UNANS-1).
func (a *chatsAPI) ClearUnanswered(ctx context.Context, r ClearUnansweredRequestObject) (ClearUnansweredResponseObject, error) {
	row, err := a.moveCounter(ctx, switchboard.ChatID(r.Chat), func(tx switchboard.Tx, v Viewer, chat switchboard.ChatID) error {
		_, err := a.chats.Store.ClearUnanswered(ctx, tx, v.Account, chat)
		return err
	})
	return ClearUnanswered200JSONResponse(row), err
}

// RestoreUnanswered takes it back within 10 s; later it changes nothing.
func (a *chatsAPI) RestoreUnanswered(ctx context.Context, r RestoreUnansweredRequestObject) (RestoreUnansweredResponseObject, error) {
	row, err := a.moveCounter(ctx, switchboard.ChatID(r.Chat), func(tx switchboard.Tx, v Viewer, chat switchboard.ChatID) error {
		restored, err := a.chats.Store.RestoreUnanswered(ctx, tx, v.Account, chat, a.Clock().Add(-undoFor))
		if err == nil && !restored {
			return &switchboard.Error{Code: switchboard.CodeConflict, Message: string(i18n.UndoTooLate)}
		}
		return err
	})
	return RestoreUnanswered200JSONResponse(row), err
}

func (a *chatsAPI) moveCounter(ctx context.Context, chat switchboard.ChatID, do func(tx switchboard.Tx, v Viewer, chat switchboard.ChatID) error) (ChatRow, error) {
	v := ViewerOf(ctx)
	err := a.chats.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if _, err := a.chats.Store.LockChat(ctx, tx, v.Account, chat); err != nil {
			return fmt.Errorf("lock chat: %w", err)
		}
		if _, err := a.check(ctx, tx, v, access.NoReply, chat); err != nil {
			return err
		}
		return do(tx, v, chat)
	})
	if err != nil {
		return ChatRow{}, err
	}
	var row switchboard.ChatRow
	err = a.chats.Store.View(ctx, func(tx switchboard.Tx) (err error) {
		row, err = a.chats.Store.SeenChat(ctx, tx, v.Account, v.Viewer.Employee, chat)
		return err
	})
	return chatRow(v.Viewer, &row), err
}
