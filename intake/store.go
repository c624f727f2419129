package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"switchboard"
)

// storeGroup stores deliveries of one account: the short way for messages of settled
// chats, the long way for the rest.
func (d *Door) storeGroup(ctx context.Context, group []*delivery) error {
	if !d.Store.AddsKnownAlone() {
		return d.Store.InTx(ctx, func(tx switchboard.Tx) error {
			if err := d.shortWay(ctx, tx, group); err != nil {
				return err
			}
			return d.longWay(ctx, tx, group, true)
		})
	}
	if err := d.shortWay(ctx, nil, group); err != nil {
		return err
	}
	if !anyLeft(group) {
		return nil
	}
	left := leftOver(group)
	for try := 1; ; try++ {
		err := d.Store.InTx(ctx, func(tx switchboard.Tx) error {
			forget(group, left) // a transaction that failed may have run before
			return d.longWay(ctx, tx, group, try == maxUnforeseen)
		})
		if !errors.Is(err, errUnforeseen) {
			return err
		}
	}
}

// errUnforeseen ends a transaction that would have to insert jobs late: it begins anew
// and then sees who was faster.
var errUnforeseen = errors.New("a message is of another client than it seemed")

// maxUnforeseen is the try that inserts jobs late all the same.
const maxUnforeseen = 3

// forget takes back what was noted about messages whose transaction did not commit.
func forget(group []*delivery, places []place) {
	for _, p := range places {
		group[p.delivery].result[p.message] = switchboard.Stored{}
	}
}

// place names one message of a group.
type place struct{ delivery, message int }

// simple says that a message may take the short way once its chat is settled.
func simple(in *switchboard.Incoming) bool {
	return len(in.Message.Content.Media) == 0 && in.QuotedProvider == "" && in.Message.Content.Contact == nil && !in.Opens
}

// alone says that a delivery has messages only, so the short way stores all of it.
func alone(w *delivery) bool {
	b := &w.batch
	return b.Unreadable == "" && len(b.Edits)+len(b.Deletes)+len(b.Statuses)+len(b.Peers)+len(b.Ignored) == 0
}

func (d *Door) shortWay(ctx context.Context, tx switchboard.Tx, group []*delivery) error {
	var in []switchboard.Incoming
	var places []place
	for g, w := range group {
		clear(w.result)
		if !alone(w) {
			continue
		}
		for i := range w.in {
			if simple(&w.in[i]) {
				in, places = append(in, w.in[i]), append(places, place{g, i})
			}
		}
	}
	if len(in) == 0 {
		return nil
	}
	d.Step("before short way")
	stored, err := d.Store.AddKnown(ctx, tx, in)
	if err != nil {
		return fmt.Errorf("store known: %w", err)
	}
	d.Step("after short way")
	for i, p := range places {
		group[p.delivery].result[p.message] = stored[i]
	}
	return nil
}

func anyLeft(group []*delivery) bool {
	for _, w := range group {
		if !alone(w) {
			return true
		}
		for i := range w.result {
			if !w.result[i].Known {
				return true
			}
		}
	}
	return false
}

// longWay stores what the short way left: all jobs are inserted before anything is
// locked, as the client's own work locks its job first; then every chat and client is
// found or made, then the rows. Jobs that were not foreseen are inserted late only when
// they may.
func (d *Door) longWay(ctx context.Context, tx switchboard.Tx, group []*delivery, mayBeLate bool) error {
	ahead, err := d.lookAhead(ctx, tx, group)
	if err != nil {
		return err
	}
	if err := d.Jobs.Insert(ctx, tx, ahead.jobs...); err != nil {
		return fmt.Errorf("insert jobs: %w", err)
	}
	work, late, err := d.findAll(ctx, tx, group, ahead)
	if err != nil {
		return err
	}
	if len(late) > 0 && !mayBeLate {
		return errUnforeseen
	}
	if err := d.Jobs.Insert(ctx, tx, late...); err != nil {
		return fmt.Errorf("insert late jobs: %w", err)
	}
	for _, w := range work {
		if err := d.Store.AskClientWork(ctx, tx, w); err != nil {
			return fmt.Errorf("ask for client work: %w", err)
		}
	}
	for i, p := range ahead.left {
		if err := d.addRows(ctx, tx, group[p.delivery], p.message, ahead.chats[i]); err != nil {
			return err
		}
	}
	for _, w := range group {
		if err := d.storeRest(ctx, tx, w); err != nil {
			return err
		}
	}
	d.Step("before commit")
	return nil
}

