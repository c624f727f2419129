package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
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
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
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
