package standin

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/http"
	"regexp"
	"time"
)

// webhook delivers a bot's updates to its address, one after another.
type webhook struct {
	url, secret string
	stop        context.CancelFunc
	lastError   string
}

// disorder makes deliveries come several times and mixed (R11, R12).
type disorder struct {
	repeats, window int
	random          *rand.Rand
}

var secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// retryPauses of a delivery that was not taken, the last one repeated.
var retryPauses = []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second}

// SetDisorder makes the webhook deliver each update 1+repeats times, the next one
// chosen among the oldest window updates. Window 1 keeps the order.
func (b *Bot) SetDisorder(seed uint64, repeats, window int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.disorder = &disorder{repeats, max(window, 1), seeded(seed)}
}

func setWebhook(b *Bot, _ *http.Request, p *params) (any, *refusal) {
	secret := p.text("secret_token")
	if secret != "" && !secretForm.MatchString(secret) {
		return nil, &refusal{code: 400, text: "Bad Request: secret token contains unallowed characters"}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopWebhook()
	var allowed []string
	if p.object("allowed_updates", &allowed) {
		b.allowed = allowed
	}
	b.drop(p)
	if p.text("url") == "" {
		return true, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.hook = &webhook{url: p.text("url"), secret: secret, stop: cancel}
	b.signal()
	go b.deliver(ctx, b.hook)
	return true, nil
}

func deleteWebhook(b *Bot, _ *http.Request, p *params) (any, *refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopWebhook()
	b.drop(p)
	return true, nil
}

func getWebhookInfo(b *Bot, _ *http.Request, _ *params) (any, *refusal) {
	b.mu.Lock()
	defer b.mu.Unlock()
	info := map[string]any{"url": "", "has_custom_certificate": false, "pending_update_count": len(b.updates)}
	if b.hook != nil {
		info["url"] = b.hook.url
		info["max_connections"] = 40
		if b.hook.lastError != "" {
			info["last_error_message"] = b.hook.lastError
		}
	}
	return info, nil
}

func (b *Bot) drop(p *params) {
	if yes, _ := p.values["drop_pending_updates"].(bool); yes || p.text("drop_pending_updates") == "true" {
		b.updates = nil
	}
}

func (b *Bot) silence() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopWebhook()
}

// stopWebhook ends deliveries; the lock is held.
func (b *Bot) stopWebhook() {
	if b.hook != nil {
		b.hook.stop()
		b.hook = nil
	}
}

// deliver posts update by update until ctx ends; one not taken (2xx) is tried again.
func (b *Bot) deliver(ctx context.Context, h *webhook) {
	for failures := 0; ; {
		u, repeats, ok := b.next(ctx)
		if !ok {
			return
		}
		taken := b.post(ctx, h, u)
		for range repeats {
			taken = b.post(ctx, h, u) || taken
		}
		if taken {
			failures = 0
			b.taken(u)
			continue
		}
		select {
		case <-time.After(retryPauses[min(failures, len(retryPauses)-1)]):
		case <-ctx.Done():
			return
		}
		failures++
	}
}

// next waits for the update to deliver.
func (b *Bot) next(ctx context.Context) (update, int, bool) {
	if err := b.wait(ctx, "updates", func() bool { return len(b.updates) > 0 }); err != nil || ctx.Err() != nil {
		return update{}, 0, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.updates) == 0 {
		return update{}, 0, false
	}
	if d := b.disorder; d != nil {
		return b.updates[d.random.IntN(min(d.window, len(b.updates)))], d.repeats, true
	}
	return b.updates[0], 0, true
}

func (b *Bot) taken(u update) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.updates {
		if b.updates[i].id == u.id {
			b.updates = append(b.updates[:i:i], b.updates[i+1:]...)
			break
		}
	}
	b.signal()
}

func (b *Bot) post(ctx context.Context, h *webhook, u update) bool {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(u.raw))
	if err != nil {
		return b.note(h, err.Error())
	}
	req.Header.Set("Content-Type", "application/json")
	if h.secret != "" {
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", h.secret)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return b.note(h, err.Error())
	}
	defer resp.Body.Close() //nolint:errcheck // its status is all that counts
	if resp.StatusCode/100 != 2 {
		return b.note(h, "Wrong response from the webhook: "+resp.Status)
	}
	return true
}

func (b *Bot) note(h *webhook, failure string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	h.lastError = failure
	b.signal()
	return false
}
