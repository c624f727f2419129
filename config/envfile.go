package config

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// EnvFile names a file with NAME=VALUE lines; # begins a comment line, and a
// value may stand in single or double quotes.
type EnvFile string

// BeforeResolve lets the file speak for names the environment does not set.
func (f EnvFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(EnvFile))
	if path == "" {
		return nil
	}
	values, err := readEnvFile(path)
	if err != nil {
		return err
	}
	ctx.AddResolver(&envFileResolver{path: path, values: values})
	return nil
}

func readEnvFile(path string) (map[string]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the environment file: %w", err)
	}
	defer func() { _ = file.Close() }()
	values := map[string]string{}
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !found {
			return nil, fmt.Errorf("%s: line %d is not NAME=VALUE", path, number)
		}
		values[strings.TrimSpace(name)] = unquote(strings.TrimSpace(value))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the environment file: %w", err)
	}
	return values, nil
}

func unquote(value string) string {
	if n := len(value); n >= 2 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
		return value[1 : n-1]
	}
	return value
}

type envFileResolver struct {
	path   string
	values map[string]string
}

// Resolve leaves alone what the environment sets: kong has read that already.
func (r *envFileResolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	for _, name := range flag.Envs {
		if value, given := r.values[name]; given {
			return value, nil
		}
	}
	return nil, nil
}

// Validate refuses names nobody reads: a typing slip must not pass in silence.
func (r *envFileResolver) Validate(app *kong.Application) error {
	known := map[string]bool{}
	err := kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, isFlag := node.(*kong.Flag); isFlag {
			for _, name := range flag.Envs {
				known[name] = true
			}
		}
		return next(nil)
	})
	if err != nil {
		return err
	}
	for name := range r.values {
		if !known[name] {
			return fmt.Errorf("%s: there is no setting %s", r.path, name)
		}
	}
	return nil
}
