package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/channel/webchat"
	"switchboard/intake"
	"switchboard/store"
	"switchboard/store/storetest"
)

// noVault keeps secrets as they are.
type noVault struct{}

func (noVault) Seal(plain []byte, _ store.SecretPlace) ([]byte, error)  { return plain, nil }
func (noVault) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return sealed, nil }

// noJobs: messages of settled chats insert no job.
type noJobs struct{}

func (noJobs) Insert(context.Context, switchboard.Tx, ...switchboard.Key) error { return nil }

// benchStore opens a migrated store without the tests' watching.
func benchStore(b *testing.B, engine store.Engine) *store.Store {
	b.Helper()
	db, err := store.Open(b.Context(), storetest.Address(b, engine), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	db.UseVault(noVault{})
	return db
}

// BenchmarkDoor stores messages of settled chats, one delivery each.
func BenchmarkDoor(b *testing.B) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		db := benchStore(b, engine)
		w, err := buildWorld(b.Context(), db, 2000, nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, senders := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("%s/senders=%d", engine, senders), func(b *testing.B) { throughDoor(b, db, w, senders) })
		}
	}
}

func throughDoor(b *testing.B, db *store.Store, w *world, senders int) {
	door := intake.NewDoor(intake.Config{Store: db, Jobs: noJobs{}, Clock: time.Now, Random: rand.Reader, Logger: slog.Default(),
		Capabilities: func(switchboard.Transport) channel.Capabilities { return webchat.New(nil).Capabilities() }})
	defer door.Close()
	text := strings.Repeat("x", 540)
	var next atomic.Int64
	done := make(chan error, senders)
	server := 0
	if db.Pool() != nil {
		server = serverPID(b.Context(), db.Pool().Config().ConnString())
	}
	self, base := cpuOf(os.Getpid()), family(server)
	b.ResetTimer()
	for range senders {
		go func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if _, err := door.Receive(b.Context(), w.channel, oneMessage(w, int(i)*7919, newUUID(), text)); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range senders {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	b.ReportMetric(1000*(cpuOf(os.Getpid())-self)/float64(b.N), "own-cpu-ms/message")
	b.ReportMetric(1000*(family(server)-base)/float64(b.N), "server-cpu-ms/message")
}

func oneMessage(w *world, i int, id, text string) channel.Batch {
	v := w.visitors[i%len(w.visitors)]
	return channel.Batch{Raw: []byte(`{"id":"` + id + `","text":"` + text + `"}`), Messages: []channel.Message{{
		Peer: channel.Peer{Address: v.session, Identities: []switchboard.Identity{
			{Kind: switchboard.IdentityWebchat, Value: string(w.channel.ID) + "/" + v.session, Verified: true}}},
		Key: "m:" + v.session + ":" + id, ID: switchboard.MessageID(id), ProviderID: id, At: time.Now(), Kind: switchboard.KindText, Text: text}}}
}
