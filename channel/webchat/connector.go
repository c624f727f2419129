package webchat

import (
	"fmt"

	"switchboard"
	"switchboard/channel"
)

var (
	_ channel.Connector = (*Connector)(nil)
	_ channel.Line      = (*line)(nil)
)

// Connector is the site chat as a transport.
type Connector struct{ outbox Outbox }

// New makes the connector.
func New(outbox Outbox) *Connector { return &Connector{outbox: outbox} }

// Transport is webchat.
func (*Connector) Transport() switchboard.Transport { return switchboard.Webchat }

// Open makes a line of the channel.
func (c *Connector) Open(ch switchboard.Channel) (channel.Line, error) {
	if _, err := readConfig(ch.Config); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return &line{outbox: c.outbox, channel: ch, caps: c.Capabilities()}, nil
}
