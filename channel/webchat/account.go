package webchat

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"switchboard"
	"switchboard/channel"
)

// Check brings the origins into the form in which browsers send them.
func (*Connector) Check(_ context.Context, in channel.Setup) (channel.Setup, error) {
	c, err := readConfig(in.Config)
	if err != nil {
		return in, err
	}
	if len(c.Origins) > maxOrigins {
		return in, switchboard.Invalid("origins", "webchat_too_many_origins")
	}
	origins := []string{}
	for _, o := range c.Origins {
		origin, ok := normal(o)
		if !ok {
			return in, &switchboard.Error{
				Code: switchboard.CodeInvalid, Message: "webchat_origin_malformed", Field: "origins",
				Params: map[string]string{"origin": o},
			}
		}
		if !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
	}
	if in.Config, err = json.Marshal(Config{Origins: origins}); err != nil {
		return in, fmt.Errorf("encode configuration: %w", err)
	}
	in.Secrets = []byte(`{}`)
	return in, nil
}
