package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/webchat"
	"switchboard/intake"
	"switchboard/store"
)

// jobless refuses jobs: messages of settled chats need none.
type jobless struct{}

func (jobless) Insert(_ context.Context, _ switchboard.Tx, keys ...switchboard.Key) error {
	if len(keys) > 0 {
		return fmt.Errorf("%d jobs for settled chats", len(keys))
	}
	return nil
}

func openDoor(db *store.Store) *intake.Door {
	return intake.NewDoor(intake.Config{Store: db, Jobs: jobless{}, Clock: time.Now, Random: rand.Reader, Logger: slog.Default(),
		Capabilities: func(switchboard.Transport) channel.Capabilities { return webchat.New(nil).Capabilities() }})
}

// batchingRounds and messagesOfRound: how often the two ways take turns.
const (
	batchingRounds  = 5
	messagesOfRound = 300
)

// benchBatching compares, for one sender, the way through the door's lane with the
// bare statement.
func benchBatching(ctx context.Context, engine, dir string, databases func(string) (string, error), rep *report) error {
	dir = filepath.Join(dir, engine+"-batching")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	database, err := databases("batching")
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, database, dir)
	if err != nil {
		return err
	}
	defer db.Close()
	w, err := buildWorld(ctx, db, 500, nil)
	if err != nil {
		return err
	}
	if err := analyze(ctx, db); err != nil {
		return err
	}
	door := openDoor(db)
	defer door.Close()
	ratios := make([]float64, 0, batchingRounds)
	for round := range batchingRounds + 1 {
		direct, err := medianOf(func(i int) error { return addKnown(ctx, db, []switchboard.Incoming{w.incoming(i)}) })
		if err != nil {
			return err
		}
		through, err := medianOf(func(i int) error {
			_, err := door.Receive(ctx, w.channel, w.delivery(i))
			return err //nolint:wrapcheck // shown as it is
		})
		if err != nil {
			return err
		}
		if round > 0 { // the first warms up
			ratios = append(ratios, through/direct)
		}
	}
	rep.add(engine+": batching's cost for 1 sender, p50", true, 1.1, ratios...)
	return nil
}

func medianOf(do func(i int) error) (float64, error) {
	all := make([]float64, messagesOfRound)
	for i := range all {
		began := time.Now()
		if err := do(i); err != nil {
			return 0, err
		}
		all[i] = time.Since(began).Seconds()
	}
	slices.Sort(all)
	return all[len(all)/2], nil
}

// delivery is one message as the site chat hands it to the door.
func (w *world) delivery(i int) channel.Batch {
	in := w.incoming(i)
	return channel.Batch{Raw: in.Raw, Messages: []channel.Message{{
		Peer: channel.Peer{Address: in.Address, Identities: []switchboard.Identity{
			{Kind: switchboard.IdentityWebchat, Value: string(w.channel.ID) + "/" + in.Address, Verified: true}}},
		Key: in.Key, ID: in.Message.ID, ProviderID: in.Message.ProviderID, At: in.Message.At, Kind: in.Message.Kind, Text: in.Message.Text}}}
}
