package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"switchboard"
	"switchboard/store"
)

// world is a company whose clients are all known: linked to mirrored contacts that
// have a responsible, the first manager, so that a message of theirs needs no CRM work.
type world struct {
	crm        *standIn // nil: contacts exist in the mirror only
	account    switchboard.AccountID
	channel    switchboard.Channel
	managers   []switchboard.EmployeeID
	supervisor switchboard.EmployeeID
	control    switchboard.EmployeeID
	visitors   []visitor
	chats      []switchboard.ChatID
}

// visitor is one client's browser.
type visitor struct{ session, token string }

const managersOfWorld = 3

// owners are the CRM's ids of supervisor, quality controller and managers.
var owners = []switchboard.OwnerID{"9001", "9002", "9003", "9004", "9005"}

func emailOf(i int) string { return fmt.Sprintf("e%d@bench.example", i) }

func newUUID() string { return switchboard.NewUUID(time.Now(), rand.Reader) }

// buildWorld makes a company with clients, each with one chat in the site chat.
func buildWorld(ctx context.Context, db *store.Store, clients int, crm *standIn) (*world, error) {
	w := &world{crm: crm, account: switchboard.AccountID(newUUID()), supervisor: switchboard.EmployeeID(newUUID()), control: switchboard.EmployeeID(newUUID())}
	w.channel = switchboard.Channel{Account: w.account, ID: switchboard.ChannelID(newUUID()), Transport: switchboard.Webchat, Name: "Bench",
		Key: newUUID(), State: switchboard.ChannelActive, Config: []byte(`{"origins":[]}`), Secrets: []byte(`{}`)}
	for range managersOfWorld {
		w.managers = append(w.managers, switchboard.EmployeeID(newUUID()))
	}
	if err := db.InTx(ctx, func(tx switchboard.Tx) error { return w.addCompany(ctx, db, tx) }); err != nil {
		return nil, fmt.Errorf("make the company: %w", err)
	}
	for len(w.chats) < clients {
		var chats []switchboard.ChatID
		var visitors []visitor
		err := db.InTx(ctx, func(tx switchboard.Tx) (err error) {
			chats, visitors, err = w.addClients(ctx, db, tx, min(500, clients-len(w.chats)))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("make clients: %w", err)
		}
		w.chats, w.visitors = append(w.chats, chats...), append(w.visitors, visitors...)
	}
	return w, w.addVisitors(ctx, db)
}

func (w *world) addCompany(ctx context.Context, db *store.Store, tx switchboard.Tx) error {
	settings := switchboard.AccountSettings{Timeline: true, Country: "RU", Locale: "en"}
	if err := db.AddAccount(ctx, tx, switchboard.Account{ID: w.account, Name: "Bench", Settings: settings}); err != nil {
		return err
	}
	roles := []switchboard.RoleAssignment{{Employee: w.supervisor, Role: switchboard.Supervisor}, {Employee: w.control, Role: switchboard.QualityControl}}
	all := append([]switchboard.EmployeeID{w.supervisor, w.control}, w.managers...)
	for i, id := range all {
		e := switchboard.Employee{ID: id, Email: emailOf(i), Name: fmt.Sprintf("Employee %d", i),
			Owner: owners[i], Active: true, ActiveInCRM: true, Admin: i == 0}
		if err := db.AddEmployee(ctx, tx, w.account, e); err != nil {
			return err
		}
	}
	for _, id := range w.managers {
		roles = append(roles, switchboard.RoleAssignment{Employee: id, Role: switchboard.Manager, Receives: true})
	}
	if err := db.AddChannel(ctx, tx, w.channel); err != nil {
		return err
	}
	return db.SetRoles(ctx, tx, w.account, w.channel.ID, roles)
}

// addClients adds clients with contact, responsible and chat.
func (w *world) addClients(ctx context.Context, db *store.Store, tx switchboard.Tx, n int) (chats []switchboard.ChatID, visitors []visitor, err error) {
	for range n {
		v := visitor{session: newUUID(), token: "wst_" + base64.RawURLEncoding.EncodeToString([]byte(newUUID()))}
		chat, err := w.addClient(ctx, db, tx, v)
		if err != nil {
			return nil, nil, err
		}
		chats, visitors = append(chats, chat), append(visitors, v)
	}
	return chats, visitors, nil
}

func (w *world) addClient(ctx context.Context, db *store.Store, tx switchboard.Tx, v visitor) (switchboard.ChatID, error) {
	contact := switchboard.Contact{ID: switchboard.ContactID("c" + v.session), Name: "Client", Owner: owners[2], UpdatedAt: time.Now()}
	if w.crm != nil {
		id, err := w.crm.addContact(contact.Owner)
		if err != nil {
			return "", err
		}
		contact.ID = id
	}
	if err := db.SaveContact(ctx, tx, w.account, contact); err != nil {
		return "", err
	}
	ids := []switchboard.Identity{{Kind: switchboard.IdentityWebchat, Value: string(w.channel.ID) + "/" + v.session, Verified: true}}
	client, err := db.ResolveClient(ctx, tx, w.account, switchboard.ClientID(newUUID()), "", switchboard.ClientNew, ids)
	if err != nil {
		return "", err
	}
	linked := switchboard.Client{Account: w.account, ID: client, State: switchboard.ClientLinked, Contact: contact.ID}
	if err := db.SaveClient(ctx, tx, linked, ""); err != nil {
		return "", err
	}
	chat := switchboard.Chat{Account: w.account, ID: switchboard.ChatID(newUUID()), Channel: w.channel.ID, Client: client, Address: v.session, Name: "Client"}
	return chat.ID, db.AddChat(ctx, tx, chat)
}

func (w *world) addVisitors(ctx context.Context, db *store.Store) error {
	for _, v := range w.visitors {
		sum := sha256.Sum256([]byte(v.token))
		s := switchboard.VisitorSession{ID: v.session, TokenHash: hex.EncodeToString(sum[:]), CreatedAt: time.Now()}
		if err := db.AddVisitor(ctx, w.channel, s); err != nil {
			return fmt.Errorf("add visitor: %w", err)
		}
	}
	return nil
}

// signIn makes a session of an employee and gives its cookie.
func (w *world) signIn(ctx context.Context, db *store.Store, id switchboard.EmployeeID) (cookie string, err error) {
	var raw [32]byte
	_, _ = rand.Read(raw[:])
	token := base64.RawURLEncoding.EncodeToString(raw[:])
	sum := sha256.Sum256([]byte(token))
	now := time.Now()
	s := switchboard.Session{Account: w.account, ID: newUUID(), Employee: id, Kind: switchboard.SessionCookie, CreatedAt: now,
		ExpiresAt: now.Add(24 * time.Hour), SeenAt: now}
	err = db.InTx(ctx, func(tx switchboard.Tx) error { return db.AddSession(ctx, tx, hex.EncodeToString(sum[:]), s) })
	return "switchboard_session=" + token, err
}
