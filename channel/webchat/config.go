package webchat

import (
	"encoding/json"
	"net/url"
	"strings"

	"switchboard"
)

// maxOrigins bounds a channel's list.
const maxOrigins = 100

// Config is a channel's configuration as stored.
type Config struct {
	// Origins that may use the channel, such as "https://shop.example"; empty: any.
	Origins []string `json:"origins"`
}

func readConfig(raw []byte) (Config, error) {
	var c Config
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &c); err != nil {
			return c, &switchboard.Error{Code: switchboard.CodeInvalid, Message: "channel_config_unreadable", Field: "config", Err: err}
		}
	}
	return c, nil
}

// normal gives an origin as browsers write it, or false when it is none.
func normal(origin string) (string, bool) {
	u, err := url.Parse(strings.TrimSuffix(strings.TrimSpace(origin), "/"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return "", false
	}
	if u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.Contains(u.Host, "*") {
		return "", false
	}
	host := strings.ToLower(u.Host)
	switch {
	case u.Scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	default:
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host, true
}
