package pgtest_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"switchboard/store/pgtest"
)

func TestGivesEachTestADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	first, second := connect(t, pgtest.New(t)), connect(t, pgtest.New(t))
	mustExec(t, first, "CREATE TABLE shelf (id int)")
	var found bool
	scan(t, second, "SELECT to_regclass('shelf') IS NOT NULL", &found)
	if found {
		t.Fatal("a table made in one test's database is seen in another's")
	}
}

func TestDropsTheDatabaseWhenTheTestEnds(t *testing.T) {
	t.Parallel()
	keeper := connect(t, pgtest.New(t))
	var name string
	t.Run("a test that leaves a connection open", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		scan(t, conn, "SELECT current_database()", &name)
	})
	var left int
	if err := keeper.QueryRow(t.Context(), "SELECT count(*) FROM pg_database WHERE datname = $1", name).Scan(&left); err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Fatalf("database %s outlived its test", name)
	}
}

func TestServerKeepsTheDefaultsOfDurability(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t))
	for setting, want := range map[string]string{"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"} {
		var got string
		scan(t, conn, "SHOW "+setting, &got)
		if got != want {
			t.Errorf("%s = %s, want %s", setting, got, want)
		}
	}
}

func TestBuildsATemplateOnceAndCopiesIt(t *testing.T) {
	t.Parallel()
	var built atomic.Int32
	template := pgtest.Template{
		Key: "shelf_" + strings.ToLower(time.Now().Format("20060102150405")),
		Build: func(ctx context.Context, databaseURL string) error {
			built.Add(1)
			conn, err := pgx.Connect(ctx, databaseURL)
			if err != nil {
				return err
			}
			_, err = conn.Exec(ctx, "CREATE TABLE shelf AS SELECT 7 AS books")
			return err // the connection is left open on purpose
		},
	}
	keeper := connect(t, pgtest.New(t))
	t.Cleanup(func() { _, _ = keeper.Exec(context.Background(), "DROP DATABASE sb_template_"+template.Key) })
	done := make(chan string, 4)
	for range cap(done) {
		go func() { done <- pgtest.NewFrom(t, template) }()
	}
	for range cap(done) {
		var books int
		scan(t, connect(t, <-done), "SELECT books FROM shelf", &books)
		if books != 7 {
			t.Errorf("the copy has %d books, want 7", books)
		}
	}
	if built.Load() != 1 {
		t.Errorf("built %d times, want once", built.Load())
	}
}

func TestClusterKeepsCommittedRowsOverKillAndImmediateStop(t *testing.T) {
	t.Parallel()
	cluster := start(t)
	mustExec(t, connect(t, cluster.URL("postgres")), "CREATE TABLE shelf (id int)")
	for want, end := range []func() error{
		cluster.Kill,
		func() error { return cluster.Stop(pgtest.Immediate) },
		func() error { return cluster.Stop(pgtest.Fast) },
	} {
		mustExec(t, connect(t, cluster.URL("postgres")), "INSERT INTO shelf VALUES (1)")
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if conn, err := pgx.Connect(t.Context(), cluster.URL("postgres")); err == nil {
			_ = conn.Close(t.Context())
			t.Fatal("the server answers although it was stopped")
		}
		if err := cluster.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		var rows int
		scan(t, connect(t, cluster.URL("postgres")), "SELECT count(*) FROM shelf", &rows)
		if rows != want+1 {
			t.Fatalf("%d rows after restart, want %d", rows, want+1)
		}
	}
}

func TestWrapperHandsOverURLAndExitCodeAndLeavesNothing(t *testing.T) {
	t.Parallel()
	needsPrograms(t)
	program := filepath.Join(t.TempDir(), "pgrun")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/pgrun").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	temporary, err := os.MkdirTemp("", "pgrun")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temporary) })
	if err := os.Chmod(temporary, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--", "sh", "-c", `echo "$SWITCHBOARD_TEST_POSTGRES"; exit 7`)
	cmd.Env = append(os.Environ(), pgtest.EnvURL+"=", "TMPDIR="+temporary)
	out, _ := cmd.Output()
	if cmd.ProcessState.ExitCode() != 7 || !strings.HasPrefix(string(out), "postgres://") {
		t.Fatalf("exit %d, output %q; want 7 and a URL", cmd.ProcessState.ExitCode(), out)
	}
	if conn, err := pgx.Connect(t.Context(), strings.TrimSpace(string(out))); err == nil {
		_ = conn.Close(t.Context())
		t.Error("the server outlived the command")
	}
	if left, _ := os.ReadDir(temporary); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func start(t *testing.T) *pgtest.Cluster {
	t.Helper()
	needsPrograms(t)
	cluster, err := pgtest.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// needsPrograms skips where tests have a URL only.
func needsPrograms(t *testing.T) {
	t.Helper()
	if !pgtest.HasPrograms() && !pgtest.Required() {
		t.Skip(pgtest.ErrNoPostgres)
	}
}

func connect(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func scan(t *testing.T, conn *pgx.Conn, query string, into any) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(into); err != nil {
		t.Fatal(err)
	}
}
