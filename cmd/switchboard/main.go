package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"switchboard/config"
	"switchboard/secret"
	"switchboard/store"
)

// version is set by the build.
var version = "unknown"

// exitMistake is the exit code of a wrong configuration, a wrong key, or a database
// that another process uses: one clear sentence on standard error, nothing changed.
const exitMistake = 2

func main() {
	os.Exit(exitCode(os.Args[1:]))
}

func exitCode(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, args)
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "switchboard:", err)
	if isMistake(err) {
		return exitMistake
	}
	return 1
}

// mistake is an error that the person who runs the server can mend.
type mistake struct{ error }

func isMistake(err error) bool {
	var m mistake
	var wrong *secret.WrongKeyError
	var all config.Mistakes
	return errors.As(err, &m) || errors.As(err, &wrong) || errors.As(err, &all) || errors.Is(err, store.ErrInUse)
}

func run(ctx context.Context, args []string) error {
	cli, command, err := config.Parse(args, version)
	if err != nil {
		return mistake{err}
	}
	switch command {
	case "serve":
		return withSettings(cli.Serve.Server, func(s config.Settings) error { return serve(ctx, s) })
	case "demo":
		return demo(ctx, cli.Demo)
	case "migrate":
		return withSettings(cli.Migrate.Server, func(s config.Settings) error { return migrate(ctx, s) })
	case "doctor":
		return withSettings(cli.Doctor.Server, func(s config.Settings) error { return doctor(ctx, s) })
	case "admin reset <email>":
		return withSettings(cli.Admin.Reset.Server, func(s config.Settings) error { return reset(ctx, s, cli.Admin.Reset.Email) })
	}
	return mistake{fmt.Errorf("unknown command %q", command)}
}

func withSettings(server config.Server, do func(config.Settings) error) error {
	settings, err := server.Check()
	if err != nil {
		return mistake{err}
	}
	slog.SetDefault(logger(settings.LogLevel))
	return do(settings)
}

func logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
