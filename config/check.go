package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"switchboard/safehttp"
)

// Check types the settings. Its error is of type Mistakes.
func (s Server) Check() (Settings, error) {
	c := checker{}
	settings := Settings{
		Database:       c.database(s),
		DataDir:        c.dataDir(s.Data),
		SecretKeyFile:  s.SecretKeyFile,
		Listen:         c.listen("SWITCHBOARD_LISTEN", s.Listen),
		PublicURL:      c.publicURL(s),
		TLS:            c.tls(s),
		TrustedProxies: c.proxies(s.TrustedProxies),
		Allow:          c.allowed(s),
		HubSpotURL:     c.baseURL("SWITCHBOARD_HUBSPOT_URL", s.HubSpotURL, s.AllowPrivate),
		TelegramURL:    c.baseURL("SWITCHBOARD_TELEGRAM_URL", s.TelegramURL, s.AllowPrivate),
		LogLevel:       c.logLevel("SWITCHBOARD_LOG_LEVEL", s.LogLevel),
	}
	if settings.SecretKeyFile == "" {
		settings.SecretKeyFile = filepath.Join(s.Data, "secret.key")
	}
	c.encryption(s, settings)
	return settings, c.result()
}

// Check types the demo's settings. Its error is of type Mistakes.
func (d Demo) Check() (slog.Level, error) {
	c := checker{}
	c.listen("--listen", d.Listen)
	c.listen("--crm-listen", d.CRMListen)
	if d.Listen == d.CRMListen && !strings.HasSuffix(d.Listen, ":0") {
		c.addf("--listen and --crm-listen name the same address: the product and the CRM need one each.")
	}
	if d.Data == "" {
		c.addf("--data is empty: name a folder.")
	}
	level := c.logLevel("--log-level", d.LogLevel)
	return level, c.result()
}

type checker struct{ mistakes Mistakes }

func (c *checker) addf(format string, args ...any) {
	c.mistakes = append(c.mistakes, fmt.Sprintf(format, args...))
}

func (c *checker) result() error {
	if len(c.mistakes) == 0 {
		return nil
	}
	return c.mistakes
}

// database names no part of the value: it may hold a password.
func (c *checker) database(s Server) Database {
	given := s.Database.Reveal()
	scheme, rest, _ := strings.Cut(given, ":")
	switch scheme {
	case "":
		return Database{Engine: SQLite, Path: filepath.Join(s.Data, "switchboard.db")}
	case "sqlite":
		path := strings.TrimPrefix(rest, "//")
		if path == "" || strings.HasPrefix(path, ":memory:") || strings.ContainsAny(path, "?\x00") {
			c.addf("SWITCHBOARD_DATABASE: after sqlite: comes the path of a file, like sqlite:/var/lib/switchboard/switchboard.db.")
		}
		return Database{Engine: SQLite, Path: path}
	case "postgres", "postgresql":
		if parsed, err := url.Parse(given); err != nil {
			c.addf("SWITCHBOARD_DATABASE is not a URL; special characters in its password are written as %%XX.")
		} else if strings.Trim(parsed.Path, "/") == "" {
			c.addf("SWITCHBOARD_DATABASE names no database: it looks like postgres://USER:PASSWORD@HOST/DATABASE.")
		}
		return Database{Engine: Postgres, URL: s.Database}
	}
	c.addf("SWITCHBOARD_DATABASE must begin with sqlite: or postgres://.")
	return Database{}
}

func (c *checker) dataDir(dir string) string {
	if dir == "" {
		c.addf("SWITCHBOARD_DATA is empty: name a folder.")
	}
	return dir
}

func (c *checker) listen(name, address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		c.addf("%s must look like 127.0.0.1:8080 or :8080, not %q.", name, address)
		return address
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		c.addf("%s: the port must be a number from 0 to 65535, not %q.", name, port)
	}
	return address
}

func (c *checker) publicURL(s Server) *url.URL {
	if s.PublicURL == "" {
		if !isLoopback(hostOf(s.Listen)) {
			c.addf("SWITCHBOARD_PUBLIC_URL must say which address people open, like https://chat.example.com: %s can be reached by others.", s.Listen)
		}
		return nil
	}
	parsed, ok := c.httpURL("SWITCHBOARD_PUBLIC_URL", s.PublicURL)
	if ok && parsed.Path != "" {
		c.addf("SWITCHBOARD_PUBLIC_URL must not have a path: Switchboard needs a host of its own, not %s.", parsed.Path)
	}
	return parsed
}

// httpURL takes http and https URLs without user, query and fragment; a slash
// at the end is dropped.
func (c *checker) httpURL(name, text string) (*url.URL, bool) {
	parsed, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil || parsed.Hostname() == "" || (parsed.Scheme != "http" && parsed.Scheme != "https"):
		c.addf("%s must be a URL that begins with http:// or https://.", name)
	case parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		c.addf("%s must be a plain address, without user, ? and #.", name)
	default:
		return parsed, true
	}
	return nil, false
}

// baseURL sends tokens: unencrypted only inside the operator's own network.
func (c *checker) baseURL(name, text string, listed []string) string {
	parsed, ok := c.httpURL(name, text)
	if !ok {
		return ""
	}
	if parsed.Scheme == "http" && !isLoopback(parsed.Hostname()) && !contains(listed, parsed) {
		c.addf("%s would send tokens unencrypted to %s: use https, or list the host in SWITCHBOARD_ALLOW_PRIVATE.", name, parsed.Host)
	}
	return parsed.String()
}

func contains(listed []string, base *url.URL) bool {
	for _, entry := range listed {
		entry = strings.TrimSpace(entry)
		if strings.EqualFold(entry, base.Host) || strings.EqualFold(entry, base.Hostname()) {
			return true
		}
		prefix, prefixErr := netip.ParsePrefix(entry)
		address, addressErr := netip.ParseAddr(base.Hostname())
		if prefixErr == nil && addressErr == nil && prefix.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}

// allowed adds the base URLs: who set them chose to call them.
func (c *checker) allowed(s Server) safehttp.Allowed {
	entries := append([]string{}, s.AllowPrivate...)
	for _, base := range []string{s.HubSpotURL, s.TelegramURL} {
		if parsed, err := url.Parse(base); err == nil && parsed.Port() != "" {
			entries = append(entries, parsed.Host)
		}
	}
	allowed, err := safehttp.ParseAllowed(entries)
	if err != nil {
		c.addf("SWITCHBOARD_ALLOW_PRIVATE: %v.", err)
	}
	return allowed
}

func (c *checker) logLevel(name, text string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		c.addf("%s must be debug, info, warn or error, not %q.", name, text)
	}
	return level
}

func hostOf(hostPort string) string {
	host, _, _ := net.SplitHostPort(hostPort)
	return host
}

func isLoopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}
