package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"switchboard"
	"switchboard/auth"
	"switchboard/config"
	"switchboard/store"
)

func newAuth(db *store.Store) (*auth.Auth, error) {
	a, err := auth.New(auth.Config{Store: db, Clock: time.Now, Random: rand.Reader})
	if err != nil {
		return nil, fmt.Errorf("set up sign-in: %w", err)
	}
	return a, nil
}

// offerSetUp prints the one-time set-up link while nobody has claimed the server; an
// earlier link ends (SET-0).
func (a *application) offerSetUp(ctx context.Context) error {
	claimed, err := a.store.HasAccount(ctx, nil)
	if err != nil || claimed {
		return err
	}
	token, err := a.auth.SetupLink(ctx)
	if err != nil {
		return fmt.Errorf("make the set-up link: %w", err)
	}
	fmt.Fprintf(os.Stdout, "\nThis server belongs to nobody yet. Open this link, once, to set it up:\n\n  %s\n\n",
		auth.LinkURL(trimSlash(a.public), switchboard.LinkSetup, token))
	return nil
}

// reset prints a link with which an administrator chooses a new password.
func reset(ctx context.Context, s config.Settings, email string) error {
	db, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	identity, err := newAuth(db)
	if err != nil {
		return err
	}
	token, err := identity.ResetLink(ctx, email)
	if switchboard.CodeOf(err) == switchboard.CodeNotFound {
		return mistake{fmt.Errorf("nobody here signs in as %s", email)}
	}
	if err != nil {
		return fmt.Errorf("make the link: %w", err)
	}
	public := "http://" + s.Listen
	if s.PublicURL != nil {
		public = trimSlash(s.PublicURL)
	}
	fmt.Fprintf(os.Stdout, "%s\n", auth.LinkURL(public, switchboard.LinkReset, token))
	return nil
}
