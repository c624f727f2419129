package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// wholeRun bounds a run.
const wholeRun = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) == 3 && os.Args[1] == "limit" {
		if err := serveLimit(ctx, os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "limit:", err)
			os.Exit(1)
		}
		return
	}
	ctx, cancel := context.WithTimeout(ctx, wholeRun)
	defer cancel()
	if err := bench(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options of a run.
type options struct {
	binary   string
	postgres string
	rounds   int
	long     time.Duration
	engine   string
	only     string
}

func readOptions() (o options, err error) {
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of limit and product, at least 3 for ratios that count")
	flag.DurationVar(&o.long, "long", 2*time.Second, "length of one stretch of sending")
	flag.StringVar(&o.engine, "engine", "", "postgres or sqlite only")
	flag.StringVar(&o.only, "only", "", "load nothing but the product, with so many senders (1, 8 or 32), and judge nothing: for profiles")
	flag.Parse()
	o.binary, o.postgres = os.Getenv("SWITCHBOARD_BINARY"), os.Getenv("SWITCHBOARD_TEST_POSTGRES")
	if o.binary == "" {
		return o, errors.New("SWITCHBOARD_BINARY names no binary: run `make bench`")
	}
	o.binary, err = filepath.Abs(o.binary)
	return o, err //nolint:wrapcheck // says enough
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "  "+format+"\n", args...) }

func bench(ctx context.Context) error {
	o, err := readOptions()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "switchboard-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	crm, err := startStandIn(ctx)
	if err != nil {
		return err
	}
	defer crm.stop()
	rep := &report{}
	for _, engine := range []string{"postgres", "sqlite"} {
		if o.engine != "" && o.engine != engine || engine == "postgres" && o.postgres == "" {
			continue
		}
		if err := benchEngine(ctx, o, engine, dir, crm, rep); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	if o.only != "" {
		return nil
	}
	if err := rep.addSizes(o.binary); err != nil {
		return err
	}
	rep.print(os.Stdout)
	return nil
}

func benchEngine(ctx context.Context, o options, engine, dir string, crm *standIn, rep *report) error {
	databases, drop := databasesOf(ctx, o, engine, dir)
	defer drop()
	if err := sideBySide(ctx, o, engine, dir, databases, crm, rep); err != nil || o.only != "" {
		return err
	}
	if err := benchLists(ctx, o, engine, dir, databases, rep); err != nil {
		return fmt.Errorf("lists: %w", err)
	}
	if err := benchBatching(ctx, engine, dir, databases, rep); err != nil {
		return fmt.Errorf("batching: %w", err)
	}
	if err := benchTimeline(ctx, engine, dir, databases, crm, rep); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	return nil
}

// sideBySide runs limit and product in rounds, and then what needs both as they stand.
func sideBySide(ctx context.Context, o options, engine, dir string, databases func(string) (string, error), crm *standIn, rep *report) error {
	r, err := newRig(ctx, engine, o.binary, dir, databases, crm)
	if r != nil {
		defer r.stop()
	}
	if err != nil {
		return err
	}
	all, err := r.run(ctx, o.rounds, o.long, o.only)
	if err != nil || o.only != "" {
		return err
	}
	rep.addRounds(engine, all)
	perConnection, err := r.perConnection(ctx)
	if err != nil {
		return err
	}
	rep.addProcess(engine, r, perConnection)
	if err := r.benchNewClients(ctx, crm, rep); err != nil {
		return err
	}
	if engine == "postgres" {
		return r.roundTrips(ctx, rep)
	}
	return nil
}

// databasesOf gives fresh databases of an engine, and a function that drops them.
func databasesOf(ctx context.Context, o options, engine, dir string) (make func(name string) (string, error), drop func()) {
	if engine == "sqlite" {
		return func(name string) (string, error) { return "sqlite:" + filepath.Join(dir, name+".db"), nil }, func() {}
	}
	var made []string
	make = func(name string) (string, error) {
		full := fmt.Sprintf("bench_%s_%s", name, rand.Text()[:8])
		if err := execute(ctx, o.postgres, "CREATE DATABASE "+pgx.Identifier{full}.Sanitize()); err != nil {
			return "", fmt.Errorf("make database %s: %w", full, err)
		}
		made = append(made, full)
		u, err := url.Parse(o.postgres)
		if err != nil {
			return "", errors.New("SWITCHBOARD_TEST_POSTGRES is no URL")
		}
		u.Path = "/" + full
		return u.String(), nil
	}
	return make, func() {
		for _, name := range made {
			_ = execute(context.WithoutCancel(ctx), o.postgres, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
		}
	}
}

func execute(ctx context.Context, database, statement string) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err //nolint:wrapcheck // the caller names the statement
}
