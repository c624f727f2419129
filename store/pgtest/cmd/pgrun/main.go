package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"switchboard/store/pgtest"
)

func main() {
	command := os.Args[1:]
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		fmt.Fprintln(os.Stderr, "usage: pgrun -- COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	code, err := run(command)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgrun:", err)
	}
	os.Exit(code)
}

func run(command []string) (int, error) {
	if os.Getenv(pgtest.EnvURL) != "" {
		return execute(command)
	}
	cluster, err := pgtest.Start(context.Background(), nil)
	if errors.Is(err, pgtest.ErrNoPostgres) && !pgtest.Required() {
		fmt.Fprintln(os.Stderr, "pgrun:", err, "- tests on PostgreSQL will be skipped")
		return execute(command)
	}
	if err != nil {
		return 1, err
	}
	defer func() { _ = cluster.Close() }()
	if err := os.Setenv(pgtest.EnvURL, cluster.URL("postgres")); err != nil {
		return 1, err
	}
	return execute(command)
}

// execute waits for the command whatever signals come: it gets them too, from
// the terminal (Ctrl-C) or handed on (SIGTERM), and the server outlives it.
func execute(command []string) (int, error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // running what the caller names is the purpose
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 127, fmt.Errorf("start the command: %w", err)
	}
	go func() {
		for received := range signals {
			if received == syscall.SIGTERM {
				_ = cmd.Process.Signal(received)
			}
		}
	}()
	err := cmd.Wait()
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, fmt.Errorf("run the command: %w", err)
	}
	return 0, nil
}
