package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing/fstest"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationsFor rewrites the shared migration files for one engine: marked lines are
// kept or dropped, and PostgreSQL's names of types put in.
func migrationsFor(e Engine) (fs.FS, error) {
	out := fstest.MapFS{}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	for _, name := range names {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		out[strings.TrimPrefix(name, "migrations/")] = &fstest.MapFile{Data: []byte(migrationText(string(text), e))}
	}
	return out, nil
}

var postgresTypes = strings.NewReplacer(" INTEGER", " BIGINT", " BLOB", " BYTEA", " TEXT", ` TEXT COLLATE "C"`)

func migrationText(text string, e Engine) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		bare := strings.TrimRight(line, "\n")
		switch {
		case strings.HasSuffix(bare, "--lite"):
			if e != SQLite {
				continue
			}
			bare = strings.TrimSuffix(bare, "--lite")
		case strings.HasSuffix(bare, "--pg"):
			if e != Postgres {
				continue
			}
			bare = strings.TrimSuffix(bare, "--pg")
		}
		if e == Postgres && !strings.HasPrefix(strings.TrimSpace(bare), "--") {
			bare = postgresTypes.Replace(bare)
		}
		out.WriteString(bare + "\n")
	}
	return out.String()
}

// Migrate brings the schema to this binary's version, forward only. River's own
// tables are made before (package work).
func (s *Store) Migrate(ctx context.Context) error {
	provider, err := s.provider()
	if err != nil {
		return err
	}
	now, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("look at migrations: %w", err)
	}
	if err := s.copyBefore(ctx, now, target); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// copyBefore copies a SQLite file beside itself before its schema changes from one
// version to another: there is no way back but the copy. A new file has version 0.
func (s *Store) copyBefore(ctx context.Context, now, target int64) error {
	if s.path == "" || now == 0 || now >= target {
		return nil
	}
	copied := fmt.Sprintf("%s.before-%d", s.path, target)
	if err := os.Remove(copied); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("make room for the copy: %w", err)
	}
	if _, err := s.plain.ExecContext(ctx, "VACUUM INTO ?", copied); err != nil {
		return fmt.Errorf("copy the database before its schema changes: %w", err)
	}
	return nil
}

// Migrated says whether the schema is at this binary's version.
func (s *Store) Migrated(ctx context.Context) (bool, error) {
	provider, err := s.provider()
	if err != nil {
		return false, err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("look at migrations: %w", err)
	}
	return !pending, nil
}

func (s *Store) provider() (*goose.Provider, error) {
	files, err := migrationsFor(s.engine)
	if err != nil {
		return nil, err
	}
	dialect := database.DialectSQLite3
	if s.engine == Postgres {
		dialect = database.DialectPostgres
	}
	provider, err := goose.NewProvider(dialect, s.plain, files, goose.WithVerbose(false), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return provider, nil
}