// ahead is what the long way is about to do.
type ahead struct {
	left  []place // without those known to be duplicates
	chats []switchboard.FoundChat
	fresh map[[2]string]switchboard.ClientID // channel, address -> the client's id if it is new
	jobs  []switchboard.Key
}

// lookAhead reads, without locking anything, which jobs the group needs.
func (d *Door) lookAhead(ctx context.Context, tx switchboard.Tx, group []*delivery) (a ahead, err error) {
	a.fresh = map[[2]string]switchboard.ClientID{}
	for _, p := range leftOver(group) {
		w := group[p.delivery]
		in := &w.in[p.message]
		dup, found, err := d.Store.Duplicate(ctx, tx, in)
		if err != nil {
			return a, fmt.Errorf("look for a duplicate: %w", err)
		}
		if found {
			w.result[p.message] = dup
			continue
		}
		if err := d.expect(ctx, tx, in, &a); err != nil {
			return a, err
		}
		a.left = append(a.left, p)
	}
	a.chats = make([]switchboard.FoundChat, len(a.left))
	return a, nil
}

// expect adds the jobs of one message: of its files and, unless nothing is to be done
// for him, of the client that it will be of.
func (d *Door) expect(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming, a *ahead) error {
	for _, file := range in.Message.Content.Media {
		a.jobs = append(a.jobs, switchboard.Key{Account: in.Message.Account, Queue: "media", Key: string(file.ID)})
	}
	at := [2]string{string(in.Channel), in.Address}
	client, settled, err := d.Store.PeekClient(ctx, tx, in)
	if errors.Is(err, switchboard.ErrNotFound) {
		if a.fresh[at] == "" {
			a.fresh[at] = switchboard.ClientID(d.newID())
		}
		client, err = a.fresh[at], nil
	}
	if err != nil {
		return fmt.Errorf("look whose a message is: %w", err)
	}
	if !settled && !in.Opens {
		a.jobs = append(a.jobs, clientKey(in, client))
	}
	return nil
}

func clientKey(in *switchboard.Incoming, client switchboard.ClientID) switchboard.Key {
	return switchboard.Key{Account: in.Message.Account, Queue: "client", Key: string(client)}
}

// findAll finds or makes chats and clients; late are the jobs that were not foreseen,
// because somebody else was faster or two clients became one.
func (d *Door) findAll(ctx context.Context, tx switchboard.Tx, group []*delivery, a ahead) (work []switchboard.ClientWork, late []switchboard.Key, err error) {
	for i, p := range a.left {
		in := &group[p.delivery].in[p.message]
		ask, err := d.findOrMake(ctx, tx, in, &a.chats[i], a.fresh[[2]string{string(in.Channel), in.Address}])
		if err != nil {
			return nil, nil, err
		}
		if !ask {
			continue
		}
		work = append(work, switchboard.ClientWork{Account: in.Message.Account, Client: a.chats[i].Client, Channel: in.Channel})
		if key := clientKey(in, a.chats[i].Client); !slices.Contains(a.jobs, key) {
			late = append(late, key)
		}
	}
	return work, late, nil
}

// leftOver lists the messages not stored yet, sorted by channel and address so that
// two nodes lock chats in one order; within a chat in the order they came.
func leftOver(group []*delivery) []place {
	var left []place
	for g, w := range group {
		for i := range w.in {
			if !w.result[i].Known {
				left = append(left, place{g, i})
			}
		}
	}
	at := func(p place) *switchboard.Incoming { return &group[p.delivery].in[p.message] }
	sort.SliceStable(left, func(a, b int) bool {
		x, y := at(left[a]), at(left[b])
		if x.Channel != y.Channel {
			return x.Channel < y.Channel
		}
		return x.Address < y.Address
	})
	return left
}

// findOrMake finds the message's chat or makes it with its client, who gets the fresh
// id when nobody is known, and says whether the client needs CRM work.
func (d *Door) findOrMake(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming, chat *switchboard.FoundChat, fresh switchboard.ClientID) (ask bool, err error) {
	account := in.Message.Account
	*chat, err = d.Store.FindChat(ctx, tx, account, in.Channel, in.Address)
	switch {
	case errors.Is(err, switchboard.ErrNotFound):
		if *chat, err = d.makeChat(ctx, tx, in, fresh); err != nil {
			return false, err
		}
	case err != nil:
		return false, fmt.Errorf("find chat: %w", err)
	default:
		if err := d.knownPeer(ctx, tx, in, chat); err != nil {
			return false, err
		}
	}
	if in.Opens || chat.Settled {
		return false, nil
	}
	client, err := d.Store.Client(ctx, tx, account, chat.Client)
	if err != nil {
		return false, fmt.Errorf("read client: %w", err)
	}
	if client.State == switchboard.ClientOpened { // CHAT-8: the first real message makes the client
		if err := d.Store.SetClientState(ctx, tx, account, client.ID, switchboard.ClientNew); err != nil {
			return false, err
		}
	}
	return client.State != switchboard.ClientAmbiguous, nil
}

