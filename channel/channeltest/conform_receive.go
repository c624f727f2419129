package channeltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard"
	"switchboard/channel"
)

func hook(s *Subject) (channel.Webhook, error) {
	w, err := ability[channel.Webhook](s)
	if err != nil {
		return nil, err
	}
	if s.Hook == nil {
		return nil, errors.New("the line takes webhooks, but the subject has no deliveries")
	}
	return w, nil
}

func verifies(_ context.Context, s *Subject) error {
	w, err := hook(s)
	if err != nil {
		return err
	}
	body := s.Hook.Unknown
	if err := w.Verify(s.Hook.Header, body); err != nil {
		return fmt.Errorf("a genuine delivery is refused: %w", err)
	}
	genuine := s.Hook.Header.Get(s.Hook.Secret)
	forged := map[string]http.Header{
		"none": {}, "empty": {s.Hook.Secret: {""}}, "one letter more": {s.Hook.Secret: {genuine + "x"}},
		"one letter less": {s.Hook.Secret: {genuine[:len(genuine)-1]}}, "another first letter": {s.Hook.Secret: {"\x7f" + genuine[1:]}},
		"another case": {s.Hook.Secret: {swapCase(genuine)}},
	}
	for name, header := range forged {
		if err := w.Verify(header, body); switchboard.CodeOf(err) != switchboard.CodeUnauthorized {
			return fmt.Errorf("secret %s: got %v, want unauthorized", name, err)
		}
	}
	open, err := s.Connector.Open(s.Hook.WithoutSecret)
	if err != nil {
		return nil // refusing to open is as good
	}
	if err := open.(channel.Webhook).Verify(forged["empty"], body); err == nil {
		return errors.New("an empty secret is right where none is set")
	}
	if err := open.(channel.Webhook).Verify(http.Header{}, body); err == nil {
		return errors.New("no secret is right where none is set")
	}
	return nil
}

func swapCase(s string) string {
	if upper := strings.ToUpper(s); upper != s {
		return upper
	}
	return strings.ToLower(s)
}

func decodesTwice(_ context.Context, s *Subject) error {
	w, err := hook(s)
	if err != nil {
		return err
	}
	if len(s.Hook.Payloads) == 0 {
		return errors.New("no recorded payloads")
	}
	now := time.Now()
	for name, body := range s.Hook.Payloads {
		first, err := w.Decode(bytes.Clone(body), now)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := whole(first); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		second, err := w.Decode(bytes.Clone(body), now)
		if err != nil || !reflect.DeepEqual(first, second) {
			return fmt.Errorf("%s: decoded differently the second time (%v)", name, err)
		}
		later, err := w.Decode(bytes.Clone(body), now.Add(72*time.Hour))
		if err != nil || !reflect.DeepEqual(keys(first), keys(later)) {
			return fmt.Errorf("%s: other keys three days later (%v)", name, err)
		}
	}
	return nil
}

func keys(b channel.Batch) []string {
	var all []string
	for _, m := range b.Messages {
		all = append(all, m.Key)
	}
	for _, e := range b.Edits {
		all = append(all, e.Key)
	}
	for _, d := range b.Deletes {
		all = append(all, d.Key)
	}
	return all
}

// whole says what a decoded batch lacks.
func whole(b channel.Batch) error {
	if len(b.Raw) == 0 {
		return errors.New("no raw body")
	}
	if len(b.Messages)+len(b.Edits)+len(b.Deletes)+len(b.Statuses)+len(b.Peers)+len(b.Ignored) == 0 {
		return errors.New("nothing was decoded")
	}
	seen := map[string]bool{}
	for _, key := range keys(b) {
		if key == "" || seen[key] {
			return fmt.Errorf("key %q is empty or there twice", key)
		}
		seen[key] = true
	}
	for _, m := range b.Messages {
		if err := wholeMessage(m); err != nil {
			return err
		}
	}
	for _, e := range b.Edits {
		if e.Peer.Address == "" || e.ProviderID == "" || e.At.IsZero() {
			return fmt.Errorf("edit %s lacks address, message or time", e.Key)
		}
	}
	for _, c := range b.Statuses {
		if c.Address == "" || c.ProviderID == "" || c.Status == "" {
			return errors.New("status lacks address, message or status")
		}
	}
	return nil
}

func wholeMessage(m channel.Message) error {
	switch {
	case m.Peer.Address == "" || len(m.Peer.Identities) == 0:
		return fmt.Errorf("message %s: nobody wrote it", m.Key)
	case m.Kind == "" || m.At.IsZero() || m.ProviderID == "":
		return fmt.Errorf("message %s lacks kind, time or id", m.Key)
	case m.Kind == switchboard.KindText && m.Text == "":
		return fmt.Errorf("message %s has no text", m.Key)
	case !storable(m.Text) || !storable(m.Peer.Name) || !storable(m.Content.Note):
		return fmt.Errorf("message %s has text that no database takes", m.Key)
	}
	for _, i := range m.Peer.Identities {
		if i.Kind == "" || i.Value == "" {
			return fmt.Errorf("message %s: empty identity", m.Key)
		}
	}
	return nil
}

func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func keepsUnknown(_ context.Context, s *Subject) error {
	w, err := hook(s)
	if err != nil {
		return err
	}
	b, err := w.Decode(s.Hook.Unknown, time.Now())
	if err != nil {
		return fmt.Errorf("an unknown type is refused: %w", err)
	}
	if len(b.Messages) != 1 {
		return fmt.Errorf("%d messages, want 1", len(b.Messages))
	}
	if m := b.Messages[0]; m.Kind != switchboard.KindUnsupported || m.Content.Note == "" || !bytes.Equal(b.Raw, s.Hook.Unknown) {
		return fmt.Errorf("kind %s, note %q, %d raw bytes", m.Kind, m.Content.Note, len(b.Raw))
	}
	return nil
}

