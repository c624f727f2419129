package telegrambot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"

	"switchboard"
	"switchboard/channel"
)

const (
	// sendTime bounds a call when the caller gives no deadline of his own.
	sendTime = 2 * time.Minute
	// defaultAfter and maxAfter bound what a 429 may ask for.
	defaultAfter = time.Second
	maxAfter     = 24 * time.Hour
)

type replyParameters struct {
	MessageID                int64 `json:"message_id"`
	AllowSendingWithoutReply bool  `json:"allow_sending_without_reply"`
}

func (r replyParameters) json() string {
	return fmt.Sprintf(`{"message_id":%d,"allow_sending_without_reply":%t}`, r.MessageID, r.AllowSendingWithoutReply)
}

// target is the part that every send method has.
type target struct {
	ChatID int64            `json:"chat_id"`
	Reply  *replyParameters `json:"reply_parameters,omitempty"`
}

type sendMessage struct {
	target
	Text string `json:"text"`
}

type sendLocation struct {
	target
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

type sendVenue struct {
	sendLocation
	Title   string `json:"title"`
	Address string `json:"address"`
}

type sendContact struct {
	target
	PhoneNumber string `json:"phone_number"`
	FirstName   string `json:"first_name"`
}

// uploads names the method and field of each kind that is a file.
var uploads = map[switchboard.Kind]struct{ method, field string }{
	switchboard.KindImage:    {"sendPhoto", "photo"},
	switchboard.KindVideo:    {"sendVideo", "video"},
	switchboard.KindVoice:    {"sendVoice", "voice"},
	switchboard.KindAudio:    {"sendAudio", "audio"},
	switchboard.KindDocument: {"sendDocument", "document"},
	switchboard.KindSticker:  {"sendSticker", "sticker"},
}

// Send makes one call. When Telegram moved the chat, the receipt beside the error has
// the new address and nothing was sent (class Retry).
func (l *line) Send(ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
	to, refused := aim(m)
	if refused != nil {
		return channel.Receipt{}, refused
	}
	if refused := l.connector.refuse(m); refused != nil {
		return channel.Receipt{}, refused
	}
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, sendTime)
		defer cancel()
	}
	var sent struct {
		ID int64 `json:"message_id"`
	}
	err := l.dispatch(ctx, m, to, &sent)
	var failed *callError
	if errors.As(err, &failed) && failed.accepted {
		err = nil // "ok" was read: sent, under an id that was not
	}
	if err != nil {
		return l.outcome(m.Address, err)
	}
	receipt := channel.Receipt{}
	if sent.ID != 0 {
		receipt.ProviderID = strconv.FormatInt(sent.ID, 10)
	}
	return receipt, nil
}

func aim(m channel.Outbound) (target, *channel.SendError) {
	id, err := strconv.ParseInt(m.Address, 10, 64)
	if err != nil {
		return target{}, permanent("telegram_chat_not_found", errors.New("address is no chat id"))
	}
	t := target{ChatID: id}
	if reply, err := strconv.ParseInt(m.ReplyTo, 10, 64); err == nil && reply > 0 {
		t.Reply = &replyParameters{MessageID: reply, AllowSendingWithoutReply: true}
	}
	return t, nil
}

// refuse checks what Telegram would refuse, before anything is sent.
func (c *Connector) refuse(m channel.Outbound) *channel.SendError {
	caps := c.Capabilities()
	most := caps.CaptionMax
	if m.Kind == switchboard.KindText {
		most = caps.TextMax
		if strings.TrimSpace(m.Text) == "" {
			return permanent("text_empty", nil)
		}
	}
	if caps.TextLength(m.Text) > most {
		return permanent("text_too_long", fmt.Errorf("more than %d units", most))
	}
	if _, upload := uploads[m.Kind]; !upload {
		return nil
	}
	if len(m.Content.Media) != 1 || m.Open == nil {
		return permanent("media_missing", fmt.Errorf("%d attachments", len(m.Content.Media)))
	}
	if m.Content.Media[0].Size > caps.Media[m.Kind] {
		return permanent("media_too_large", fmt.Errorf("more than %d bytes", caps.Media[m.Kind]))
	}
	return nil
}

func permanent(reason string, err error) *channel.SendError {
	return &channel.SendError{Class: channel.Permanent, Reason: reason, Err: err}
}

