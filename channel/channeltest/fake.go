package channeltest

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"switchboard"
	"switchboard/channel"
)

// FakeTransport is the Fake's name in the registry.
const FakeTransport switchboard.Transport = "fake"

// FakeIdentity is the kind of a Fake address as an identity.
const FakeIdentity switchboard.IdentityKind = "fake"

// SecretHeader carries the webhook secret.
const SecretHeader = "X-Fake-Secret"

// pollMax is the most events of one poll.
const pollMax = 100

var (
	_ channel.Connector = (*Fake)(nil)
	_ channel.Poller    = (*fakeLine)(nil)
	_ channel.Webhook   = (*fakeLine)(nil)
	_ channel.Fetcher   = (*fakeLine)(nil)
	_ channel.Registrar = (*fakeLine)(nil)
)

// Fake is a messenger in memory; safe for use by many goroutines.
type Fake struct {
	caps channel.Capabilities
	now  func() time.Time

	mu      sync.Mutex
	changed chan struct{} // closed and renewed with every change
	ids     int64
	calls   int
	plan    planner
	ledger  []Arrival
	queues  map[switchboard.ChannelID][]Event
	repeats int
	shuffle *rand.Rand
	files   map[string][]byte
	hooks   map[switchboard.ChannelID]string
}

// Secrets is the JSON of a Fake channel's secrets.
type Secrets struct {
	WebhookSecret string `json:"webhookSecret"`
}

// NewFake makes an empty messenger.
func NewFake() *Fake {
	return &Fake{
		caps:    FakeCapabilities(),
		now:     time.Now,
		changed: make(chan struct{}),
		queues:  map[switchboard.ChannelID][]Event{},
		files:   map[string][]byte{},
		hooks:   map[switchboard.ChannelID]string{},
	}
}

// FakeCapabilities is what the Fake can do: everything, without rate limits.
func FakeCapabilities() channel.Capabilities {
	const max = 1 << 20
	return channel.Capabilities{
		TextMax: 1000, TextUnit: channel.Runes, CaptionMax: 200,
		Media: map[switchboard.Kind]int64{
			switchboard.KindImage: max, switchboard.KindVideo: max, switchboard.KindVoice: max,
			switchboard.KindAudio: max, switchboard.KindDocument: max,
		},
		Quote: true, Sent: true, Delivered: true, Read: true, StartsChat: true,
	}
}

// SetCapabilities changes what the Fake says it can do; call it before use.
func (f *Fake) SetCapabilities(c channel.Capabilities) { f.caps = c }

// SetClock gives the Fake another clock; call it before use.
func (f *Fake) SetClock(now func() time.Time) { f.now = now }

// Transport is FakeTransport.
func (*Fake) Transport() switchboard.Transport { return FakeTransport }

// Capabilities gives FakeCapabilities or what SetCapabilities said.
func (f *Fake) Capabilities() channel.Capabilities { return f.caps }

// Check accepts every set-up.
func (*Fake) Check(_ context.Context, in channel.Setup) (channel.Setup, error) {
	if in.Name == "" {
		in.Name = "Fake"
	}
	return in, nil
}

// Open makes a line; secrets are Secrets as JSON or empty.
func (f *Fake) Open(ch switchboard.Channel) (channel.Line, error) {
	var s Secrets
	if len(ch.Secrets) > 0 {
		if err := json.Unmarshal(ch.Secrets, &s); err != nil {
			return nil, fmt.Errorf("read fake secrets: %w", err)
		}
	}
	return &fakeLine{fake: f, id: ch.ID, secret: s.WebhookSecret}, nil
}

// Plan lists what happens to the next sends, in order; nil is a success.
func (f *Fake) Plan(faults ...*Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan.next = append(f.plan.next, faults...)
}

// SetOdds makes faults happen by chance once the plan is used up.
func (f *Fake) SetOdds(o Odds) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan.odds, f.plan.random = o.Faults, rand.New(rand.NewPCG(o.Seed, 1))
}

// SetDisorder makes polls repeat every event the given number of times and mix their
// order, drawn from the seed (R11, R12).
func (f *Fake) SetDisorder(repeats int, seed uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.repeats, f.shuffle = repeats, rand.New(rand.NewPCG(seed, 2))
}

// Fired is the number of faults that happened; a fault run with 0 proves nothing.
func (f *Fake) Fired() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.plan.fired
}

// Calls is the number of sends tried.
func (f *Fake) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// Hook is the webhook address registered for the channel.
func (f *Fake) Hook(ch switchboard.ChannelID) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hooks[ch]
}

// AddFile makes bytes available to Fetch under the name.
func (f *Fake) AddFile(source string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[source] = data
}

// Text makes a new text message of the peer, with an id and time of the messenger.
func (f *Fake) Text(peer, text string) Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Event{Type: EventMessage, Peer: peer, Name: "Name of " + peer, ID: f.nextID(), At: f.at(), Text: text}
}

// Change makes a later event (edit, delete, status, ...) about the message of e.
func (f *Fake) Change(e Event, what EventType, text string) Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.Type, e.Text, e.At = what, text, f.at()
	e.Revision++
	return e
}