func editsName(_ context.Context, s *Subject) error {
	w, err := hook(s)
	if err != nil {
		return err
	}
	changed, err := w.Decode(s.Hook.Changed, time.Now()) // before its message
	if err != nil || len(changed.Edits) != 1 {
		return fmt.Errorf("%d edits (%v), want 1", len(changed.Edits), err)
	}
	original, err := w.Decode(s.Hook.Original, time.Now())
	if err != nil || len(original.Messages) != 1 {
		return fmt.Errorf("%d messages (%v), want 1", len(original.Messages), err)
	}
	e, m := changed.Edits[0], original.Messages[0]
	if e.ProviderID != m.ProviderID || e.Peer.Address != m.Peer.Address {
		return fmt.Errorf("edit of %s/%s, message %s/%s", e.Peer.Address, e.ProviderID, m.Peer.Address, m.ProviderID)
	}
	if e.Key == m.Key {
		return errors.New("the edit would be taken for its message delivered again")
	}
	return nil
}

// Hostile are bodies that break decoders (R13).
func Hostile(genuine []byte) [][]byte {
	bodies := [][]byte{
		nil, []byte("null"), []byte("[]"), []byte("{}"), []byte("0"), []byte(`""`), []byte(`{"":{}}`), []byte("{"),
		[]byte("\xff\xfe"), []byte("\x00"), []byte("\ufeff{}"), []byte("1e308"), []byte(`{"update_id":1e308}`),
		[]byte(strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)),
		[]byte(strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001)),
		bytes.Repeat([]byte("a"), 30<<20),
	}
	for i := 0; i < len(genuine); i += max(1, len(genuine)/40) {
		bodies = append(bodies, genuine[:i], append(bytes.Clone(genuine[:i]), append([]byte("\x00\xff"), genuine[i:]...)...))
	}
	for _, number := range []string{"1e308", "-1", "99999999999999999999", "0.5", `"text"`, "null", "[]", "{}", "true"} {
		bodies = append(bodies, numbers(genuine, number)...)
	}
	return bodies
}

// numbers replaces one number after another.
func numbers(body []byte, by string) [][]byte {
	var all [][]byte
	for i := 1; i < len(body); i++ {
		if body[i-1] != ':' || body[i] < '0' || body[i] > '9' {
			continue
		}
		end := i
		for end < len(body) && body[end] >= '0' && body[end] <= '9' {
			end++
		}
		all = append(all, append(append(bytes.Clone(body[:i]), by...), body[end:]...))
	}
	return all
}

func survives(_ context.Context, s *Subject) error {
	w, err := hook(s)
	if err != nil {
		return err
	}
	for _, body := range Hostile(s.Hook.Original) {
		b, err := w.Decode(body, time.Now())
		if err != nil {
			continue
		}
		for _, m := range b.Messages {
			if !storable(m.Text) || m.Key == "" || m.Peer.Address == "" {
				return fmt.Errorf("%.80q became a message that cannot be stored", body)
			}
		}
	}
	return nil
}

func poller(s *Subject) (channel.Poller, error) {
	p, err := ability[channel.Poller](s)
	if err != nil {
		return nil, err
	}
	if s.Poll == nil {
		return nil, errors.New("the line polls, but the subject has no messenger")
	}
	return p, nil
}

// keepRunning calls Run again when it ends with an error, as its caller does.
func keepRunning(ctx context.Context, p channel.Poller, door *Recorder) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = p.Run(ctx, door.Sink)
		}
	}()
	return ended
}

func confirms(ctx context.Context, s *Subject) error {
	p, err := poller(s)
	if err != nil {
		return err
	}
	door := NewRecorder()
	door.Fail(errors.New("disk full"), errors.New("disk full"))
	s.Poll.Write(3)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keepRunning(ctx, p, door)
	if err := s.Poll.Confirmed(ctx); err != nil {
		return err
	}
	if n := len(door.Messages()); n != 3 {
		return fmt.Errorf("%d messages stored when all are confirmed, want 3", n)
	}
	return nil
}

func repeats(ctx context.Context, s *Subject) error {
	p, err := poller(s)
	if err != nil {
		return err
	}
	door := NewRecorder()
	s.Poll.Write(3)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keepRunning(ctx, p, door)
	if err := s.Poll.Confirmed(ctx); err != nil {
		return err
	}
	s.Poll.Repeat()
	if err := s.Poll.Confirmed(ctx); err != nil {
		return err
	}
	delivered := 0
	for _, b := range door.Batches() {
		delivered += len(b.Messages)
	}
	if n := len(door.Messages()); n != 3 || delivered < 6 {
		return fmt.Errorf("%d messages of %d deliveries, want 3 of at least 6", n, delivered)
	}
	return nil
}

func stops(ctx context.Context, s *Subject) error {
	p, err := poller(s)
	if err != nil {
		return err
	}
	s.Poll.Write(1)
	running, cancel := context.WithCancel(ctx)
	ended := keepRunning(running, p, NewRecorder())
	if err := s.Poll.Confirmed(ctx); err != nil {
		cancel()
		return err
	}
	cancel()
	select {
	case <-ended:
		return nil
	case <-time.After(2 * time.Second):
		return errors.New("still polling 2 s after it was stopped")
	}
}
