package config

import (
	"net/netip"
	"strings"
)

func (c *checker) tls(s Server) TLS {
	mode := TLSMode(s.TLS)
	switch mode {
	case TLSAuto, TLSOff:
		if s.TLSCert != "" || s.TLSKey != "" {
			c.addf("SWITCHBOARD_TLS_CERT and SWITCHBOARD_TLS_KEY need SWITCHBOARD_TLS=files.")
		}
	case TLSFiles:
		if s.TLSCert == "" || s.TLSKey == "" {
			c.addf("SWITCHBOARD_TLS=files needs SWITCHBOARD_TLS_CERT and SWITCHBOARD_TLS_KEY.")
		}
	default:
		c.addf("SWITCHBOARD_TLS must be auto, files or off, not %q.", s.TLS)
	}
	return TLS{Mode: mode, CertFile: s.TLSCert, KeyFile: s.TLSKey}
}

// encryption checks that the TLS mode and the public URL tell the same story,
// and that plain HTTP for others is meant.
func (c *checker) encryption(s Server, checked Settings) {
	public := checked.PublicURL
	if public == nil {
		if checked.TLS.Mode == TLSAuto || checked.TLS.Mode == TLSFiles {
			c.addf("SWITCHBOARD_TLS=%s needs SWITCHBOARD_PUBLIC_URL, the https address people open.", checked.TLS.Mode)
		}
		return
	}
	switch {
	case public.Scheme == "http" && checked.TLS.Mode != TLSOff:
		c.addf("SWITCHBOARD_TLS=%s encrypts, but SWITCHBOARD_PUBLIC_URL begins with http://: write https://.", checked.TLS.Mode)
	case public.Scheme == "http" && !isLoopback(public.Hostname()) && !s.AllowPlainHTTP:
		c.addf("%s would show clients' messages and passwords to the network: use https, or set SWITCHBOARD_ALLOW_PLAIN_HTTP=true if that is meant.", public)
	case checked.TLS.Mode == TLSAuto && !hasPublicName(public.Hostname()):
		c.addf("SWITCHBOARD_TLS=auto gets certificates for public host names, and %s is none.", public.Hostname())
	}
}

func hasPublicName(host string) bool {
	_, err := netip.ParseAddr(host)
	return err != nil && !isLoopback(host) && strings.Contains(strings.Trim(host, "."), ".")
}
