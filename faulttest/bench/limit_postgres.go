package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type limitPostgres struct{ pool *pgxpool.Pool }

const limitSchemaPostgres = `
CREATE TABLE IF NOT EXISTS limit_dedupe (channel text COLLATE "C", id text COLLATE "C", PRIMARY KEY (channel, id));
CREATE TABLE IF NOT EXISTS limit_chat (channel text COLLATE "C", address text COLLATE "C", last_seq bigint NOT NULL, last_at bigint NOT NULL,
	unanswered bigint NOT NULL, PRIMARY KEY (channel, address)) WITH (fillfactor = 70);
CREATE TABLE IF NOT EXISTS limit_message (channel text COLLATE "C", address text COLLATE "C", seq bigint, id text NOT NULL, text text NOT NULL,
	at bigint NOT NULL, PRIMARY KEY (channel, address, seq));
CREATE TABLE IF NOT EXISTS limit_raw (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, body bytea NOT NULL);
CREATE TABLE IF NOT EXISTS limit_work (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, channel text NOT NULL, address text NOT NULL, seq bigint NOT NULL)`

const limitOne = `
WITH new AS (
	INSERT INTO limit_dedupe VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1
), chat AS (
	INSERT INTO limit_chat SELECT $1, $3, 1, $5, 1 FROM new
	ON CONFLICT (channel, address) DO UPDATE SET last_seq = limit_chat.last_seq + 1, last_at = EXCLUDED.last_at, unanswered = limit_chat.unanswered + 1
	RETURNING last_seq
), message AS (
	INSERT INTO limit_message SELECT $1, $3, last_seq, $2, $4, $5 FROM chat
), raw AS (
	INSERT INTO limit_raw (at, body) SELECT $5, $6 FROM chat
), work AS (
	INSERT INTO limit_work (channel, address, seq) SELECT $1, $3, last_seq FROM chat
)
SELECT last_seq FROM chat`

const limitMany = `
WITH input AS (
	SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[])
	WITH ORDINALITY AS i(channel, id, address, text, at, body, n)
), new AS (
	INSERT INTO limit_dedupe SELECT channel, id FROM input ON CONFLICT DO NOTHING RETURNING channel, id
), fresh AS (
	SELECT i.*, row_number() OVER (PARTITION BY channel, address ORDER BY n) AS nth, count(*) OVER (PARTITION BY channel, address) AS of
	FROM input i JOIN new USING (channel, id)
), chat AS (
	INSERT INTO limit_chat SELECT channel, address, count(*), max(at), count(*) FROM fresh GROUP BY 1, 2 ORDER BY 1, 2
	ON CONFLICT (channel, address) DO UPDATE SET last_seq = limit_chat.last_seq + EXCLUDED.last_seq, last_at = EXCLUDED.last_at,
		unanswered = limit_chat.unanswered + EXCLUDED.unanswered
	RETURNING channel, address, last_seq
), placed AS (
	SELECT f.*, c.last_seq - f.of + f.nth AS seq FROM fresh f JOIN chat c USING (channel, address)
), message AS (
	INSERT INTO limit_message SELECT channel, address, seq, id, text, at FROM placed
), raw AS (
	INSERT INTO limit_raw (at, body) SELECT at, body FROM placed
), work AS (
	INSERT INTO limit_work (channel, address, seq) SELECT channel, address, seq FROM placed
)
SELECT n, seq FROM placed`

func openLimitPostgres(ctx context.Context, url string) (limitStore, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read address: %w", err)
	}
	config.MaxConns = 20
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	if _, err := pool.Exec(ctx, limitSchemaPostgres); err != nil {
		pool.Close()
		return nil, fmt.Errorf("make tables: %w", err)
	}
	return &limitPostgres{pool}, nil
}

func (p *limitPostgres) one(ctx context.Context, m *limitMessage) error {
	err := p.pool.QueryRow(ctx, limitOne, m.channel, m.id, m.address, m.text, m.at, m.raw).Scan(&m.seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // seen before
	}
	return err //nolint:wrapcheck // shown as it is
}

func (p *limitPostgres) many(ctx context.Context, all []*limitMessage) error {
	n := len(all)
	channel, id, address, text := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	at, raw := make([]int64, n), make([][]byte, n)
	for i, m := range all {
		channel[i], id[i], address[i], text[i], at[i], raw[i] = m.channel, m.id, m.address, m.text, m.at, m.raw
	}
	rows, err := p.pool.Query(ctx, limitMany, channel, id, address, text, at, raw)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var nth, seq int64
		if err := rows.Scan(&nth, &seq); err != nil {
			return fmt.Errorf("read: %w", err)
		}
		all[nth-1].seq = seq
	}
	return rows.Err() //nolint:wrapcheck // shown as it is
}

func (p *limitPostgres) close() { p.pool.Close() }
