package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser      = "switchboard"
	startTimeout   = 60 * time.Second
	startAttempts  = 5
	maxConnections = 200
)

// Cluster is a temporary PostgreSQL server on a loopback port of its own. It
// keeps port and data across Stop, Kill and Restart; Close removes it.
// Its methods may be called from several goroutines.
type Cluster struct {
	bin      string
	dir      string // data, socket and log live below it
	port     int
	owner    account
	settings map[string]string
	watchdog *watchdog

	mu     sync.Mutex
	server *exec.Cmd // nil while stopped
	exited chan struct{}
}

// Mode is how Stop ends the server.
type Mode string

// The ways to stop. Fast ends sessions and writes a checkpoint. Immediate
// drops everything at once: the next start recovers from the log, as after a crash.
const (
	Fast      Mode = "fast"
	Immediate Mode = "immediate"
)

// Start makes and starts a cluster. Settings are added to postgresql.conf's
// defaults ("wal_level": "replica"). ErrNoPostgres where the server's programs
// are missing. The caller calls Close.
func Start(ctx context.Context, settings map[string]string) (*Cluster, error) {
	bin, err := findPrograms(ctx)
	if err != nil {
		return nil, err
	}
	owner, err := pickAccount()
	if err != nil {
		return nil, err
	}
	dir, err := clusterDir(owner)
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, dir: dir, owner: owner, settings: settings}
	if err := c.create(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// maxBaseBytes keeps the socket's path short: it may have at most 107 bytes.
const maxBaseBytes = 60

func clusterDir(owner account) (string, error) {
	base := os.TempDir()
	if len(base) > maxBaseBytes || !owner.reaches(base) {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "switchboard-pg-")
	if err != nil {
		return "", fmt.Errorf("make the cluster's folder: %w", err)
	}
	if err := owner.own(dir); err != nil {
		return "", errors.Join(fmt.Errorf("hand over the cluster's folder: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

func (c *Cluster) create(ctx context.Context) error {
	initdb := c.owner.command(c.dir, filepath.Join(c.bin, "initdb"),
		"--pgdata="+c.data(), "--username="+superuser, "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return programError("initdb", out, err)
	}
	dog, err := startWatchdog(c)
	if err != nil {
		return err
	}
	c.watchdog = dog
	return c.startOnFreePort(ctx)
}

// startOnFreePort asks the system for a port and tries again when somebody
// else took it in between.
func (c *Cluster) startOnFreePort(ctx context.Context) (err error) {
	for range startAttempts {
		if c.port, err = freePort(ctx); err != nil {
			return err
		}
		if err = c.Restart(ctx); err == nil {
			return nil
		}
	}
	return err
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func (c *Cluster) data() string    { return filepath.Join(c.dir, "data") }
func (c *Cluster) logFile() string { return filepath.Join(c.dir, "server.log") }

// URL is the address of one of the cluster's databases ("postgres" exists from the start).
func (c *Cluster) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(superuser), Path: "/" + database,
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Restart starts a stopped or killed server on the same port and data and
// waits until it answers. A running server is left alone.
func (c *Cluster) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := c.launch(ctx)
		if err == nil || !strings.Contains(err.Error(), "shared memory block") {
			return err
		}
		// Backends of a killed server hold its memory until they notice.
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *Cluster) launch(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server != nil {
		return nil
	}
	log, err := os.Create(c.logFile())
	if err != nil {
		return fmt.Errorf("make the server's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	cmd := c.owner.command(c.dir, filepath.Join(c.bin, "postgres"), c.serverArgs()...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	if err := c.waitReady(ctx, exited); err != nil {
		_ = cmd.Process.Kill()
		<-exited
		return err
	}
	c.server, c.exited = cmd, exited
	return nil
}

func (c *Cluster) serverArgs() []string {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(c.port),
		"unix_socket_directories": c.dir,
		"max_connections":         strconv.Itoa(maxConnections),
		"timezone":                "UTC",
	}
	maps.Copy(settings, c.settings)
	args := []string{"-D", c.data()}
	for name, value := range settings {
		args = append(args, "--"+name+"="+value)
	}
	sort.Strings(args[2:])
	return args
}

func (c *Cluster) waitReady(ctx context.Context, exited <-chan struct{}) error {
	for {
		conn, err := pgx.Connect(ctx, c.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-exited:
			return fmt.Errorf("start postgres: it ended: %s", c.lastLog())
		case <-ctx.Done():
			return fmt.Errorf("start postgres: %w: %s", err, c.lastLog())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// lastLog is the end of the server's log, at most 2,000 bytes.
func (c *Cluster) lastLog() string {
	text, _ := os.ReadFile(c.logFile())
	if len(text) > 2000 {
		text = text[len(text)-2000:]
	}
	return strings.TrimSpace(string(text))
}

// Stop ends the server in the given mode and waits until it is gone. A stopped
// server is left alone.
func (c *Cluster) Stop(mode Mode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	stop := c.owner.command(c.dir, filepath.Join(c.bin, "pg_ctl"), "stop", "-D", c.data(), "-m", string(mode), "-w", "-s")
	if out, err := stop.CombinedOutput(); err != nil {
		return programError("pg_ctl stop", out, err)
	}
	<-c.exited
	c.server = nil
	return nil
}

// Kill sends SIGKILL to the server's main process and waits until that is
// gone; its sessions end by themselves moments later.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.server == nil {
		return nil
	}
	if err := c.server.Process.Kill(); err != nil {
		return fmt.Errorf("kill postgres: %w", err)
	}
	<-c.exited
	c.server = nil
	return nil
}

// Close stops the server at once and removes everything it left.
func (c *Cluster) Close() error {
	err := c.Stop(Immediate)
	if c.watchdog != nil {
		c.watchdog.release()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// watchdog is a shell that waits for its standard input to end, which happens
// when the test process ends in whatever way, and then removes the cluster.
type watchdog struct {
	cmd  *exec.Cmd
	pipe io.Closer
}

const watchdogScript = `cat >/dev/null
"$1/pg_ctl" stop -D "$2/data" -m immediate -s >/dev/null 2>&1
rm -rf "$2"`

func startWatchdog(c *Cluster) (*watchdog, error) {
	cmd := c.owner.command("/", "/bin/sh", "-c", watchdogScript, "watchdog", c.bin, c.dir)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start the watchdog: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: pipe}, nil
}

func (w *watchdog) release() {
	_ = w.pipe.Close()
	_ = w.cmd.Wait()
}
