package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// New makes an empty database and returns its URL. The database is dropped,
// with whatever is connected to it, when the test ends.
func New(t testing.TB) string {
	t.Helper()
	return create(t, serverURL(t), "template0")
}

// Template is a prepared database that NewFrom copies, so that a hundred
// tests migrate once.
type Template struct {
	Key   string // names the content: a new schema needs a new key; [a-z0-9_], at most 40 bytes
	Build func(ctx context.Context, databaseURL string) error
}

// NewFrom makes a database that is a copy of the template, which is built
// where it does not exist yet. Several test processes share one template.
func NewFrom(t testing.TB, template Template) string {
	t.Helper()
	server := serverURL(t)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	name, err := ensureTemplate(ctx, server, template)
	if err != nil {
		t.Fatalf("prepare the template %s: %v", template.Key, err)
	}
	return create(t, server, name)
}

func create(t testing.TB, server, template string) string {
	t.Helper()
	name := "sb_" + randomHex()
	if err := execute(server, "CREATE DATABASE "+quote(name)+" TEMPLATE "+quote(template)); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		// A fault test may have stopped its server; then nothing is left to drop.
		if err := execute(server, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)"); err != nil {
			t.Logf("drop database %s: %v", name, err)
		}
	})
	return withDatabase(server, name)
}

var templateKey = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)

// ensureTemplate builds under another name and renames: a template that
// exists is complete, whatever was killed before.
func ensureTemplate(ctx context.Context, server string, template Template) (string, error) {
	if !templateKey.MatchString(template.Key) {
		return "", fmt.Errorf("template key %q: use a-z, 0-9 and _, at most 40", template.Key)
	}
	name := "sb_template_" + template.Key
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	// The lock ends with the connection; one process builds, the others wait.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext($1))", name); err != nil {
		return "", fmt.Errorf("lock the template: %w", err)
	}
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}
	return name, build(ctx, conn, server, name, template.Build)
}

func build(ctx context.Context, conn *pgx.Conn, server, name string, prepare func(context.Context, string) error) error {
	unfinished := name + "_unfinished"
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + quote(unfinished) + " WITH (FORCE)",
		"CREATE DATABASE " + quote(unfinished) + " TEMPLATE template0",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make the template: %w", err)
		}
	}
	if err := prepare(ctx, withDatabase(server, unfinished)); err != nil {
		return fmt.Errorf("build the template: %w", err)
	}
	// The builder's connections may still be closing on the server's side.
	_, err := conn.Exec(ctx, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", unfinished)
	if err != nil {
		return fmt.Errorf("free the template: %w", err)
	}
	if _, err := conn.Exec(ctx, "ALTER DATABASE "+quote(unfinished)+" RENAME TO "+quote(name)); err != nil {
		return fmt.Errorf("name the template: %w", err)
	}
	return nil
}

// processServer is this test process's own server, started by the first test
// that needs it and removed by its watchdog when the process ends. It stays
// reachable: a collected Cluster would close the watchdog's pipe.
var processServer = sync.OnceValues(func() (*Cluster, error) {
	return Start(context.Background(), nil)
})

func serverURL(t testing.TB) string {
	t.Helper()
	if given := os.Getenv(EnvURL); given != "" {
		return given
	}
	cluster, err := processServer()
	if errors.Is(err, ErrNoPostgres) && !Required() {
		t.Skip(err.Error())
	}
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	return cluster.URL("postgres")
}

func execute(server, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(ctx, statement)
	return err
}

func withDatabase(server, name string) string {
	parsed, err := url.Parse(server)
	if err != nil {
		panic(EnvURL + " is not a URL") // it may hold a password: not printed
	}
	parsed.Path = "/" + name
	return parsed.String()
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

func randomHex() string {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return hex.EncodeToString(raw[:])
}
