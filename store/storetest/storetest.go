package storetest

import (
	"context"
	"path/filepath"
	"testing"

	"switchboard/store"
	"switchboard/store/pgtest"
)

// Each runs test on a fresh store of each engine.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			test(t, Open(t, Address(t, engine)))
		})
	}
}

// Address gives the address of an empty database.
func Address(t testing.TB, engine store.Engine) string {
	t.Helper()
	if engine == store.Postgres {
		return pgtest.New(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "switchboard.db")
}

// Open opens and migrates a database, and closes it when the test ends.
func Open(t testing.TB, address string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), address, store.Options{})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	s.WatchTransactions()
	return s
}
