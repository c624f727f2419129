package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"switchboard/i18n"
	"switchboard/live"
)

// Times of a live stream.
const (
	heartbeatEvery = 15 * time.Second
	longPollTime   = 25 * time.Second
	// liveWriteTime is how long one write to a screen may take.
	liveWriteTime = 15 * time.Second
)

// EncodeLive is the wire form of live events, for live.Hub.
func EncodeLive(e live.Event, look live.Look) ([]byte, error) {
	out := LiveEvent{Kind: LiveKind(e.Kind), Number: e.Number, Gone: ref(string(e.Gone))}
	if e.Chat != nil {
		row := wireRow(e.Chat, look.Mine)
		out.Chat = &row
	}
	if e.Message != nil {
		m := wireMessage(e.Message, i18n.Language(look.Language))
		out.Message = &m
	}
	return json.Marshal(out)
}

// Live answers what changed after a number, as it happens.
func (a *chatsAPI) Live(ctx context.Context, r LiveRequestObject) (LiveResponseObject, error) {
	v := ViewerOf(ctx)
	wait := r.Params.Wait != nil && *r.Params.Wait == N1
	if r.Params.After < 0 {
		return nil, invalid("after")
	}
	if r.Params.Wait != nil && !r.Params.Wait.Valid() {
		return nil, invalid("wait")
	}
	contact, framed := v.Frame()
	w := live.Watcher{Account: v.Account, Employee: v.Viewer.Employee, Session: v.Session.ID, Renewed: framed,
		Expires: v.Session.ExpiresAt, Contact: contact, Language: string(LanguageOf(ctx))}
	stream, err := a.chats.Hub.Watch(ctx, w, r.Params.After)
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	if wait {
		defer stream.Close()
		return a.longPoll(ctx, stream), nil
	}
	return liveAnswer{ctx: ctx, stream: stream, control: visitOf(ctx).control}, nil
}

// longPoll waits for the first events and answers them as one array.
func (a *chatsAPI) longPoll(ctx context.Context, stream *live.Stream) LiveResponseObject {
	timeout := time.NewTimer(longPollTime)
	defer timeout.Stop()
	for {
		deliveries, ended := stream.Take()
		if len(deliveries) > 0 || ended {
			return pollAnswer(deliveries)
		}
		select {
		case <-stream.Wake():
		case <-timeout.C:
			return pollAnswer(nil)
		case <-ctx.Done():
			return pollAnswer(nil)
		}
	}
}

// pollAnswer is a JSON array of live events.
type pollAnswer []live.Delivery

// VisitLiveResponse writes the answer.
func (p pollAnswer) VisitLiveResponse(w http.ResponseWriter) error {
	body := []byte{'['}
	for i, d := range p {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, d.Data...)
	}
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(append(body, ']', '\n'))
	return err
}

// liveAnswer is a stream of server-sent events.
type liveAnswer struct {
	ctx     context.Context //nolint:containedctx // of the request that the answer belongs to
	stream  *live.Stream
	control *http.ResponseController
}

// VisitLiveResponse writes events until either side ends. An event's id is written
// with the last event of a number only, so a cut in between repeats them.
func (l liveAnswer) VisitLiveResponse(w http.ResponseWriter) error {
	defer l.stream.Close()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // a proxy must not wait for more
	w.WriteHeader(http.StatusOK)
	beat := time.NewTicker(heartbeatEvery)
	defer beat.Stop()
	text := []byte(":\n\n")
	told := int64(0)
	for {
		deliveries, ended := l.stream.Take()
		for _, d := range deliveries {
			text = appendEvent(text, d)
			if d.Marks {
				told = d.Number
			}
		}
		if err := l.write(w, text); err != nil || ended {
			return nil // the screen is gone, or comes back
		}
		text = text[:0]
		select {
		case <-l.ctx.Done():
			return nil
		case <-l.stream.Wake():
		case <-beat.C:
			text, told = appendBeat(nil, l.stream.Passed(), told)
		}
	}
}

func appendEvent(text []byte, d live.Delivery) []byte {
	if d.Marks {
		text = append(text, "id: "...)
		text = strconv.AppendInt(text, d.Number, 10)
		text = append(text, '\n')
	}
	text = append(text, "event: "...)
	text = append(text, d.Kind...)
	text = append(text, "\ndata: "...)
	text = append(text, d.Data...)
	return append(text, "\n\n"...)
}

// appendBeat keeps the connection, and moves the number where other chats' events have
// passed.
func appendBeat(text []byte, passed, told int64) ([]byte, int64) {
	if passed <= told {
		return append(text, ":\n\n"...), told
	}
	text = append(text, "id: "...)
	text = strconv.AppendInt(text, passed, 10)
	return append(text, "\n\n"...), passed
}

func (l liveAnswer) write(w http.ResponseWriter, text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if l.control == nil {
		l.control = http.NewResponseController(w)
	}
	_ = l.control.SetWriteDeadline(time.Now().Add(liveWriteTime)) // the connection's own clock
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return l.control.Flush()
}
