package telegrambot

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/secret"
)

// callTime bounds a call that neither polls nor uploads.
const callTime = 20 * time.Second

// allowedUpdates names what we want to hear of; my_chat_member tells of blocking.
var allowedUpdates = []string{"message", "edited_message", "my_chat_member"}

// user is a User of the Bot API.
type user struct {
	ID        int64  `json:"id"`
	IsBot     bool   `json:"is_bot"`
	FirstName string `json:"first_name"`
	LastName  string `json:"last_name"`
	Username  string `json:"username"`
}

type setWebhook struct {
	URL            string   `json:"url"`
	SecretToken    string   `json:"secret_token"`
	MaxConnections int      `json:"max_connections"`
	AllowedUpdates []string `json:"allowed_updates"`
}

type deleteWebhook struct {
	DropPendingUpdates bool `json:"drop_pending_updates"`
}

// Check asks the bot's own name with the token; in webhook mode it makes the secret.
func (c *Connector) Check(ctx context.Context, in channel.Setup) (channel.Setup, error) {
	config, err := readConfig(in.Config)
	if err != nil {
		return in, err
	}
	secrets, err := readSecrets(in.Secrets)
	if err != nil {
		return in, err
	}
	if config.Mode == Hook && !c.reachable(in.Hook) {
		return in, switchboard.Invalid("mode", "telegram_webhook_needs_https")
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var bot user
	if err := c.api(secrets.Token).call(ctx, "getMe", struct{}{}, &bot); err != nil {
		return in, checkError(err)
	}
	if in.Exists != "" && config.BotID != 0 && config.BotID != bot.ID {
		// Message ids count per bot: the old chats would get answers of strangers.
		return in, &switchboard.Error{Code: switchboard.CodeConflict, Message: "telegram_other_bot", Field: "token"}
	}
	config.BotID, config.Username = bot.ID, bot.Username
	if secrets.WebhookSecret.IsEmpty() {
		if secrets.WebhookSecret, err = newSecret(c.options.Random); err != nil {
			return in, err
		}
	}
	return complete(in, bot, config, secrets)
}

// reachable says whether Telegram would post to the hook: its own server wants https,
// a server of the operator's takes http as well.
func (c *Connector) reachable(hook string) bool {
	if c.options.BaseURL == DefaultBaseURL {
		return strings.HasPrefix(hook, "https://")
	}
	return hook != ""
}

func complete(in channel.Setup, bot user, config Config, s secrets) (channel.Setup, error) {
	var err error
	if in.Config, err = json.Marshal(config); err != nil {
		return in, fmt.Errorf("encode configuration: %w", err)
	}
	if in.Secrets, err = s.store(); err != nil {
		return in, err
	}
	if in.Name == "" {
		in.Name = cleanLine(bot.FirstName)
		if bot.Username != "" {
			in.Name += " @" + cleanLine(bot.Username)
		}
	}
	return in, nil
}

func newSecret(random io.Reader) (secret.String, error) {
	var b [32]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return secret.String{}, fmt.Errorf("make a webhook secret: %w", err)
	}
	return secret.New(base64.RawURLEncoding.EncodeToString(b[:])), nil
}

// checkError turns a failed call into a sentence for the administrator.
func checkError(err error) error {
	var failed *callError
	if !errors.As(err, &failed) {
		return err
	}
	switch code := failed.code(); {
	case failed.refusal != nil && (code == http.StatusUnauthorized || code == http.StatusNotFound):
		return &switchboard.Error{Code: switchboard.CodeInvalid, Message: "telegram_token_refused", Field: "token", Err: err}
	case code == http.StatusTooManyRequests:
		return &switchboard.Error{Code: switchboard.CodeUnavailable, Message: "telegram_busy", Err: err}
	case failed.refusal != nil && code == http.StatusBadRequest:
		return &switchboard.Error{Code: switchboard.CodeInvalid, Message: "telegram_refused", Err: err}
	}
	return &switchboard.Error{Code: switchboard.CodeUnavailable, Message: "telegram_unreachable", Err: err}
}

// Register sets the webhook of a line that takes one, and removes it when hook is "".
// A line that polls only ever removes it. Waiting updates are kept.
func (l *line) register(ctx context.Context, hook string) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if hook == "" {
		return l.removeWebhook(ctx)
	}
	if l.webhookSecret.IsEmpty() {
		return switchboard.Invalid("webhookSecret", "telegram_webhook_secret_missing")
	}
	err := l.api.call(ctx, "setWebhook", setWebhook{
		URL: hook, SecretToken: l.webhookSecret.Reveal(), MaxConnections: 40, AllowedUpdates: allowedUpdates,
	}, nil)
	if err != nil {
		return fmt.Errorf("set webhook: %w", checkError(err))
	}
	return nil
}

func (l *line) removeWebhook(ctx context.Context) error {
	if err := l.api.call(ctx, "deleteWebhook", deleteWebhook{}, nil); err != nil {
		return fmt.Errorf("delete webhook: %w", checkError(err))
	}
	return nil
}

// Register sets or removes the webhook.
func (l *hookLine) Register(ctx context.Context, hook string) error { return l.register(ctx, hook) }

// Register removes the webhook, whatever hook says: a bot with one cannot be polled.
func (l *pollLine) Register(ctx context.Context, _ string) error { return l.register(ctx, "") }
