package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"switchboard"
	"switchboard/config"
	"switchboard/store"
)

// migrate brings the schema up to date and ends.
func migrate(ctx context.Context, s config.Settings) error {
	db, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	fmt.Println("The database is up to date.")
	return nil
}

// doctor checks what an installation needs and says what to mend.
func doctor(ctx context.Context, s config.Settings) error {
	db, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	say := func(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }
	say("Database: %s, up to date.", db.Engine())
	for _, q := range store.Queries() {
		if err := db.Prepare(ctx, q); err != nil {
			return fmt.Errorf("statement %q: %w", q.Name, err)
		}
	}
	say("Statements: %d, all understood.", len(store.Queries()))
	if _, err := openFiles(s, db); err != nil {
		return err
	}
	say("Files: %s", s.MediaDir())
	accounts, err := db.AccountIDs(ctx)
	if err != nil {
		return fmt.Errorf("list accounts: %w", err)
	}
	if len(accounts) == 0 {
		say("No company has claimed this server yet: start `switchboard serve` and open the link it prints.")
	}
	for _, account := range accounts {
		if err := doctorAccount(ctx, db, account, say); err != nil {
			return err
		}
	}
	return nil
}

func doctorAccount(ctx context.Context, db *store.Store, account switchboard.AccountID, say func(string, ...any)) error {
	channels, err := db.Channels(ctx, nil, account)
	if err != nil {
		return fmt.Errorf("list channels: %w", err)
	}
	for _, ch := range channels {
		say("Channel %q (%s): %s %s", ch.Name, ch.Transport, ch.State, texts("en", reasonOr(ch.StateReason), nil))
	}
	conn, err := db.Connection(ctx, nil, account)
	switch {
	case errors.Is(err, switchboard.ErrNotFound):
		say("CRM: not connected.")
	case err != nil:
		return fmt.Errorf("read connection: %w", err)
	default:
		say("CRM: %s, %s %s", conn.Kind, conn.State, conn.Reason)
	}
	return nil
}

func reasonOr(key string) string {
	if key == "" {
		return "doctor.fine"
	}
	return key
}
