package telegrambot

import (
	"encoding/json"
	"fmt"
	"regexp"

	"switchboard"
	"switchboard/secret"
)

// Mode says how news reach us.
type Mode string

// The modes.
const (
	Poll Mode = "poll" // we ask; needs no public address
	Hook Mode = "webhook"
)

// Config is a channel's configuration as stored.
type Config struct {
	Mode Mode `json:"mode"`
	// BotID and Username are filled by Check.
	BotID    int64  `json:"botId,omitempty"`
	Username string `json:"username,omitempty"`
}

// secrets are a channel's secrets, decrypted.
type secrets struct {
	Token         secret.String `json:"token"`
	WebhookSecret secret.String `json:"webhookSecret"`
}

// storedSecrets is secrets on their way to the encrypted store.
type storedSecrets struct {
	Token         string `json:"token"`
	WebhookSecret string `json:"webhookSecret,omitempty"`
}

var (
	// A token is the bot's id, a colon and 35 characters today; more are let through.
	tokenForm  = regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]{20,100}$`)
	secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
)

func readConfig(raw []byte) (Config, error) {
	c := Config{Mode: Poll}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &c); err != nil {
			return c, &switchboard.Error{Code: switchboard.CodeInvalid, Message: "channel_config_unreadable", Field: "config", Err: err}
		}
	}
	if c.Mode == "" {
		c.Mode = Poll
	}
	if c.Mode != Poll && c.Mode != Hook {
		return c, switchboard.Invalid("mode", "telegram_mode_unknown")
	}
	return c, nil
}

func readSecrets(raw []byte) (secrets, error) {
	var s secrets
	if err := json.Unmarshal(raw, &s); err != nil {
		// The cause may quote the secret.
		return s, switchboard.Invalid("token", "channel_secrets_unreadable")
	}
	if !tokenForm.MatchString(s.Token.Reveal()) {
		return s, switchboard.Invalid("token", "telegram_token_malformed")
	}
	if !s.WebhookSecret.IsEmpty() && !secretForm.MatchString(s.WebhookSecret.Reveal()) {
		return s, switchboard.Invalid("webhookSecret", "telegram_webhook_secret_malformed")
	}
	return s, nil
}

func (s secrets) store() ([]byte, error) {
	raw, err := json.Marshal(storedSecrets{Token: s.Token.Reveal(), WebhookSecret: s.WebhookSecret.Reveal()})
	if err != nil {
		return nil, fmt.Errorf("encode secrets: %w", err)
	}
	return raw, nil
}
