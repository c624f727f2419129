package store_test

import (
	"context"
	"testing"

	"switchboard/store"
	"switchboard/store/storetest"
)

// Every named query must parse and resolve its tables on both engines.
func TestEveryQueryPreparesOnBothEngines(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if len(store.Queries()) == 0 {
			t.Fatal("no query is named")
		}
		for _, q := range store.Queries() {
			if err := s.Prepare(context.Background(), q); err != nil {
				t.Errorf("%s: %v", q.Name, err)
			}
		}
	})
}
