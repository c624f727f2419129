package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// makeDatabase answers the URL of an empty database.
func (c *control) makeDatabase(w http.ResponseWriter, r *http.Request) {
	if c.admin == "" {
		http.Error(w, "SWITCHBOARD_TEST_POSTGRES is not set", http.StatusNotFound)
		return
	}
	name := "sb_e2e_" + strings.ToLower(rand.Text()[:12])
	if err := c.execute(r.Context(), "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.mu.Lock()
	c.databases = append(c.databases, name)
	c.mu.Unlock()
	u, err := url.Parse(c.admin)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	u.Path = "/" + name
	answer(w, map[string]any{"url": u.String()})
}

func (c *control) dropDatabases(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range c.databases {
		if err := c.execute(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			fmt.Fprintln(os.Stderr, "botserver: drop database:", err)
		}
	}
}

func (c *control) execute(ctx context.Context, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.admin)
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // one statement was its life
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("execute: %w", err)
	}
	return nil
}
