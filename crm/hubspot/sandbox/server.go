package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// apiVersion is the one version the sandbox speaks.
const apiVersion = "2026-03"

// maxBody bounds a request: 100 notes of the greatest length fit.
const maxBody = 16 << 20

// Server is a running sandbox.
type Server struct {
	cfg    Config
	st     *state
	faults *faultBox
	limits *limiter
	ledger *ledger
	card   *cardClient
	log    *slog.Logger
	signal *broadcast
	ids    *idSource
	mux    http.Handler
	zone   *time.Location

	closing   chan struct{}
	closeOnce sync.Once
}

// New makes a sandbox: read back from Config.Dir where there is something, or
// seeded from Config.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	zone, err := cfg.Portal.location()
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, zone: zone, log: cfg.Log, closing: make(chan struct{}), signal: newBroadcast(),
		faults: newFaultBox(cfg), limits: newLimiter(zone), ids: newIDSource(cfg.Seed),
		st: newState(cfg.Clock()),
	}
	if s.ledger, err = newLedger(cfg.LedgerSize, cfg.LedgerFile); err != nil {
		return nil, err
	}
	if cfg.Dir != "" {
		if err := s.st.open(cfg.Dir); err != nil {
			return nil, err
		}
	}
	if err := s.seed(); err != nil {
		return nil, err
	}
	s.card = newCardClient(cfg.CardTransport)
	s.mux = s.routes()
	return s, nil
}

// seed adds what Config describes and the read-back state does not have.
// Settings given in Config win over stored ones: ports change between runs.
func (s *Server) seed() error {
	st := s.st
	for _, o := range s.cfg.Owners {
		if _, known := st.owner(o.ID); !known {
			st.owners = append(st.owners, o)
		}
	}
	if st.dealPipe == nil {
		st.dealPipe = s.cfg.Pipelines
	}
	st.leadPipe = defaultLeadPipelines()
	st.settings = mergeSettings(st.settings, s.cfg.Settings)
	st.changed(change{Owners: st.owners})
	st.changed(change{Pipelines: st.dealPipe})
	st.changed(settingsChange(st.settings))
	return st.flush()
}

func mergeSettings(old, given Settings) Settings {
	if given.AppURL != "" {
		old.AppURL = strings.TrimRight(given.AppURL, "/")
	}
	if given.AppSecret != "" {
		old.AppSecret = given.AppSecret
	}
	if given.CardPath != "" {
		old.CardPath = given.CardPath
	}
	if given.FrameOrigins != nil {
		old.FrameOrigins = given.FrameOrigins
	}
	setIfZero(&old.CardPath, DefaultCardPath)
	return old
}

// Handler serves the API, the pages and the sandbox's own control endpoints.
func (s *Server) Handler() http.Handler { return s.mux }

// Close ends held requests and closes the files. The state needs no saving.
func (s *Server) Close() error {
	var err error
	s.closeOnce.Do(func() {
		close(s.closing)
		s.st.mu.Lock()
		defer s.st.mu.Unlock()
		if s.st.file != nil {
			err = s.st.file.f.Close()
		}
		err = errors.Join(err, s.ledger.close())
	})
	return err
}

func (s *Server) now() time.Time { return s.cfg.Clock().UTC().Truncate(time.Millisecond) }

// call is one API request on its way.
type call struct {
	*http.Request
	now    time.Time
	query  url.Values
	body   []byte
	unread *apiError // why the body could not be read
	table  *table
	token  *Token
	entry  int64 // place in the ledger
}

func (c *call) decode(into any) *apiError {
	if err := json.Unmarshal(c.body, into); err != nil {
		return invalid("Invalid input JSON: the body is not what this endpoint takes")
	}
	return nil
}

// serve takes one API call through ledger, faults, checks and its endpoint.
func (s *Server) serve(e endpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{Request: r, now: s.now(), query: r.URL.Query()}
		c.entry = s.ledger.begin(Call{At: c.now, Method: r.Method, Path: r.URL.Path, Query: clipQuery(r.URL.RawQuery)})
		s.limits.arrived(c.now, e.search)
		s.signal.fire()
		c.unread = s.readBody(w, c) // whole, so that a caller who gives up is noticed
		f := s.faults.pick(r.Method, r.URL.Path)
		if f.Kind == "" || f.performs() {
			s.respond(w, c, e, f)
			return
		}
		s.spoil(w, c, f, answer{})
	}
}

