package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"switchboard"
	"switchboard/access"
	"switchboard/i18n"
	"switchboard/routing"
)

// ReadChat answers a chat with its client, deals and what the viewer may do.
func (a *chatsAPI) ReadChat(ctx context.Context, r ReadChatRequestObject) (ReadChatResponseObject, error) {
	detail, err := a.detail(ctx, ViewerOf(ctx), switchboard.ChatID(r.Chat))
	return ReadChat200JSONResponse(detail), err
}

// chatFacts is what a chat's detail is made of, from one snapshot.
type chatFacts struct {
	row     switchboard.ChatRow
	client  switchboard.ClientDetail
	others  []switchboard.ChatRow
	rights  access.Viewer
	subject access.Subject
	channel switchboard.Channel
}

func (a *chatsAPI) detail(ctx context.Context, v Viewer, chat switchboard.ChatID) (ChatDetail, error) {
	var f chatFacts
	err := a.chats.Store.View(ctx, func(tx switchboard.Tx) (err error) {
		f, err = a.facts(ctx, tx, v, chat)
		return err
	})
	if err != nil {
		return ChatDetail{}, err
	}
	others := chatRows(f.rights, f.others)
	return ChatDetail{Chat: chatRow(f.rights, &f.row), Client: a.wireClient(ctx, f), Deals: a.wireDeals(f.client),
		OtherChats: &others, Can: can(ctx, f)}, nil
}

func (a *chatsAPI) facts(ctx context.Context, tx switchboard.Tx, v Viewer, chat switchboard.ChatID) (f chatFacts, err error) {
	store := a.chats.Store
	if f.row, err = store.SeenChat(ctx, tx, v.Account, v.Viewer.Employee, chat); err != nil {
		return f, err
	}
	if f.rights, err = store.Rights(ctx, tx, v.Account, v.Viewer.Employee); err != nil {
		return f, fmt.Errorf("read rights: %w", err)
	}
	if f.subject, err = store.Subject(ctx, tx, v.Account, chat); err != nil {
		return f, fmt.Errorf("read owners: %w", err)
	}
	if f.channel, err = store.Channel(ctx, tx, v.Account, f.row.Channel); err != nil {
		return f, fmt.Errorf("read channel: %w", err)
	}
	if f.client, err = store.ClientDetail(ctx, tx, v.Account, f.row.Client, foundIn); err != nil {
		return f, fmt.Errorf("read client: %w", err)
	}
	ids, err := store.SeenChatsOfClient(ctx, tx, v.Account, v.Viewer.Employee, f.row.Client)
	if err != nil {
		return f, fmt.Errorf("list chats of the client: %w", err)
	}
	ids = slices.DeleteFunc(ids, func(id switchboard.ChatID) bool { return id == chat })
	f.others, err = store.ChatRows(ctx, tx, v.Account, ids, f.row.Version)
	return f, err
}

