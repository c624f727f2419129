package config

import (
	"net/http"
	"net/netip"
	"strings"
)

const maxForwardedHops = 32

// TrustedProxies are the networks of the operator's own proxies.
type TrustedProxies []netip.Prefix

func (c *checker) proxies(entries []string) TrustedProxies {
	var trusted TrustedProxies
	for _, entry := range entries {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(entry)
		if address, addressErr := netip.ParseAddr(entry); addressErr == nil {
			prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		switch {
		case err != nil:
			c.addf("SWITCHBOARD_TRUSTED_PROXIES: %q is neither an address nor a network like 10.0.0.0/8.", entry)
		case prefix.Bits() == 0:
			c.addf("SWITCHBOARD_TRUSTED_PROXIES: %s would believe everybody; name your proxies.", entry)
		default:
			trusted = append(trusted, prefix.Masked())
		}
	}
	return trusted
}

// ClientAddress is who called: the connection's other end or, where that is a
// trusted proxy, the nearest hop of X-Forwarded-For that is not. What a caller
// writes into the header himself stands further left and is never reached.
// An entry that is no address ends the search at the hop before it. The result
// is invalid only if remoteAddr is no address ("IP:port").
func (t TrustedProxies) ClientAddress(remoteAddr string, header http.Header) netip.Addr {
	hop := parseHop(remoteAddr)
	entries := strings.Split(strings.Join(header.Values("X-Forwarded-For"), ","), ",")
	for i := len(entries) - 1; i >= 0 && len(entries)-i <= maxForwardedHops; i-- {
		if !t.trusts(hop) {
			return hop
		}
		next := parseHop(strings.TrimSpace(entries[i]))
		if !next.IsValid() {
			return hop
		}
		hop = next
	}
	return hop
}

func (t TrustedProxies) trusts(address netip.Addr) bool {
	for _, prefix := range t {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// parseHop reads "IP" and "IP:port", some proxies write the latter.
func parseHop(text string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}
