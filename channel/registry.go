package channel

import (
	"fmt"

	"switchboard"
)

// Registry holds one connector per transport; cmd fills it once at start.
type Registry struct {
	connectors map[switchboard.Transport]Connector
}

// NewRegistry registers the connectors; two of one transport are a programming error.
func NewRegistry(connectors ...Connector) *Registry {
	r := &Registry{connectors: map[switchboard.Transport]Connector{}}
	for _, c := range connectors {
		if _, twice := r.connectors[c.Transport()]; twice {
			panic("transport registered twice: " + string(c.Transport()))
		}
		r.connectors[c.Transport()] = c
	}
	return r
}

// Connector gives the connector of a transport.
func (r *Registry) Connector(t switchboard.Transport) (Connector, error) {
	c, ok := r.connectors[t]
	if !ok {
		return nil, switchboard.Errorf(switchboard.CodeInvalid, "unknown_transport", "transport %q", t)
	}
	return c, nil
}

// Open makes a line of the channel.
func (r *Registry) Open(ch switchboard.Channel) (Line, error) {
	c, err := r.Connector(ch.Transport)
	if err != nil {
		return nil, err
	}
	line, err := c.Open(ch)
	if err != nil {
		return nil, fmt.Errorf("open channel %s: %w", ch.ID, err)
	}
	return line, nil
}

// Transports lists what is registered.
func (r *Registry) Transports() []switchboard.Transport {
	var all []switchboard.Transport
	for t := range r.connectors {
		all = append(all, t)
	}
	return all
}