// foundIn lists the contacts that a decision was to choose from.
func foundIn(d switchboard.DecisionRecord) []switchboard.ContactID {
	var in routing.Input
	if json.Unmarshal(d.Input, &in) != nil {
		return nil
	}
	ids := []switchboard.ContactID{}
	for _, c := range in.Snapshot.Contacts {
		if !slices.Contains(ids, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

func (a *chatsAPI) recordURL(c switchboard.Connection, kind, id string) *string {
	if c.ID == "" || id == "" {
		return nil
	}
	return ref(a.chats.RecordURL(c, kind, id))
}

func (a *chatsAPI) wireClient(ctx context.Context, f chatFacts) Client {
	c := f.client
	out := Client{Id: string(c.ID), Name: f.row.Name, State: string(c.State), ContactId: ref(string(c.Contact)),
		ContactURL: a.recordURL(c.Connection, "contact", string(c.Contact)), Identities: []Identity{}, Problem: ref(problemText(ctx, c.Problem))}
	for _, id := range c.Identities {
		out.Identities = append(out.Identities, Identity{Kind: string(id.Kind), Value: id.Value, Verified: id.Verified})
	}
	if c.State != switchboard.ClientAmbiguous {
		return out
	}
	candidates := []ContactCandidate{}
	for _, found := range c.Found {
		name := found.Name
		if name == "" {
			name = say(ctx, i18n.ClientContactUnnamed, map[string]string{"id": string(found.ID)})
		}
		candidates = append(candidates, ContactCandidate{Id: string(found.ID), Name: name, Phone: ref(found.Phone),
			Email: ref(found.Email), Url: a.recordURL(c.Connection, "contact", string(found.ID))})
	}
	out.Candidates = &candidates
	return out
}

// problemText says why CRM work waits: a sentence, or the CRM's own words in one.
func problemText(ctx context.Context, problem string) string {
	switch {
	case problem == "":
		return ""
	case i18n.Has(i18n.Key(problem)):
		return say(ctx, i18n.Key(problem), nil)
	}
	return say(ctx, i18n.ClientCrmRefuses, map[string]string{"reason": problem})
}

func (a *chatsAPI) wireDeals(c switchboard.ClientDetail) []Deal {
	out := make([]Deal, 0, len(c.Deals))
	for _, d := range c.Deals {
		pipeline, stage := labels(c.Pipelines, d)
		out = append(out, Deal{Id: string(d.ID), Name: d.Name, Open: d.Open, Pipeline: pipeline, Stage: stage,
			Owner: ref(ownerName(c.Owners, d.Owner)), Url: a.recordURL(c.Connection, "deal", string(d.ID))})
	}
	return out
}

// labels names a deal's pipeline and stage, by id where the mirror does not know them
// yet.
func labels(all []switchboard.Pipeline, d switchboard.Deal) (pipeline, stage string) {
	pipeline, stage = string(d.Pipeline), string(d.Stage)
	for _, p := range all {
		if p.ID != d.Pipeline {
			continue
		}
		pipeline = p.Label
		for _, s := range p.Stages {
			if s.ID == d.Stage {
				stage = s.Label
			}
		}
	}
	return pipeline, stage
}

func ownerName(all []switchboard.Owner, id switchboard.OwnerID) string {
	for _, o := range all {
		if o.ID != id {
			continue
		}
		if o.Name == "" {
			return o.Email
		}
		return o.Name
	}
	return string(id)
}

// can says in words what the viewer may do here (ROLE-6, CHAT-3).
func can(ctx context.Context, f chatFacts) Rights {
	right := func(action access.Action) Right {
		ok, reason := access.Can(f.rights, action, f.subject)
		if ok {
			return Right{Allowed: true}
		}
		return Right{Reason: ref(say(ctx, i18n.Key(reason.Message()), reason.Params))}
	}
	all := Rights{Send: right(access.Send), Clear: right(access.NoReply), ChooseContact: right(access.ChooseContact)}
	if all.Send.Allowed && f.channel.State != switchboard.ChannelActive { // CHAT-4
		all.Send = Right{Reason: ref(say(ctx, i18n.ChannelNotActive, map[string]string{"channel": f.channel.Name}))}
	}
	return all
}

// ChooseContact links an ambiguous client to one of the contacts found.
func (a *chatsAPI) ChooseContact(ctx context.Context, r ChooseContactRequestObject) (ChooseContactResponseObject, error) {
	v, chat, contact := ViewerOf(ctx), switchboard.ChatID(r.Chat), switchboard.ContactID(r.Body.ContactId)
	row, err := a.seen(ctx, v, chat)
	if err != nil {
		return nil, err
	}
	err = a.chats.Store.InTx(ctx, func(tx switchboard.Tx) error {
		key := switchboard.Key{Account: v.Account, Queue: "client", Key: string(row.Client)}
		if err := a.chats.Jobs.Insert(ctx, tx, key); err != nil { // before its row
			return fmt.Errorf("insert job: %w", err)
		}
		if _, err := a.check(ctx, tx, v, access.ChooseContact, chat); err != nil {
			return err
		}
		client, err := a.chats.Store.ClientDetail(ctx, tx, v.Account, row.Client, foundIn)
		if err != nil {
			return fmt.Errorf("read client: %w", err)
		}
		if client.State == switchboard.ClientAmbiguous && !slices.Contains(foundIn(client.Decision), contact) {
			return invalid("contactId")
		}
		w := switchboard.ClientWork{Account: v.Account, Client: row.Client, Channel: row.Channel}
		return a.chats.Store.ChooseContact(ctx, tx, w, contact)
	})
	if err != nil {
		return nil, fmt.Errorf("choose contact: %w", err)
	}
	detail, err := a.detail(ctx, v, chat)
	return ChooseContact200JSONResponse(detail), err
}
