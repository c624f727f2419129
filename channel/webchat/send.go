package webchat

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"switchboard"
	"switchboard/channel"
)

type line struct {
	outbox  Outbox
	channel switchboard.Channel
	caps    channel.Capabilities
}

// Send adds the message to the visitor's view; repeated, it changes nothing. The
// provider id is the message's own.
func (l *line) Send(ctx context.Context, m channel.Outbound) (channel.Receipt, error) {
	if refused := l.refuse(m); refused != nil {
		return channel.Receipt{}, refused
	}
	_, err := l.outbox.AppendView(ctx, l.channel, m.Address, m.Chat, m.ID)
	switch {
	case switchboard.CodeOf(err) == switchboard.CodeNotFound:
		return channel.Receipt{}, permanent("webchat_session_gone", err)
	case err != nil: // nothing was added
		return channel.Receipt{}, &channel.SendError{Class: channel.Retry, Reason: "send_retry", Err: err}
	}
	return channel.Receipt{ProviderID: string(m.ID)}, nil
}

func (l *line) refuse(m channel.Outbound) *channel.SendError {
	switch {
	case !switchboard.IsUUID(m.Address):
		return permanent("webchat_session_gone", errors.New("address is no session"))
	case m.Kind != switchboard.KindText:
		return permanent("kind_not_supported", fmt.Errorf("kind %s", m.Kind))
	case strings.TrimSpace(m.Text) == "":
		return permanent("text_empty", nil)
	case l.caps.TextLength(m.Text) > l.caps.TextMax:
		return permanent("text_too_long", fmt.Errorf("more than %d characters", l.caps.TextMax))
	}
	return nil
}

func permanent(reason string, err error) *channel.SendError {
	return &channel.SendError{Class: channel.Permanent, Reason: reason, Err: err}
}
