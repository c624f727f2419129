package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"

	_ "modernc.org/sqlite" // the engine behind "sqlite"
)

// limitSQLite writes over one connection, as SQLite has one writer.
type limitSQLite struct {
	mu   sync.Mutex
	db   *sql.DB
	conn *sql.Conn
	// begin, dedupe, chat, message, raw, work, commit
	steps [7]*sql.Stmt
}

var limitSchemaSQLite = []string{
	`CREATE TABLE IF NOT EXISTS limit_dedupe (channel TEXT, id TEXT, PRIMARY KEY (channel, id)) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS limit_chat (channel TEXT, address TEXT, last_seq INTEGER NOT NULL, last_at INTEGER NOT NULL,
		unanswered INTEGER NOT NULL, PRIMARY KEY (channel, address)) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS limit_message (channel TEXT, address TEXT, seq INTEGER, id TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL,
		PRIMARY KEY (channel, address, seq)) WITHOUT ROWID`,
	`CREATE TABLE IF NOT EXISTS limit_raw (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS limit_work (id INTEGER PRIMARY KEY, channel TEXT NOT NULL, address TEXT NOT NULL, seq INTEGER NOT NULL)`,
}

var limitSteps = [7]string{
	`BEGIN IMMEDIATE`,
	`INSERT INTO limit_dedupe VALUES ($1, $2) ON CONFLICT DO NOTHING`,
	`INSERT INTO limit_chat VALUES ($1, $2, 1, $3, 1)
		ON CONFLICT (channel, address) DO UPDATE SET last_seq = last_seq + 1, last_at = excluded.last_at, unanswered = unanswered + 1
		RETURNING last_seq`,
	`INSERT INTO limit_message VALUES ($1, $2, $3, $4, $5, $6)`,
	`INSERT INTO limit_raw (at, body) VALUES ($1, $2)`,
	`INSERT INTO limit_work (channel, address, seq) VALUES ($1, $2, $3)`,
	`COMMIT`,
}

func openLimitSQLite(ctx context.Context, path string) (limitStore, error) {
	pragmas := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "cache_size(-8000)",
		"temp_store(MEMORY)", "wal_autocheckpoint(2000)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return nil, fmt.Errorf("open SQLite: %w", err)
	}
	s := &limitSQLite{db: db}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *limitSQLite) prepare(ctx context.Context) (err error) {
	if s.conn, err = s.db.Conn(ctx); err != nil {
		return fmt.Errorf("open SQLite: %w", err)
	}
	for _, text := range limitSchemaSQLite {
		if _, err := s.conn.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("make tables: %w", err)
		}
	}
	for i, text := range limitSteps {
		if s.steps[i], err = s.conn.PrepareContext(ctx, text); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	return nil
}

func (s *limitSQLite) one(ctx context.Context, m *limitMessage) error {
	return s.many(ctx, []*limitMessage{m})
}

func (s *limitSQLite) many(_ context.Context, all []*limitMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.steps[0].Exec(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	for _, m := range all {
		if err := s.add(m); err != nil {
			_, _ = s.conn.ExecContext(context.Background(), "ROLLBACK")
			return err
		}
	}
	if _, err := s.steps[6].Exec(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (s *limitSQLite) add(m *limitMessage) error {
	res, err := s.steps[1].Exec(m.channel, m.id)
	if err != nil {
		return fmt.Errorf("dedupe: %w", err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		return nil // seen before
	}
	if err := s.steps[2].QueryRow(m.channel, m.address, m.at).Scan(&m.seq); err != nil {
		return fmt.Errorf("move chat: %w", err)
	}
	if _, err := s.steps[3].Exec(m.channel, m.address, m.seq, m.id, m.text, m.at); err != nil {
		return fmt.Errorf("add message: %w", err)
	}
	if _, err := s.steps[4].Exec(m.at, m.raw); err != nil {
		return fmt.Errorf("add body: %w", err)
	}
	if _, err := s.steps[5].Exec(m.channel, m.address, m.seq); err != nil {
		return fmt.Errorf("add work: %w", err)
	}
	return nil
}

func (s *limitSQLite) close() {
	_ = s.conn.Close()
	_ = s.db.Close()
}
