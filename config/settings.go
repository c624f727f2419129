package config

import (
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"switchboard/safehttp"
	"switchboard/secret"
)

// Settings are an installation's checked settings.
type Settings struct {
	Database       Database
	DataDir        string
	SecretKeyFile  string
	Listen         string
	PublicURL      *url.URL // nil: the loopback address that was listened on, see PublicURLAt
	TLS            TLS
	TrustedProxies TrustedProxies
	Allow          safehttp.Allowed // the operator's list, with the base URLs' own hosts
	HubSpotURL     string           // without a slash at the end
	TelegramURL    string           // without a slash at the end
	LogLevel       slog.Level
}

// Engine is the kind of database.
type Engine string

// The engines.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Database says where the data is kept.
type Database struct {
	Engine Engine
	Path   string        // of the SQLite file
	URL    secret.String // of PostgreSQL: it may hold a password
}

// TLSMode is who encrypts.
type TLSMode string

// The modes.
const (
	TLSAuto  TLSMode = "auto"  // certificates are fetched for the public URL's name
	TLSFiles TLSMode = "files" // the operator's certificate
	TLSOff   TLSMode = "off"   // a proxy in front, or loopback
)

// TLS holds the mode and its files.
type TLS struct {
	Mode     TLSMode
	CertFile string
	KeyFile  string
}

// MediaDir is where files of chats are kept.
func (s Settings) MediaDir() string { return filepath.Join(s.DataDir, "media") }

// CertificateDir is where fetched certificates are kept.
func (s Settings) CertificateDir() string { return filepath.Join(s.DataDir, "certificates") }

// PublicURLAt gives the public URL, which without a setting is the listening address.
func (s Settings) PublicURLAt(listening net.Addr) *url.URL {
	if s.PublicURL != nil {
		return s.PublicURL
	}
	return &url.URL{Scheme: "http", Host: listening.String()}
}

// Mistakes are everything that is wrong with the settings, one sentence each.
type Mistakes []string

// Error gives a line for each.
func (m Mistakes) Error() string { return strings.Join(m, "\n") }
