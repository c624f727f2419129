package store

import (
	"context"
	"sort"
)

// Query is one named statement, the same text on both engines unless hot says
// otherwise. Placeholders are $1, $2, ...
type Query struct {
	Name     string
	postgres string
	sqlite   string
}

// Text gives the statement of an engine.
func (q *Query) Text(e Engine) string {
	if e == Postgres {
		return q.postgres
	}
	return q.sqlite
}

var queries = map[string]*Query{}

// query names a statement; a name used twice is a programming error.
func query(name, text string) *Query { return hot(name, text, text) }

// hot names a statement with one text per engine; storetest holds them equal.
func hot(name, postgres, sqlite string) *Query {
	if _, twice := queries[name]; twice {
		panic("two queries named " + name)
	}
	q := &Query{Name: name, postgres: postgres, sqlite: sqlite}
	queries[name] = q
	return q
}

// Queries lists every statement of the house by name.
func Queries() []*Query {
	all := make([]*Query, 0, len(queries))
	for _, q := range queries {
		if q.postgres != "" {
			all = append(all, q)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// Prepare has the engine parse a statement, for tests and doctor.
func (s *Store) Prepare(ctx context.Context, q *Query) error {
	if s.pool == nil {
		st, err := s.plain.PrepareContext(ctx, q.sqlite)
		if err != nil {
			return err
		}
		return st.Close()
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	_, err = conn.Conn().Prepare(ctx, q.Name, q.postgres)
	return err
}