func (s *Server) respond(w http.ResponseWriter, c *call, e endpoint, f Rule) {
	a := s.perform(c, e)
	done := a.status < 300
	s.ledger.note(c.entry, func(l *Call) { l.Done, l.Records, l.IDs = done, a.records, a.ids })
	s.rateHeaders(w, c, e)
	if f.Kind != "" {
		s.spoil(w, c, f, a)
		return
	}
	s.write(w, c, a)
}

// perform checks the call as the service does and runs the endpoint.
func (s *Server) perform(c *call, e endpoint) answer {
	if c.unread != nil {
		return c.unread.answer()
	}
	if bad := s.authenticate(c, e); bad != nil {
		return bad.answer()
	}
	if policy := s.limits.admit(c.now, s.faults.now().Limits, e.search); policy != "" {
		return rateLimited(policy)
	}
	if bad := s.resolve(c, e); bad != nil {
		return bad.answer()
	}
	return s.run(c, e)
}

func (s *Server) readBody(w http.ResponseWriter, c *call) *apiError {
	body, err := io.ReadAll(http.MaxBytesReader(w, c.Body, maxBody))
	if err != nil {
		return invalid("The request body could not be read or is greater than %d bytes", maxBody)
	}
	c.body = body
	return nil
}

func (s *Server) authenticate(c *call, e endpoint) *apiError {
	if e.open {
		return nil
	}
	given, found := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer ")
	if c.token = s.findToken(given); !found || c.token == nil {
		return fail(http.StatusUnauthorized, "INVALID_AUTHENTICATION",
			"Authentication credentials not found or not valid")
	}
	return nil
}

func (s *Server) findToken(given string) *Token {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	for i := range s.cfg.Tokens {
		value := s.cfg.Tokens[i].Value
		if value != "" && subtle.ConstantTimeCompare([]byte(given), []byte(value)) == 1 {
			return &s.cfg.Tokens[i]
		}
	}
	return nil
}

// resolve finds the table of a record path and checks feature and scope.
func (s *Server) resolve(c *call, e endpoint) *apiError {
	k := kindOf(c.PathValue("type"))
	if e.records {
		if k == nil {
			return invalid("Unable to infer object type from: %s", clip(c.PathValue("type")))
		}
		c.table = s.st.tables[k]
	}
	if e.scope == nil {
		return nil
	}
	if usesLeads(c) && !s.faults.now().Leads {
		return missingScopes("crm.objects.leads.read")
	}
	needed := e.scope(c)
	if len(needed) > 0 && !c.token.allows(needed) {
		return missingScopes(needed...)
	}
	return nil
}

func usesLeads(c *call) bool {
	return kindOf(c.PathValue("type")) == leads || kindOf(c.PathValue("to")) == leads
}

// run executes an endpoint under the state's lock and keeps what it changed.
func (s *Server) run(c *call, e endpoint) answer {
	if !e.write {
		s.st.mu.RLock()
		defer s.st.mu.RUnlock()
		return e.run(c)
	}
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	a := e.run(c)
	if err := s.st.flush(); err != nil {
		s.log.Error("sandbox state not kept", "error", err)
		return fail(http.StatusInternalServerError, "INTERNAL_ERROR", "The change could not be kept").answer()
	}
	return a
}

// write sends an answer and closes the call's line in the ledger.
func (s *Server) write(w http.ResponseWriter, c *call, a answer) {
	body := s.encode(a)
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	s.ledger.end(c.entry, a.status, s.now())
	s.signal.fire()
	if body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

func (s *Server) encode(a answer) []byte {
	if a.body == nil {
		return nil
	}
	stamp(a.body, s.ids.next())
	body, err := json.Marshal(a.body)
	if err != nil {
		s.log.Error("sandbox answer not encoded", "error", err)
	}
	return body
}

func clipQuery(q string) string {
	const most = 500
	if len(q) > most {
		return q[:most]
	}
	return q
}

// idSource makes correlation ids.
type idSource struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newIDSource(seed uint64) *idSource { return &idSource{rng: rand.New(rand.NewPCG(seed, 0x1d5))} }

func (i *idSource) next() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	a, b := i.rng.Uint64(), i.rng.Uint64()
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff|0x4000, b>>48&0x3fff|0x8000, b&0xffffffffffff)
}

// broadcast wakes everybody who waits for something to happen.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{ch: make(chan struct{})} }

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) fire() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}
