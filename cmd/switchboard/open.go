package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"switchboard"
	"switchboard/config"
	"switchboard/media"
	"switchboard/secret"
	"switchboard/store"
	"switchboard/work"
)

// vault seals the store's secret columns with the installation's key ring.
type vault struct{ ring *secret.Ring }

func (v vault) Seal(plain []byte, at store.SecretPlace) ([]byte, error) {
	return v.ring.Seal(secret.Place(at), plain)
}

func (v vault) Open(sealed []byte, at store.SecretPlace) ([]byte, error) {
	return v.ring.Open(secret.Place(at), sealed)
}

// openStore opens the database with its keys and brings the schema up to date.
func openStore(ctx context.Context, s config.Settings) (*store.Store, error) {
	if err := os.MkdirAll(s.DataDir, 0o700); err != nil {
		return nil, mistake{fmt.Errorf("make the data folder: %w", err)}
	}
	address := s.Database.URL.Reveal()
	if s.Database.Engine == config.SQLite {
		address = "sqlite:" + s.Database.Path
		if err := os.MkdirAll(filepath.Dir(s.Database.Path), 0o700); err != nil {
			return nil, mistake{fmt.Errorf("make the database's folder: %w", err)}
		}
	}
	db, err := store.Open(ctx, address, store.Options{})
	if err != nil {
		return nil, mistake{err}
	}
	if err := prepare(ctx, s, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

func prepare(ctx context.Context, s config.Settings, db *store.Store) error {
	if err := work.Migrate(ctx, pools(db)); err != nil {
		return fmt.Errorf("migrate the jobs' tables: %w", err)
	}
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	ring, _, err := secret.Load(s.SecretKeyFile, rand.Reader)
	if err != nil {
		return mistake{fmt.Errorf("read the key file: %w", err)}
	}
	db.UseVault(vault{ring})
	return db.ProveKey(ctx)
}

func pools(db *store.Store) work.Pools {
	return work.Pools{Postgres: db.Pool(), SQLite: db.Writer()}
}

// files is the media store as the packages see it.
type files struct {
	disk  *media.Disk
	store *store.Store
}

func openFiles(s config.Settings, db *store.Store) (*files, error) {
	disk, err := media.OpenDisk(s.MediaDir(), rand.Reader)
	if err != nil {
		return nil, mistake{fmt.Errorf("open the folder for files: %w", err)}
	}
	return &files{disk: disk, store: db}, nil
}

// Open gives the bytes of a stored file of an account.
func (f *files) Open(ctx context.Context, account switchboard.AccountID, id switchboard.MediaID) (io.ReadCloser, error) {
	m, err := f.store.Media(ctx, nil, account, id)
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if m.State != switchboard.MediaReady {
		return nil, errors.New("the file is not there yet")
	}
	return f.disk.Open(ctx, m.Blob)
}
