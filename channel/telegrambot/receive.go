package telegrambot

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/secret"
)

const (
	// SecretHeader carries the webhook's secret.
	SecretHeader = "X-Telegram-Bot-Api-Secret-Token"
	pollMax      = 100
	// pollGrace is how much longer than asked an answer may take.
	pollGrace = 10 * time.Second
	// otherPollers is how often in a row another poller is waited for: the former
	// holder of the lease may need its time to notice.
	otherPollers = 8
	// keptBytes bounds what is kept of an unreadable answer.
	keptBytes = 1 << 20
	// proofs is how often an update must come unreadable to be given up.
	proofs = 3
)

// line is what polling and hooked lines share.
type line struct {
	api           *api
	connector     *Connector
	id            switchboard.ChannelID
	webhookSecret secret.String
	flood         *flood
}

type hookLine struct{ line }

type pollLine struct{ line }

// Verify compares the secret header in constant time. Without a secret of ours
// nothing is authentic.
func (l *hookLine) Verify(h http.Header, _ []byte) error {
	want, got := l.webhookSecret.Reveal(), h.Get(SecretHeader)
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(got)) != 1 {
		return switchboard.Errorf(switchboard.CodeUnauthorized, "webhook_secret", "wrong %s", SecretHeader)
	}
	return nil
}

// Decode reads one Update.
func (l *hookLine) Decode(body []byte, now time.Time) (channel.Batch, error) {
	batch := channel.Batch{Raw: body}
	if err := decodeUpdate(body, now, &batch); err != nil {
		return channel.Batch{}, err
	}
	return batch, nil
}

type getUpdates struct {
	Offset         int64    `json:"offset,omitempty"`
	Limit          int      `json:"limit"`
	Timeout        int      `json:"timeout"`
	AllowedUpdates []string `json:"allowed_updates"`
}

// poller is the state of one Run.
type poller struct {
	*pollLine
	sink func(context.Context, channel.Batch) error
	// offset confirms what is committed; 0 when nothing waits for confirmation. It is
	// not kept longer: after a silent week update ids may start again lower.
	offset int64
	// limit is 1 after an answer could not be read as a whole, until all is there.
	limit     int
	failures  int // in a row
	conflicts int // in a row
	unhooked  bool
	// suspect is the id of an update that could not be read, suspected how often.
	suspect   int64
	suspected int
}

// Run polls until ctx ends, then gives nil. A *channel.SendError of class Auth says
// that the token is refused; one of class Retry that somebody else polls the bot. All
// other failures are logged and tried again with growing pauses.
func (l *pollLine) Run(ctx context.Context, sink func(context.Context, channel.Batch) error) error {
	p := &poller{pollLine: l, sink: sink, limit: pollMax}
	for ctx.Err() == nil {
		err := p.once(ctx)
		if err == nil {
			p.failures, p.conflicts = 0, 0
			continue
		}
		var fatal *channel.SendError
		if errors.As(err, &fatal) {
			return fatal
		}
		if ctx.Err() == nil {
			l.connector.options.Log.WarnContext(ctx, "telegram poll failed", "channel", l.id, "error", err.Error())
			p.rest(ctx, err)
		}
	}
	return nil
}

// once asks once, commits what came and moves the offset.
func (p *poller) once(ctx context.Context) error {
	raw, err := p.ask(ctx)
	if err != nil {
		return p.failed(ctx, raw, err)
	}
	var updates []json.RawMessage
	if err := json.Unmarshal(raw, &updates); err != nil {
		return fmt.Errorf("read result: %w", err)
	}
	if len(updates) == 0 {
		p.offset, p.limit = 0, pollMax // what was to be confirmed is confirmed
		return nil
	}
	next, err := p.commit(ctx, raw, updates)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if next <= 0 {
		return errors.New("no update has an id")
	}
	p.offset = next
	return nil
}

func (p *poller) ask(ctx context.Context) (json.RawMessage, error) {
	seconds := p.connector.options.PollSeconds
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+pollGrace)
	defer cancel()
	params, err := json.Marshal(getUpdates{
		Offset: p.offset, Limit: p.limit, Timeout: seconds, AllowedUpdates: allowedUpdates,
	})
	if err != nil {
		return nil, fmt.Errorf("encode parameters: %w", err)
	}
	return p.api.post(ctx, "getUpdates", "application/json", bytes.NewReader(params))
}