func (l *line) dispatch(ctx context.Context, m channel.Outbound, to target, sent any) error {
	if _, upload := uploads[m.Kind]; upload {
		return l.upload(ctx, m, to, sent)
	}
	switch place, card := m.Content.Location, m.Content.Contact; {
	case m.Kind == switchboard.KindText:
		return l.api.call(ctx, "sendMessage", sendMessage{target: to, Text: m.Text}, sent)
	case m.Kind == switchboard.KindLocation && place != nil:
		point := sendLocation{target: to, Latitude: place.Latitude, Longitude: place.Longitude}
		if place.Title != "" && place.Address != "" {
			return l.api.call(ctx, "sendVenue", sendVenue{sendLocation: point, Title: place.Title, Address: place.Address}, sent)
		}
		return l.api.call(ctx, "sendLocation", point, sent)
	case m.Kind == switchboard.KindContact && card != nil && card.Phone != "" && card.Name != "":
		return l.api.call(ctx, "sendContact", sendContact{target: to, PhoneNumber: card.Phone, FirstName: card.Name}, sent)
	}
	return permanent("kind_not_supported", fmt.Errorf("kind %s", m.Kind))
}

// mediaError is a failure of our own file: the request was given up before its end,
// so Telegram cannot have sent it.
type mediaError struct {
	tooLarge bool
	err      error
}

func (e *mediaError) Error() string { return "read media: " + e.err.Error() }
func (e *mediaError) Unwrap() error { return e.err }

// upload streams the attachment as multipart/form-data.
func (l *line) upload(ctx context.Context, m channel.Outbound, to target, sent any) error {
	file, err := m.Open(ctx, m.Content.Media[0].ID)
	if err != nil {
		return &mediaError{err: err}
	}
	defer file.Close() //nolint:errcheck // read only
	body, w := io.Pipe()
	defer body.Close() //nolint:errcheck // ends the writer when the request is given up
	form := multipart.NewWriter(w)
	written := make(chan error, 1)
	go func() {
		err := writeForm(form, m, to, &cappedReader{from: file, left: l.connector.Capabilities().Media[m.Kind]})
		_ = w.CloseWithError(err)
		written <- err
	}()
	raw, err := l.api.post(ctx, uploads[m.Kind].method, form.FormDataContentType(), body)
	_ = body.Close()
	if ours := mediaFailure(ctx, written); ours != nil {
		return ours
	}
	if err != nil {
		return err
	}
	return readResult(uploads[m.Kind].method, raw, sent)
}

// mediaFailure gives the writer's own failure. A writer that hangs in the file is not
// waited for when time is up; closing the file ends it.
func mediaFailure(ctx context.Context, written <-chan error) error {
	var ours *mediaError
	select {
	case err := <-written:
		if errors.As(err, &ours) {
			return ours
		}
	case <-ctx.Done():
	}
	return nil
}

func writeForm(form *multipart.Writer, m channel.Outbound, to target, file io.Reader) error {
	fields := [][2]string{{"chat_id", strconv.FormatInt(to.ChatID, 10)}}
	if to.Reply != nil {
		fields = append(fields, [2]string{"reply_parameters", to.Reply.json()})
	}
	if m.Text != "" && m.Kind != switchboard.KindSticker {
		fields = append(fields, [2]string{"caption", m.Text})
	}
	for _, f := range fields {
		if err := form.WriteField(f[0], f[1]); err != nil {
			return fmt.Errorf("write field: %w", err)
		}
	}
	media := m.Content.Media[0]
	part, err := form.CreatePart(partHeader(uploads[m.Kind].field, media))
	if err != nil {
		return fmt.Errorf("write part: %w", err)
	}
	if _, err := io.Copy(part, file); err != nil {
		return fmt.Errorf("write file: %w", err)
	}
	if err := form.Close(); err != nil {
		return fmt.Errorf("end form: %w", err)
	}
	return nil
}

