package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// EnvURL names the environment variable with the URL of a server to use.
const EnvURL = "SWITCHBOARD_TEST_POSTGRES"

// EnvRequire makes a missing PostgreSQL a failure when it is "1" (CI=true does the same).
const EnvRequire = "SWITCHBOARD_REQUIRE_POSTGRES"

// ErrNoPostgres says that this machine has no PostgreSQL server programs.
var ErrNoPostgres = errors.New("no PostgreSQL here: install the PostgreSQL server or set " + EnvURL + " to the URL of one")

// Required tells whether a missing PostgreSQL must fail the tests instead of skipping them.
func Required() bool {
	return os.Getenv("CI") == "true" || os.Getenv(EnvRequire) == "1"
}

// binPatterns are the folders where packages put the server's programs.
var binPatterns = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// findPrograms returns the folder with initdb, postgres and pg_ctl of the
// newest version on this machine, or ErrNoPostgres.
func findPrograms(ctx context.Context) (string, error) {
	best, bestMajor := "", 0
	for _, dir := range candidateDirs(ctx) {
		if major := majorVersion(ctx, dir); major > bestMajor {
			best, bestMajor = dir, major
		}
	}
	if best == "" {
		return "", ErrNoPostgres
	}
	return best, nil
}

func candidateDirs(ctx context.Context) []string {
	var dirs []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range binPatterns {
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if program, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(program))
		}
	}
	return dirs
}

var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// majorVersion is 0 for a folder without the three programs.
func majorVersion(ctx context.Context, dir string) int {
	for _, program := range []string{"initdb", "postgres", "pg_ctl"} {
		if _, err := os.Stat(filepath.Join(dir, program)); err != nil {
			return 0
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	match := versionText.FindSubmatch(out)
	if match == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(match[1]))
	return major
}

func programError(program string, output []byte, err error) error {
	return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(output)))
}

// HasPrograms tells whether Start can work on this machine.
func HasPrograms() bool {
	_, err := findPrograms(context.Background())
	return err == nil
}
