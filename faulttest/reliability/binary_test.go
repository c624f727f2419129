package reliability

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// full says that everything runs at full length.
func full() bool { return os.Getenv("SWITCHBOARD_FAULT") == "full" }

// times gives how often a fault is made: full or short.
func times(whenFull, whenShort int) int {
	if full() {
		return whenFull
	}
	return whenShort
}

// alone runs a suite by itself in the full form, where it needs the whole machine, and
// beside others in the short one.
func alone(t *testing.T) {
	if !full() {
		t.Parallel()
	}
}

// binaries are built once per test process: with the named steps, which a build
// without SWITCHBOARD_FAULT_STEP never stops at, and with the planted bug under test.
var binaries sync.Map // tags -> func() (string, error)

// binary gives the program built with tags.
func binary(t *testing.T, tags ...string) string {
	t.Helper()
	if given := os.Getenv("SWITCHBOARD_BINARY"); given != "" && len(tags) == 0 && plant == "" {
		return given
	}
	if plant != "" {
		tags = append(tags, plant)
	}
	joined := strings.Join(tags, ",")
	build, _ := binaries.LoadOrStore(joined, sync.OnceValues(func() (string, error) { return buildBinary(joined) }))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func buildBinary(tags string) (string, error) {
	path := filepath.Join(buildDir, "switchboard-"+strings.ReplaceAll(tags, ",", "-"))
	cmd := exec.Command("go", "build", "-tags="+tags, "-o", path, "./cmd/switchboard")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary: %w\n%s", err, out)
	}
	return path, nil
}

// buildDir is removed when the tests of this package are over.
var buildDir string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if buildDir, err = os.MkdirTemp("", "switchboard-fault"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(buildDir)
		return m.Run()
	}())
}

// process is one node of the product. Its address stays over restarts.
type process struct {
	t      *testing.T
	path   string
	env    []string
	listen string
	log    *logFile

	mu      sync.Mutex
	cmd     *exec.Cmd
	ended   chan struct{}
	starts  int
	expects bool // that the present process ends by itself or by our hand
}

// logFile keeps what all starts of a node printed.
type logFile struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logFile) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// tail gives the last lines, for a failed run.
func (l *logFile) tail(lines int) string {
	all := strings.Split(strings.TrimSpace(l.String()), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func newProcess(t *testing.T, path string, env []string) *process {
	t.Helper()
	p := &process{t: t, path: path, env: env, listen: freeAddress(t), log: &logFile{}}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", p.listen, p.log.tail(40))
		}
	})
	return p
}

// freeAddress finds a port that nobody uses now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (p *process) url() string { return "http://" + p.listen }

// start runs the process and waits until it answers.
func (p *process) start(extra ...string) {
	p.t.Helper()
	cmd := exec.Command(p.path, "serve")
	cmd.Env = append(append(os.Environ(), p.env...), "SWITCHBOARD_LISTEN="+p.listen)
	cmd.Env = append(cmd.Env, extra...)
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start the binary: %v", err)
	}
	ended := make(chan struct{})
	p.mu.Lock()
	p.cmd, p.ended, p.expects = cmd, ended, len(extra) > 0
	p.starts++
	p.mu.Unlock()
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	p.awaitHealthy(ended)
}

// awaitHealthy returns when the process answers or has ended.
func (p *process) awaitHealthy(ended <-chan struct{}) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url()+"/healthz", nil)
		if err != nil {
			p.t.Fatal(err)
		}
		res, err := quickClient.Do(r)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			if !p.expects {
				p.t.Fatalf("the process ended at its start:\n%s", p.log.tail(10))
			}
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
	p.t.Fatalf("the process does not answer:\n%s", p.log.tail(20))
}

// quickClient keeps no connections: each start is somebody else.
var quickClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}

// isAlive says whether the process runs, or is frozen.
func (p *process) isAlive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process as a power cut would, and waits until it is gone.
func (p *process) kill() {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.expects = true
	p.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGCONT)
	_ = cmd.Process.Kill()
	<-ended
}

// stop ends the process kindly.
func (p *process) stop() {
	p.mu.Lock()
	cmd, ended := p.cmd, p.ended
	p.expects = true
	p.mu.Unlock()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(40 * time.Second):
		p.t.Errorf("the process did not end in 40 s after SIGTERM")
		p.kill()
	}
}

// awaitDeath waits until the process has killed itself, and says whether it did.
func (p *process) awaitDeath(patience time.Duration) bool {
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	select {
	case <-ended:
		return true
	case <-time.After(patience):
		return false
	}
}

// signalEnd tells by which signal the process ended, or with which code.
func (p *process) signalEnd() (syscall.Signal, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		return 0, p.cmd.ProcessState.ExitCode()
	}
	if status.Signaled() {
		return status.Signal(), -1
	}
	return 0, status.ExitStatus()
}

// signal sends one to the process: SIGSTOP freezes, SIGCONT thaws.
func (p *process) signal(s syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal: %v", err)
	}
}
