package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"switchboard"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/secret"
	"switchboard/store"
	"switchboard/work"
)

// backlog is how many messages of how many clients wait for the timeline.
const (
	backlog          = 1000
	clientsOfBacklog = 200
)

// benchTimeline drains a backlog into the stand-in CRM and counts its calls.
func benchTimeline(ctx context.Context, engine, dir string, databases func(string) (string, error), box *standIn, rep *report) error {
	dir = filepath.Join(dir, engine+"-timeline")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	database, err := databases("timeline")
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, database, dir)
	if err != nil {
		return err
	}
	defer db.Close()
	w, err := buildWorld(ctx, db, clientsOfBacklog, box)
	if err != nil {
		return err
	}
	client, conn, err := connectInside(ctx, db, w, box)
	if err != nil {
		return err
	}
	line := &crm.Timeline{Store: db, Accounts: db, Clock: time.Now, Logger: slog.New(slog.DiscardHandler), PublicURL: "http://127.0.0.1",
		Open: func(switchboard.Connection) (crm.CRM, error) { return client, nil }, Texts: func(_, key string, _ map[string]string) string { return key }}
	if err := line.Begin(ctx, conn); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := w.write(ctx, db, backlog); err != nil {
		return err
	}
	return drain(ctx, engine, db, line, conn, box, rep)
}

func connectInside(ctx context.Context, db *store.Store, w *world, box *standIn) (*hubspot.Client, switchboard.Connection, error) {
	conn := switchboard.Connection{Account: w.account, ID: switchboard.ConnectionID(newUUID()), Kind: "hubspot", State: switchboard.ConnectionActive, Secrets: []byte("{}")}
	config := hubspot.Config{BaseURL: box.url, Token: secret.New(box.token), HTTP: http.DefaultClient, Bucket: string(conn.ID)}
	client, err := hubspot.New(config)
	if err != nil {
		return nil, conn, fmt.Errorf("open the stand-in CRM: %w", err)
	}
	found, err := client.Connect(ctx)
	if err != nil {
		return nil, conn, fmt.Errorf("connect the stand-in CRM: %w", err)
	}
	config.Portal = found.Portal
	if client, err = hubspot.New(config); err != nil {
		return nil, conn, fmt.Errorf("open the stand-in CRM: %w", err)
	}
	if conn.Info, err = json.Marshal(found); err != nil {
		return nil, conn, fmt.Errorf("encode: %w", err)
	}
	err = db.InTx(ctx, func(tx switchboard.Tx) error { return db.Connect(ctx, tx, conn) })
	return client, conn, err
}

// write stores messages of settled chats, in batches.
func (w *world) write(ctx context.Context, db *store.Store, messages int) error {
	for done := 0; done < messages; {
		in := make([]switchboard.Incoming, min(100, messages-done))
		for i := range in {
			in[i] = w.incoming(done + i)
		}
		done += len(in)
		if err := addKnown(ctx, db, in); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) incoming(i int) switchboard.Incoming {
	v, id := w.visitors[i%len(w.visitors)], newUUID()
	text := strings.Repeat("x", 500)
	return switchboard.Incoming{Channel: w.channel.ID, Address: v.session, Key: "m:" + v.session + ":" + id, Counts: true, NumbersView: true,
		RawID: newUUID(), Raw: []byte(text), Message: switchboard.Message{Account: w.account, ID: switchboard.MessageID(id), Direction: switchboard.In,
			Kind: switchboard.KindText, Text: text, ProviderID: id, At: time.Now(), Status: switchboard.StatusReceived}}
}

// addKnown stores messages as the door does.
func addKnown(ctx context.Context, db *store.Store, in []switchboard.Incoming) error {
	add := func(tx switchboard.Tx) error {
		stored, err := db.AddKnown(ctx, tx, in)
		for i := range stored {
			if !stored[i].Known {
				return errors.New("a message of a settled chat was not stored")
			}
		}
		return err //nolint:wrapcheck // says enough
	}
	if db.AddsKnownAlone() {
		return add(nil)
	}
	return db.InTx(ctx, add)
}

// drain has the timeline's jobs run until nothing is left.
func drain(ctx context.Context, engine string, db *store.Store, line *crm.Timeline, conn switchboard.Connection, box *standIn, rep *report) error {
	queue := line.Queue(1)
	jobs, err := work.New(work.Config{Pools: work.Pools{Postgres: db.Pool(), SQLite: db.Writer()}, Store: db, Leases: db, Node: newUUID(),
		Logger: slog.New(slog.DiscardHandler), Queues: []work.Queue{queue}})
	if err != nil {
		return fmt.Errorf("set up jobs: %w", err)
	}
	before, began := lastCall(box), time.Now()
	if err := jobs.Start(ctx); err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	key := switchboard.Key{Account: conn.Account, Queue: "timeline", Key: string(conn.ID)}
	jobs.Hint(key)
	for entriesSince(box, before) < backlog && time.Since(began) < time.Minute {
		time.Sleep(20 * time.Millisecond)
	}
	took := time.Since(began)
	if err := jobs.Stop(ctx); err != nil {
		return fmt.Errorf("stop jobs: %w", err)
	}
	calls, entries := len(box.box.Calls(before)), entriesSince(box, before)
	if entries < backlog {
		return fmt.Errorf("only %d of %d entries were written", entries, backlog)
	}
	rep.add(engine+": timeline, CRM calls per 1000 messages in backlog", true, 12, float64(calls)*1000/backlog)
	rep.figure("%s\ttimeline: %d entries in %.1f s, %d calls\t", engine, entries, took.Seconds(), calls)
	return nil
}

// entriesSince counts the timeline entries written behind a call.
func entriesSince(box *standIn, after int64) (entries int) {
	for _, c := range box.box.Calls(after) {
		wrote := strings.HasSuffix(c.Path, "/batch/create") || strings.HasSuffix(c.Path, "/batch/upsert")
		if c.Done && c.Method == http.MethodPost && wrote {
			entries += c.Records
		}
	}
	return entries
}