func partHeader(field string, media switchboard.Attachment) textproto.MIMEHeader {
	name := strings.NewReplacer("\\", "_", `"`, "_", "\r", "_", "\n", "_").Replace(fileName(media.Name))
	if name == "" {
		name = field
	}
	mime := media.MIME
	if mime == "" || strings.ContainsAny(mime, "\r\n") {
		mime = "application/octet-stream"
	}
	return textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="` + field + `"; filename="` + name + `"`},
		"Content-Type":        {mime},
	}
}

// cappedReader gives a *mediaError for every failure and past its limit.
type cappedReader struct {
	from io.Reader
	left int64
}

func (r *cappedReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, &mediaError{tooLarge: true, err: errors.New("file is over the limit")}
	}
	if err != nil && err != io.EOF {
		return n, &mediaError{err: err}
	}
	return n, err
}

// outcome classes a failed send. The reasons are in the package comment.
func (l *line) outcome(address string, err error) (channel.Receipt, error) {
	var failed *callError
	var done *channel.SendError
	var media *mediaError
	switch {
	case errors.As(err, &done):
		return channel.Receipt{}, done
	case errors.As(err, &media):
		return channel.Receipt{}, media.outcome()
	case !errors.As(err, &failed):
		return channel.Receipt{}, &channel.SendError{Class: channel.Unknown, Reason: "send_unknown", Err: err}
	case failed.refusal != nil:
		return l.refusal(address, failed)
	}
	class, reason := channel.Retry, "send_retry"
	switch {
	case failed.status == 0 && failed.left, failed.status/100 == 2, failed.status >= 500 && failed.status != http.StatusServiceUnavailable:
		class, reason = channel.Unknown, "send_unknown"
	case failed.status == http.StatusRequestEntityTooLarge:
		class, reason = channel.Permanent, "media_too_large"
	case failed.status == http.StatusTooManyRequests:
		return channel.Receipt{}, l.throttled(address, 0, failed)
	}
	return channel.Receipt{}, &channel.SendError{Class: class, Reason: reason, Err: failed}
}

func (e *mediaError) outcome() *channel.SendError {
	if e.tooLarge {
		return permanent("media_too_large", e)
	}
	return &channel.SendError{Class: channel.Retry, Reason: "media_unreadable", Err: e}
}

// refusal classes the API's own "no".
func (l *line) refusal(address string, failed *callError) (channel.Receipt, error) {
	answer := func(class channel.Class, reason string) (channel.Receipt, error) {
		return channel.Receipt{}, &channel.SendError{Class: class, Reason: reason, Err: failed}
	}
	description := strings.ToLower(failed.refusal.Description)
	switch code := failed.refusal.ErrorCode; {
	case code == http.StatusTooManyRequests:
		return channel.Receipt{}, l.throttled(address, failed.refusal.Parameters.RetryAfter, failed)
	case failed.refusal.Parameters.MigrateToChatID != 0:
		moved := strconv.FormatInt(failed.refusal.Parameters.MigrateToChatID, 10)
		_, err := answer(channel.Retry, "telegram_chat_moved")
		return channel.Receipt{Address: moved}, err
	case code == http.StatusUnauthorized, code == http.StatusNotFound:
		return answer(channel.Auth, "telegram_token_refused")
	case code == http.StatusForbidden:
		return answer(channel.PeerGone, forbidden(description))
	case code == http.StatusRequestEntityTooLarge, code == http.StatusBadRequest && strings.Contains(description, "too big"):
		return answer(channel.Permanent, "media_too_large")
	case code == http.StatusBadRequest && strings.Contains(description, "chat not found"):
		return answer(channel.Permanent, "telegram_chat_not_found")
	case code == http.StatusConflict:
		return answer(channel.Retry, "send_retry")
	case code >= 500 && handedOn(code, description):
		return answer(channel.Unknown, "send_unknown")
	case code >= 500:
		return answer(channel.Retry, "send_retry")
	}
	return answer(channel.Permanent, "telegram_rejected")
}

func forbidden(description string) string {
	switch {
	case strings.Contains(description, "deactivated"):
		return "telegram_user_deleted"
	case strings.Contains(description, "initiate conversation"):
		return "telegram_user_never_wrote"
	}
	return "telegram_user_blocked_bot"
}

// handedOn: the server that answers had given the message to another, or was closing
// while messages were on their way, and does not know the end.
func handedOn(code int, description string) bool {
	return code == http.StatusBadGateway || code == http.StatusGatewayTimeout ||
		strings.Contains(description, "restart") || strings.Contains(description, "closing") ||
		strings.Contains(description, "aborted") || strings.Contains(description, "timeout")
}

// flood remembers whom Telegram throttled last: it does not say whether one chat or
// the whole bot is too fast. Two chats at once mean the bot.
type flood struct {
	mu      sync.Mutex
	address string
	until   time.Time
}

func (f *flood) scope(address string, now time.Time, after time.Duration) channel.Scope {
	f.mu.Lock()
	defer f.mu.Unlock()
	scope := channel.ScopePeer
	if now.Before(f.until) && f.address != address {
		scope = channel.ScopeLine
	}
	f.address, f.until = address, now.Add(after)
	return scope
}

func (l *line) throttled(address string, seconds int64, cause error) *channel.SendError {
	after := defaultAfter
	if seconds > 0 {
		after = min(time.Duration(min(seconds, int64(maxAfter/time.Second)))*time.Second, maxAfter)
	}
	return &channel.SendError{
		Class: channel.Throttled, After: after, Scope: l.flood.scope(address, l.connector.options.Now(), after),
		Reason: "send_throttled", Err: cause,
	}
}
