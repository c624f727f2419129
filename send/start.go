package send

import (
	"context"
	"errors"
	"fmt"

	"switchboard"
)

// Opening is a chat to start with a first message.
type Opening struct {
	Draft   // Chat is set by Start
	Channel switchboard.ChannelID
	Address string
	Name    string
	// Known are the identities that the address stands for.
	Known []switchboard.Identity
}

// Start writes first to an address (DEAL-6): its author becomes responsible, and the
// queue does not move. A chat that exists already is simply written to.
func (o *Outbox) Start(ctx context.Context, op Opening) (chat switchboard.ChatID, seq int64, err error) {
	err = o.Store.InTx(ctx, func(tx switchboard.Tx) error {
		ch, err := o.Store.Channel(ctx, tx, op.Account, op.Channel)
		if err != nil {
			return fmt.Errorf("read channel: %w", err)
		}
		if !o.Capabilities(ch.Transport).StartsChat {
			return &switchboard.Error{Code: switchboard.CodeConflict, Message: "channel_cannot_start"}
		}
		found, err := o.Store.FindChat(ctx, tx, op.Account, op.Channel, op.Address)
		if errors.Is(err, switchboard.ErrNotFound) {
			found, err = o.open(ctx, tx, op)
		}
		if err != nil {
			return fmt.Errorf("open chat: %w", err)
		}
		chat = found.ID
		if err := o.Jobs.Insert(ctx, tx, sendKey(op.Account, chat)); err != nil {
			return fmt.Errorf("insert job: %w", err)
		}
		op.Chat = chat
		seq, err = o.queue(ctx, tx, op.Draft)
		return err
	})
	return chat, seq, err
}

// open makes client and chat; the author holds the client until the CRM says more.
func (o *Outbox) open(ctx context.Context, tx switchboard.Tx, op Opening) (switchboard.FoundChat, error) {
	newID := switchboard.ClientID(switchboard.NewUUID(o.Clock(), o.Random))
	client, err := o.Store.ResolveClient(ctx, tx, op.Account, newID, op.Name, switchboard.ClientNew, op.Known)
	if err != nil {
		return switchboard.FoundChat{}, fmt.Errorf("resolve client: %w", err)
	}
	if err := o.Jobs.Insert(ctx, tx, switchboard.Key{Account: op.Account, Queue: "client", Key: string(client)}); err != nil {
		return switchboard.FoundChat{}, fmt.Errorf("insert job: %w", err)
	}
	made := switchboard.Chat{Account: op.Account, ID: switchboard.ChatID(switchboard.NewUUID(o.Clock(), o.Random)),
		Channel: op.Channel, Client: client, Address: op.Address, Name: op.Name}
	if err := o.Store.AddChat(ctx, tx, made); err != nil {
		return switchboard.FoundChat{}, fmt.Errorf("add chat: %w", err)
	}
	found, err := o.Store.FindChat(ctx, tx, op.Account, op.Channel, op.Address)
	if err != nil || found.Settled {
		return found, err
	}
	w := switchboard.ClientWork{Account: op.Account, Client: client, Channel: op.Channel, Employee: op.Author}
	if err := o.Store.AskClientWork(ctx, tx, w); err != nil {
		return found, fmt.Errorf("ask for client work: %w", err)
	}
	if client == newID {
		err = o.Store.HoldForEmployee(ctx, tx, op.Account, client, op.Author)
	}
	return found, err
}