// Status makes a messenger's news of a sent message.
func (f *Fake) Status(a Arrival, s switchboard.Status) Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Event{Type: EventStatus, Peer: a.Address, ID: a.ProviderID, At: f.at(), Status: s}
}

// Queue puts events where the channel's poller finds them.
func (f *Fake) Queue(ch switchboard.ChannelID, events ...Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queues[ch] = append(f.queues[ch], events...)
	f.signal()
}

// Deliver hands events straight to the door, as one batch.
func (f *Fake) Deliver(ctx context.Context, door channel.Receiver, ch switchboard.Channel, events ...Event) ([]channel.Received, error) {
	batch, err := Decode(Body(events...))
	if err != nil {
		return nil, err
	}
	return door.Receive(ctx, ch, batch)
}

// Header is what a delivery to the webhook carries.
func Header(secret string) http.Header { return http.Header{SecretHeader: {secret}} }

func (f *Fake) at() time.Time { return f.now().UTC().Truncate(time.Millisecond) }

// nextID makes an id; the lock is held.
func (f *Fake) nextID() string {
	f.ids++
	return strconv.FormatInt(f.ids, 10)
}

type fakeLine struct {
	fake   *Fake
	id     switchboard.ChannelID
	secret string
}

// refuse keeps the capabilities' limits.
func (f *Fake) refuse(m channel.Outbound) error {
	most, isFile := f.caps.TextMax, len(m.Content.Media) > 0
	if isFile {
		most = f.caps.CaptionMax
	}
	reason := ""
	switch {
	case f.caps.TextLength(m.Text) > most:
		reason = "text_too_long"
	case m.Kind == switchboard.KindText && strings.TrimSpace(m.Text) == "":
		reason = "text_empty"
	case isFile && f.caps.Media[m.Kind] == 0:
		reason = "kind_not_supported"
	case isFile && m.Content.Media[0].Size > f.caps.Media[m.Kind]:
		reason = "media_too_large"
	default:
		return nil
	}
	return &channel.SendError{Class: channel.Permanent, Reason: reason}
}

// Send lets the message reach the client unless a limit or a fault says otherwise.
func (l *fakeLine) Send(ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
	f := l.fake
	if err := f.refuse(m); err != nil {
		return channel.Receipt{}, err
	}
	f.mu.Lock()
	fault, faulty := f.plan.draw()
	f.calls++
	f.signal()
	f.mu.Unlock()
	if !faulty || fault.Done {
		id, err := f.arrive(ctx, l.id, m)
		if err != nil {
			return channel.Receipt{}, &channel.SendError{Class: channel.Retry, Reason: "media_unreadable", Err: err}
		}
		if !faulty {
			return channel.Receipt{ProviderID: id}, nil
		}
	}
	return channel.Receipt{}, fault.outcome(ctx)
}

// Verify compares the secret header; an empty secret of ours is never right.
func (l *fakeLine) Verify(h http.Header, _ []byte) error {
	got := h.Get(SecretHeader)
	if l.secret == "" || subtle.ConstantTimeCompare([]byte(got), []byte(l.secret)) != 1 {
		return switchboard.Errorf(switchboard.CodeUnauthorized, "webhook_secret", "wrong secret header")
	}
	return nil
}

// Decode reads a Body.
func (*fakeLine) Decode(raw []byte, _ time.Time) (channel.Batch, error) { return Decode(raw) }

// Run polls until the context ends; an event stays queued until its batch is committed.
func (l *fakeLine) Run(ctx context.Context, sink func(context.Context, channel.Batch) error) error {
	for {
		events, taken, err := l.poll(ctx)
		if err != nil {
			return nil // the context ended: a poller's usual end
		}
		batch, err := Decode(Body(events...))
		if err != nil {
			return err
		}
		if err := sink(ctx, batch); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("commit a poll: %w", err)
		}
		l.confirm(taken)
	}
}

// poll waits for events; taken is how many of the queue they are.
func (l *fakeLine) poll(ctx context.Context) (events []Event, taken int, err error) {
	f := l.fake
	waiting := func() bool { return len(f.queues[l.id]) > 0 }
	if err := f.wait(ctx, "events", waiting); err != nil {
		return nil, 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.queues[l.id]
	taken = min(len(queue), pollMax)
	for range f.repeats + 1 {
		events = append(events, queue[:taken]...)
	}
	if f.shuffle != nil {
		f.shuffle.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	}
	return events, taken, nil
}

func (l *fakeLine) confirm(taken int) {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	l.fake.queues[l.id] = l.fake.queues[l.id][taken:]
	l.fake.signal()
}

// Fetch opens a file of AddFile.
func (l *fakeLine) Fetch(_ context.Context, source string, maxBytes int64) (io.ReadCloser, error) {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	data, ok := l.fake.files[source]
	if !ok {
		return nil, switchboard.Errorf(switchboard.CodeNotFound, "media_gone", "no file %q", source)
	}
	if int64(len(data)) > maxBytes {
		return nil, switchboard.Errorf(switchboard.CodeTooLarge, "media_too_large", "%d bytes", len(data))
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// Register remembers the address.
func (l *fakeLine) Register(_ context.Context, hook string) error {
	l.fake.mu.Lock()
	defer l.fake.mu.Unlock()
	l.fake.hooks[l.id] = hook
	return nil
}
