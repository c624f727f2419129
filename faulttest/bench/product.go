package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"crypto/rand"

	"switchboard"
	"switchboard/secret"
	"switchboard/store"
	"switchboard/work"
)

// vault seals with the installation's key ring, as the product does.
type vault struct{ ring *secret.Ring }

func (v vault) Seal(plain []byte, at store.SecretPlace) ([]byte, error) {
	return v.ring.Seal(secret.Place(at), plain)
}

func (v vault) Open(sealed []byte, at store.SecretPlace) ([]byte, error) {
	return v.ring.Open(secret.Place(at), sealed)
}

// product is an installation: a prepared database and the real binary on it.
type product struct {
	binary, dir, database string
	crmURL                string
	world                 *world
	manager, admin        string // cookies
	everybody             []string
	server                *server
	url                   string
}

// openDatabase opens a database as the product does, migrated and with its keys.
func openDatabase(ctx context.Context, database, dir string) (*store.Store, error) {
	db, err := store.Open(ctx, database, store.Options{})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	err = errors.Join(work.Migrate(ctx, work.Pools{Postgres: db.Pool(), SQLite: db.Writer()}), db.Migrate(ctx))
	ring, _, keyErr := secret.Load(filepath.Join(dir, "secret.key"), rand.Reader)
	if err = errors.Join(err, keyErr); err != nil {
		db.Close()
		return nil, fmt.Errorf("prepare %s: %w", dir, err)
	}
	db.UseVault(vault{ring})
	return db, nil
}

// prepare fills the installation's database.
func (p *product) prepare(ctx context.Context, clients int, crm *standIn) error {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return fmt.Errorf("make the installation's folder: %w", err)
	}
	db, err := openDatabase(ctx, p.database, p.dir)
	if err != nil {
		return err
	}
	defer db.Close()
	if p.world, err = buildWorld(ctx, db, clients, crm); err != nil {
		return err
	}
	for _, id := range append([]switchboard.EmployeeID{p.world.supervisor, p.world.control}, p.world.managers...) {
		cookie, err := p.world.signIn(ctx, db, id)
		if err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		p.everybody = append(p.everybody, cookie)
	}
	p.admin, p.manager = p.everybody[0], p.everybody[2]
	p.crmURL = crm.url
	return analyze(ctx, db)
}

// analyze gathers statistics, as the servers do by themselves a minute later.
func analyze(ctx context.Context, db *store.Store) (err error) {
	if pool := db.Pool(); pool != nil {
		_, err = pool.Exec(ctx, "ANALYZE")
	}
	return err //nolint:wrapcheck // says enough
}

// start starts the binary and gives the time to its first answer.
func (p *product) start(ctx context.Context) (toFirstAnswer time.Duration, err error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return 0, err
	}
	logFile, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("open the product's log: %w", err)
	}
	defer logFile.Close()
	cmd := exec.CommandContext(ctx, p.binary, "serve")
	cmd.Dir = p.dir
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.Env = append(os.Environ(), "SWITCHBOARD_DATABASE="+p.database, "SWITCHBOARD_DATA="+p.dir, "SWITCHBOARD_LISTEN="+addr,
		"SWITCHBOARD_SECRET_KEY_FILE="+filepath.Join(p.dir, "secret.key"), "SWITCHBOARD_TRUSTED_PROXIES=127.0.0.1/32",
		"SWITCHBOARD_HUBSPOT_URL="+p.crmURL)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("start the product: %w", err)
	}
	s := &server{cmd: cmd, addr: addr, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(s.done) }()
	p.server, p.url = s, "http://"+addr
	if err := s.awaitAnswer(ctx, p.url+"/healthz"); err != nil {
		s.stop()
		text, _ := os.ReadFile(logFile.Name())
		return 0, fmt.Errorf("%w: %s", err, text[max(len(text)-2000, 0):])
	}
	return time.Since(began), nil
}

// awaitAnswer waits until the server answers, looking every millisecond.
func (s *server) awaitAnswer(ctx context.Context, url string) error {
	limit := time.After(30 * time.Second)
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return fmt.Errorf("make request: %w", err)
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.done:
			return errors.New("the product ended at once")
		case <-limit:
			return errors.New("the product did not answer within 30 s")
		case <-time.After(time.Millisecond):
		}
	}
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// call asks the app's API as a signed-in employee.
func (p *product) call(ctx context.Context, cookie, method, path string, body, into any) error {
	var in io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode: %w", err)
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, in)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Cookie", cookie)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s %.300s", method, path, res.Status, text)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// connect connects the stand-in CRM as an administrator does.
func (p *product) connect(ctx context.Context, crm *standIn) error {
	return p.call(ctx, p.admin, http.MethodPut, "/api/app/crm", map[string]string{"token": crm.token}, nil)
}

// live opens a signed-in manager's live connection.
func (p *product) live(ctx context.Context, cookie string) (*stream, error) {
	return openStream(ctx, func(ctx context.Context) (*http.Request, error) { return p.liveRequest(ctx, cookie) })
}

// liveRequest asks for what happens from now on.
func (p *product) liveRequest(ctx context.Context, cookie string) (*http.Request, error) {
	var session struct {
		Event int64 `json:"event"`
	}
	if err := p.call(ctx, cookie, http.MethodGet, "/api/app/session", nil, &session); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/api/app/live?after=%d", p.url, session.Event), http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Cookie", cookie)
	req.Header.Set("Accept", "text/event-stream")
	return req, nil
}

// widgetBytes is the size of a visitor's request body.
const widgetBytes = 600

// target posts visitors' messages. Each visitor has a network address of his own, as
// the limits per address and session are the product's defaults.
func (p *product) target(live *stream) *target {
	w := p.world
	tail := `"}`
	post := func(buf []byte, chat int, number int64) []byte {
		head := `{"id":"` + idOf(number) + `","text":"`
		buf = fmt.Appendf(buf, "POST /webchat/v1/%s/messages HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nX-Forwarded-For: 10.%d.%d.%d\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", w.channel.Key, p.server.addr, w.visitors[chat].token,
			chat>>16&255, chat>>8&255, chat&255, widgetBytes, head)
		return append(append(buf, strings.Repeat("x", widgetBytes-len(head)-len(tail))...), tail...)
	}
	return &target{name: "product", addr: p.server.addr, post: post, chats: len(w.visitors), stream: live}
}
