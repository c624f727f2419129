package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server is the stand-in; safe for use by many goroutines.
type Server struct {
	mu   sync.Mutex
	bots map[string]*Bot
	now  func() time.Time
	// onCall, if set, sees every call before it is answered.
	onCall   func(Call)
	listener net.Listener
	http     *http.Server
}

// Call is one request of a bot, as parsed.
type Call struct {
	Bot    string // token
	Method string
	// Values are the parameters: decoded JSON, or text from a form.
	Values map[string]any
	// Form: values came as text (form or multipart), not as JSON.
	Form bool
	// Files are the uploaded parameters' names.
	Files []string
}

// New makes a server without bots.
func New() *Server {
	return &Server{bots: map[string]*Bot{}, now: time.Now}
}

// SetClock gives the server another clock; call it before use.
func (s *Server) SetClock(now func() time.Time) { s.now = now }

// OnCall lets f see every call before it is answered; call it before use.
func (s *Server) OnCall(f func(Call)) { s.onCall = f }

// Listen serves on an address such as "127.0.0.1:0" until Close.
func (s *Server) Listen(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.listener = listener
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic("serve the Bot API stand-in: " + err.Error())
		}
	}()
	return nil
}

// URL is the base URL after Listen.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close ends serving and webhook deliveries, and cuts polls.
func (s *Server) Close() error {
	s.mu.Lock()
	for _, b := range s.bots {
		b.silence()
	}
	s.mu.Unlock()
	if s.http == nil {
		return nil
	}
	if err := s.http.Close(); err != nil {
		return fmt.Errorf("close the Bot API stand-in: %w", err)
	}
	return nil
}

// AddBot makes a bot; its id is the number before the token's colon.
func (s *Server) AddBot(token, username string) *Bot {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := newBot(s, token, username)
	s.bots[token] = b
	return b
}

// Bot gives a bot by its token, nil when unknown.
func (s *Server) Bot(token string) *Bot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bots[token]
}

// Revoke makes a token invalid (401).
func (s *Server) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.bots[token]; b != nil {
		b.silence()
		delete(s.bots, token)
	}
}

// ServeHTTP answers /bot<token>/<method> and /file/bot<token>/<path>, and the control
// pages under /standin/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if rest, ok := strings.CutPrefix(path, "file/bot"); ok {
		s.serveFile(w, r, rest)
		return
	}
	if rest, ok := strings.CutPrefix(path, "bot"); ok {
		s.serveCall(w, r, rest)
		return
	}
	if rest, ok := strings.CutPrefix(path, "standin/"); ok {
		s.serveControl(w, r, rest)
		return
	}
	refuse(w, &refusal{code: 404, text: "Not Found"})
}

func (s *Server) serveCall(w http.ResponseWriter, r *http.Request, rest string) {
	token, method, _ := strings.Cut(rest, "/")
	if !strings.Contains(token, ":") {
		refuse(w, &refusal{code: 404, text: "Not Found"})
		return
	}
	bot := s.Bot(token)
	if bot == nil {
		refuse(w, &refusal{code: 401, text: "Unauthorized"})
		return
	}
	p, err := parse(r)
	if err != nil {
		refuse(w, &refusal{code: 400, text: "Bad Request: " + err.Error()})
		return
	}
	if s.onCall != nil {
		s.onCall(p.call(token, method))
	}
	bot.answer(w, r, method, p)
}

func (s *Server) serveFile(w http.ResponseWriter, _ *http.Request, rest string) {
	token, path, _ := strings.Cut(rest, "/")
	bot := s.Bot(token)
	if bot == nil {
		http.NotFound(w, nil)
		return
	}
	data, ok := bot.fileAt(path)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data)
}

// refusal is an answer that is not ok.
type refusal struct {
	code       int
	text       string
	retryAfter int
	migrateTo  int64
}

func refuse(w http.ResponseWriter, r *refusal) {
	body := map[string]any{"ok": false, "error_code": r.code, "description": r.text}
	parameters := map[string]any{}
	if r.retryAfter > 0 {
		parameters["retry_after"] = r.retryAfter
	}
	if r.migrateTo != 0 {
		parameters["migrate_to_chat_id"] = r.migrateTo
	}
	if len(parameters) > 0 {
		body["parameters"] = parameters
	}
	writeJSON(w, r.code, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic("encode an answer: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, seed)) } //nolint:gosec // repeatable on purpose
