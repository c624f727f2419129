package app

import (
	"context"
	"fmt"
	"strings"

	"switchboard"
	"switchboard/access"
	"switchboard/phone"
	"switchboard/send"
)

// ListMessages answers a run of messages, rising.
func (a *chatsAPI) ListMessages(ctx context.Context, r ListMessagesRequestObject) (ListMessagesResponseObject, error) {
	v := ViewerOf(ctx)
	limit, err := pageSize(r.Params.Limit, maxMessages)
	if err != nil {
		return nil, err
	}
	span := switchboard.MessageSpan{After: r.Params.After, Limit: limit}
	switch {
	case r.Params.Before != nil && (*r.Params.Before < 1 || r.Params.After != nil):
		return nil, invalid("before")
	case r.Params.After != nil && *r.Params.After < 0:
		return nil, invalid("after")
	case r.Params.Before != nil:
		span.Before = *r.Params.Before
	}
	page, err := a.chats.Store.ListMessages(ctx, v.Account, v.Viewer.Employee, switchboard.ChatID(r.Chat), span)
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	out := ListMessages200JSONResponse{Messages: make([]Message, 0, len(page.Rows)), More: ref(page.More), Event: page.Event}
	for i := range page.Rows {
		out.Messages = append(out.Messages, wireMessage(&page.Rows[i], LanguageOf(ctx)))
	}
	return out, nil
}

// SendMessage queues an answer under the rights of the moment in which it is stored;
// the same id again answers the same message.
func (a *chatsAPI) SendMessage(ctx context.Context, r SendMessageRequestObject) (SendMessageResponseObject, error) {
	v, chat := ViewerOf(ctx), switchboard.ChatID(r.Chat)
	row, err := a.seen(ctx, v, chat)
	if err != nil {
		return nil, err
	}
	d := send.Draft{Account: v.Account, Chat: chat, ID: switchboard.MessageID(strings.ToLower(r.Body.Id.String())),
		Author: v.Viewer.Employee, Allowed: a.allowed(v, access.Send, chat)}
	if r.Body.Text != nil {
		d.Text = *r.Body.Text
	}
	if r.Body.ReplyTo != nil {
		d.ReplyTo = switchboard.MessageID(*r.Body.ReplyTo)
	}
	if r.Body.Media != nil && len(*r.Body.Media) > 0 {
		if len(*r.Body.Media) > 1 {
			return nil, invalid("media")
		}
		d.Media = switchboard.MediaID((*r.Body.Media)[0])
	}
	a.freshen(ctx, row.Client)
	seq, err := a.chats.Outbox.Queue(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("queue message: %w", err)
	}
	added, err := a.added(ctx, v, chat, seq)
	return SendMessage201JSONResponse(added), err
}

// freshen learns a new owner before somebody writes (OWNER-1).
func (a *chatsAPI) freshen(ctx context.Context, client switchboard.ClientID) {
	ctx, cancel := context.WithTimeout(ctx, freshenTime)
	defer cancel()
	a.chats.Fresh.Freshen(ctx, ViewerOf(ctx).Account, client)
}

func (a *chatsAPI) seen(ctx context.Context, v Viewer, chat switchboard.ChatID) (row switchboard.ChatRow, err error) {
	err = a.chats.Store.View(ctx, func(tx switchboard.Tx) (err error) {
		row, err = a.chats.Store.SeenChat(ctx, tx, v.Account, v.Viewer.Employee, chat)
		return err
	})
	return row, err
}

// added reads a message with its chat as they are now.
func (a *chatsAPI) added(ctx context.Context, v Viewer, chat switchboard.ChatID, seq int64) (out MessageAdded, err error) {
	err = a.chats.Store.View(ctx, func(tx switchboard.Tx) error {
		row, err := a.chats.Store.SeenChat(ctx, tx, v.Account, v.Viewer.Employee, chat)
		if err != nil {
			return err
		}
		messages, err := a.chats.Store.MessageRows(ctx, tx, v.Account, []switchboard.MessageRef{{Chat: chat, Seq: seq}}, row.Version)
		if err != nil {
			return fmt.Errorf("read message: %w", err)
		}
		if len(messages) == 0 {
			return switchboard.ErrNotFound
		}
		out = MessageAdded{Chat: chatRow(v.Viewer, &row), Message: wireMessage(&messages[0], LanguageOf(ctx))}
		return nil
	})
	return out, err
}

// RetryMessage queues a new attempt (CHAT-5).
func (a *chatsAPI) RetryMessage(ctx context.Context, r RetryMessageRequestObject) (RetryMessageResponseObject, error) {
	v, chat, id := ViewerOf(ctx), switchboard.ChatID(r.Chat), switchboard.MessageID(r.Message)
	row, err := a.seen(ctx, v, chat)
	if err != nil {
		return nil, err
	}
	a.freshen(ctx, row.Client)
	if err := a.chats.Outbox.Retry(ctx, v.Account, chat, id, a.allowed(v, access.Retry, chat)); err != nil {
		return nil, fmt.Errorf("retry message: %w", err)
	}
	m, err := a.chats.Store.FindMessage(ctx, nil, v.Account, chat, id)
	if err != nil {
		return nil, fmt.Errorf("find message: %w", err)
	}
	added, err := a.added(ctx, v, chat, m.Seq)
	return RetryMessage200JSONResponse(added), err
}

// StartChat writes first to an address; its author becomes responsible (DEAL-6).
func (a *chatsAPI) StartChat(ctx context.Context, r StartChatRequestObject) (StartChatResponseObject, error) {
	v, body := ViewerOf(ctx), r.Body
	o := send.Opening{Channel: switchboard.ChannelID(body.ChannelId), Address: strings.TrimSpace(body.Address)}
	if err := access.Check(v.Viewer, access.StartNew, access.Subject{Account: v.Account, Channel: o.Channel}); err != nil {
		return nil, err
	}
	if o.Address == "" || len(o.Address) > maxNameBytes {
		return nil, invalid("address")
	}
	if body.Name != nil {
		o.Name = cut(strings.TrimSpace(*body.Name), maxNameBytes)
	}
	account, err := a.chats.Store.Account(ctx, nil, v.Account)
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	o.Known = known(o.Address, account.Settings)
	o.Draft = send.Draft{Account: v.Account, ID: switchboard.MessageID(strings.ToLower(body.Id.String())), Author: v.Viewer.Employee, Text: body.Text}
	o.Draft.Allowed = func(ctx context.Context, tx switchboard.Tx) error { return a.mayStart(ctx, tx, v, o) }
	chat, seq, err := a.chats.Outbox.Start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start chat: %w", err)
	}
	added, err := a.added(ctx, v, chat, seq)
	return StartChat201JSONResponse(added), err
}

// mayStart judges the chat that is about to be written to: a new one is held for its
// author, one that exists has its owners.
func (a *chatsAPI) mayStart(ctx context.Context, tx switchboard.Tx, v Viewer, o send.Opening) error {
	found, err := a.chats.Store.FindChat(ctx, tx, v.Account, o.Channel, o.Address)
	if err != nil {
		return fmt.Errorf("find chat: %w", err)
	}
	_, err = a.check(ctx, tx, v, access.StartChat, found.ID)
	return err
}

// known gives what an address says about the person: a phone, where it is one.
func known(address string, s switchboard.AccountSettings) []switchboard.Identity {
	number, ok := phone.Parse(address, s.Country, s.EightToSeven)
	if !ok {
		return nil
	}
	return []switchboard.Identity{{Kind: switchboard.IdentityPhone, Value: number, Verified: true}}
}