func (d *Door) makeChat(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming, fresh switchboard.ClientID) (chat switchboard.FoundChat, err error) {
	if fresh == "" { // a chat that was there has gone meanwhile
		fresh = switchboard.ClientID(d.newID())
	}
	account, state := in.Message.Account, switchboard.ClientNew
	if in.Opens {
		state = switchboard.ClientOpened
	}
	client, err := d.Store.ResolveClient(ctx, tx, account, fresh, in.Name, state, in.Identities)
	if err != nil {
		return chat, fmt.Errorf("resolve client: %w", err)
	}
	made := switchboard.Chat{Account: account, ID: switchboard.ChatID(d.newID()), Channel: in.Channel, Client: client,
		Address: in.Address, Name: in.Name, Username: in.Username}
	if err := d.Store.AddChat(ctx, tx, made); err != nil {
		return chat, fmt.Errorf("add chat: %w", err)
	}
	return d.Store.FindChat(ctx, tx, account, in.Channel, in.Address)
}

// knownPeer notes a new name, and joins clients when the peer shared a phone.
func (d *Door) knownPeer(ctx context.Context, tx switchboard.Tx, in *switchboard.Incoming, chat *switchboard.FoundChat) error {
	if in.Name != "" {
		if err := d.Store.RenameChat(ctx, tx, in.Message.Account, chat.ID, in.Name, in.Username); err != nil {
			return fmt.Errorf("rename chat: %w", err)
		}
	}
	if len(in.Identities) < 2 {
		return nil
	}
	client, err := d.Store.JoinIdentities(ctx, tx, in.Message.Account, chat.Client, in.Identities)
	if err != nil {
		return fmt.Errorf("join identities: %w", err)
	}
	chat.Client = client
	return nil
}

func (d *Door) addRows(ctx context.Context, tx switchboard.Tx, w *delivery, i int, chat switchboard.FoundChat) error {
	in := &w.in[i]
	account := in.Message.Account
	if in.QuotedProvider != "" {
		quoted, err := d.Store.QuotedMessage(ctx, tx, account, chat.ID, in.QuotedProvider)
		if err != nil {
			return fmt.Errorf("find quoted message: %w", err)
		}
		in.Message.ReplyTo = quoted
	}
	stored, err := d.Store.AddToChat(ctx, tx, in, chat.ID)
	if err != nil {
		return fmt.Errorf("add message: %w", err)
	}
	w.result[i] = stored
	if stored.Duplicate {
		return nil
	}
	for _, a := range in.Message.Content.Media {
		m := switchboard.Media{Account: account, ID: a.ID, Channel: in.Channel, Chat: chat.ID, Kind: in.Message.Kind,
			State: switchboard.MediaFetching, Source: a.Source, Name: a.Name, MIME: a.MIME, Size: a.Size}
		if err := d.Store.AddMedia(ctx, tx, m); err != nil {
			return fmt.Errorf("add file: %w", err)
		}
	}
	return d.Store.TakeEarly(ctx, tx, w.ch, in.Address, in.Message.ProviderID, stored)
}

// storeRest stores what a delivery holds beside messages.
func (d *Door) storeRest(ctx context.Context, tx switchboard.Tx, w *delivery) error {
	b := &w.batch
	if alone(w) {
		return nil
	}
	if err := d.Store.KeepRaw(ctx, tx, w.ch, w.rawID, b.Raw, b.Unreadable); err != nil {
		return fmt.Errorf("keep body: %w", err)
	}
	for _, c := range changes(b) {
		if err := d.Store.ApplyChange(ctx, tx, w.ch, c.address, c.Change); err != nil {
			return fmt.Errorf("apply %s: %w", c.Kind, err)
		}
	}
	for _, p := range b.Peers {
		if err := d.Store.SetReachable(ctx, tx, w.ch, p.Address, !p.Unreachable); err != nil {
			return fmt.Errorf("note peer: %w", err)
		}
	}
	for _, i := range b.Ignored {
		if err := d.Store.KeepIgnored(ctx, tx, w.ch, i.Source, short(i.Name), i.Reason); err != nil {
			return fmt.Errorf("note ignored: %w", err)
		}
	}
	return nil
}