// commit hands over what can be read as one batch and each unreadable update as a
// batch of its own. It gives the offset that confirms them all.
func (p *poller) commit(ctx context.Context, raw json.RawMessage, updates []json.RawMessage) (int64, error) {
	now := p.connector.options.Now()
	good, next := channel.Batch{Raw: raw}, int64(0)
	var bad []channel.Batch
	for _, update := range updates {
		next = max(next, updateID(update)+1)
		part := channel.Batch{}
		if err := decodeUpdate(update, now, &part); err != nil {
			bad = append(bad, channel.Batch{Raw: update, Unreadable: err.Error()})
			continue
		}
		good = merged(good, part)
	}
	if len(bad) < len(updates) {
		if err := p.sink(ctx, good); err != nil {
			return 0, err
		}
	}
	for _, b := range bad {
		if err := p.sink(ctx, b); err != nil {
			return 0, err
		}
	}
	if next == 1 {
		next = 0
	}
	return next, nil
}

func merged(a, b channel.Batch) channel.Batch {
	a.Messages = append(a.Messages, b.Messages...)
	a.Edits = append(a.Edits, b.Edits...)
	a.Peers = append(a.Peers, b.Peers...)
	a.Ignored = append(a.Ignored, b.Ignored...)
	return a
}

func updateID(raw json.RawMessage) int64 {
	var u struct {
		ID int64 `json:"update_id"`
	}
	if err := json.Unmarshal(raw, &u); err != nil {
		return firstID(raw)
	}
	return u.ID
}

// idForm finds an update's id in bytes that are no JSON for us. Inside a JSON string
// the quotes would be escaped, so a message text cannot pretend.
var idForm = regexp.MustCompile(`"update_id"\s*:\s*([0-9]{1,18})`)

func firstID(raw []byte) int64 {
	found := idForm.FindSubmatch(raw)
	if found == nil {
		return 0
	}
	id, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// isolate deals with an answer that cannot be read as a whole: asked one by one, the
// updates that can be read come through. One that comes unreadable again and again is
// kept as such; a single bad answer proves nothing, it may have been cut on its way.
func (p *poller) isolate(ctx context.Context, raw []byte, cause error) error {
	if p.limit > 1 {
		p.limit = 1
		return nil
	}
	id := firstID(raw)
	if id == 0 {
		return fmt.Errorf("unreadable answer: %w", cause)
	}
	if p.suspect != id {
		p.suspect, p.suspected = id, 0
	}
	if p.suspected++; p.suspected < proofs {
		return fmt.Errorf("unreadable update: %w", cause)
	}
	batch := channel.Batch{Raw: raw[:min(len(raw), keptBytes)], Unreadable: "the update is no readable JSON, or too long"}
	if err := p.sink(ctx, batch); err != nil {
		return fmt.Errorf("commit an unreadable update: %w", err)
	}
	p.offset = id + 1
	return nil
}

// whole says whether an answer looks complete: it is not for its end that it cannot
// be read.
func whole(raw []byte) bool {
	return len(raw) > answerBytes || bytes.HasSuffix(bytes.TrimSpace(raw), []byte("]}"))
}

// failed decides about a call that gave no updates.
func (p *poller) failed(ctx context.Context, raw []byte, err error) error {
	var failed *callError
	if ctx.Err() != nil || !errors.As(err, &failed) {
		return err
	}
	switch {
	case failed.refusal == nil && failed.status == http.StatusOK && whole(raw):
		return p.isolate(ctx, raw, err)
	case failed.refusal == nil:
		if p.failures >= proofs { // what is too much at once may pass one by one
			p.limit = 1
		}
		return err
	case failed.code() == http.StatusUnauthorized, failed.code() == http.StatusNotFound:
		return &channel.SendError{Class: channel.Auth, Reason: "telegram_token_refused", Err: err}
	case failed.code() == http.StatusConflict:
		return p.conflict(ctx, err)
	}
	return err
}

// conflict: a webhook is set, which is removed once, or somebody else polls.
func (p *poller) conflict(ctx context.Context, cause error) error {
	if !p.unhooked {
		p.unhooked = true
		if err := p.Register(ctx, ""); err != nil {
			return err
		}
		return nil
	}
	if p.conflicts++; p.conflicts > otherPollers {
		return &channel.SendError{Class: channel.Retry, Reason: "telegram_other_poller", Err: cause}
	}
	return cause
}

// rest pauses after a failure: as long as Telegram says, else doubled each time, with
// a random part so that many bots do not return at once.
func (p *poller) rest(ctx context.Context, err error) {
	p.failures++
	base := p.connector.options.Pause
	pause := min(base<<min(p.failures-1, 10), 60*base)
	pause = pause/2 + rand.N(pause/2+1)
	var failed *callError
	if errors.As(err, &failed) && failed.refusal != nil && failed.refusal.Parameters.RetryAfter > 0 {
		pause = max(pause, min(time.Duration(failed.refusal.Parameters.RetryAfter)*time.Second, maxAfter))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
