package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"switchboard/store"
	"switchboard/store/storetest"
)

// noVault keeps secrets as they are.
type noVault struct{}

func (noVault) Seal(plain []byte, _ store.SecretPlace) ([]byte, error)  { return plain, nil }
func (noVault) Open(sealed []byte, _ store.SecretPlace) ([]byte, error) { return sealed, nil }

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
	door := openDoor(db)
	defer door.Close()
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
				if _, err := door.Receive(b.Context(), w.channel, w.delivery(int(i)*7919)); err != nil {
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
