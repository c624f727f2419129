package webchat

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"switchboard"
)

// tokenPrefix lets people and scanners tell what a leaked token is.
const tokenPrefix = "wst_"

// startSession makes a visitor.
func (h *Handler) startSession(v *visit) error {
	s, err := readSession(v.body)
	if err != nil {
		return err
	}
	token, err := newToken(h.Random)
	if err != nil {
		return err
	}
	now := h.Now()
	s.ID, s.TokenHash, s.CreatedAt = switchboard.NewUUID(now, h.Random), hash(token), now
	if s.Phone != "" {
		s.PhoneE164 = h.Phone(v.r.Context(), v.channel, s.Phone)
	}
	if err := h.Visitors.AddVisitor(v.r.Context(), v.channel, s); err != nil {
		return fmt.Errorf("create session: %w", err)
	}
	writeJSON(v.w, "application/json", http.StatusCreated, map[string]string{"token": token, "clientId": s.ID})
	return nil
}

func newToken(random io.Reader) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// findSession finds the visitor of the bearer token. The look-up is by hash, so its
// time tells nothing about tokens that exist.
func (h *Handler) findSession(v *visit) error {
	scheme, token, _ := strings.Cut(v.r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > 200 {
		return h.mistake(v, http.StatusUnauthorized, "token_unknown")
	}
	s, err := h.Visitors.Visitor(v.r.Context(), v.channel, hash(token))
	if switchboard.CodeOf(err) == switchboard.CodeNotFound {
		return h.mistake(v, http.StatusUnauthorized, "token_unknown")
	}
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	v.session = s
	return nil
}

// write takes a visitor's message: answered only after it is stored (P1).
func (h *Handler) write(v *visit) error {
	said, err := readMessage(v.body)
	if err != nil {
		return err
	}
	got, err := h.Receiver.Receive(v.r.Context(), v.channel, batch(v.channel, v.session, said, v.body, h.Now()))
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if len(got) != 1 {
		return fmt.Errorf("receive: %d results for one message", len(got))
	}
	status := http.StatusCreated
	switch {
	case got[0].Conflict:
		return &problem{status: http.StatusConflict, key: "id_taken"}
	case got[0].Duplicate:
		status = http.StatusOK
	}
	writeJSON(v.w, "application/json", status, wireReceipt{ID: got[0].Message, Seq: got[0].ViewSeq, At: stamp(got[0].At)})
	return nil
}

// read gives what the visitor has not seen, waiting for it when told to.
func (h *Handler) read(v *visit) error {
	after, wait, err := span(v.r)
	if err != nil {
		return err
	}
	entries, err := h.entries(v, after)
	if err != nil {
		return err
	}
	if len(entries) == 0 && wait > 0 {
		if err := h.await(v, after, wait); err != nil {
			return err
		}
		if entries, err = h.entries(v, after); err != nil {
			return err
		}
	}
	writeJSON(v.w, "application/json", http.StatusOK, wire(entries))
	return nil
}

func (h *Handler) entries(v *visit, after int64) ([]switchboard.ViewEntry, error) {
	entries, err := h.View.ViewEntries(v.r.Context(), v.channel, v.session.ID, after, maxEntries)
	if err != nil {
		return nil, fmt.Errorf("read entries: %w", err)
	}
	return entries, nil
}

// await returns when there may be an entry, when the time is over or the house closes.
func (h *Handler) await(v *visit, after int64, wait time.Duration) error {
	if !h.waiting.enter(v.session.ID, h.limits) {
		return &problem{status: http.StatusServiceUnavailable, key: "try_later", after: retryAfter}
	}
	defer h.waiting.leave(v.session.ID)
	ctx, cancel := context.WithTimeout(v.r.Context(), wait)
	defer cancel()
	if h.Done != nil {
		go func() {
			select {
			case <-h.Done:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	err := h.View.WaitView(ctx, v.channel, v.session.ID, after)
	if err != nil && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("wait for entries: %w", err)
	}
	return nil
}

// span reads the parameters after and wait.
func span(r *http.Request) (after int64, wait time.Duration, err error) {
	after, err = whole(r, "after")
	if err != nil {
		return 0, 0, err
	}
	seconds, err := whole(r, "wait")
	if err != nil {
		return 0, 0, err
	}
	return after, time.Duration(min(seconds, int64(maxWait/time.Second))) * time.Second, nil
}

func whole(r *http.Request, name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || text[0] == '+' {
		if errors.Is(err, strconv.ErrRange) && !strings.HasPrefix(text, "-") {
			return 1<<63 - 1, nil // beyond every entry, longer than every wait
		}
		return 0, errBody("after_no_seq")
	}
	return n, nil
}
