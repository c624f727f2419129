package safehttp

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// BlockedAddressError says that a call to an address inside the operator's
// network was refused before anything was sent.
type BlockedAddressError struct {
	Host    string     // as the URL named it
	Address netip.Addr // what it resolved to
}

// Error names the host and what the operator can do.
func (e *BlockedAddressError) Error() string {
	return fmt.Sprintf("%s is at %s, inside a private or reserved network: only the operator can allow that, in SWITCHBOARD_ALLOW_PRIVATE", e.Host, e.Address)
}

// blocked are ranges that are public by their form but not by their use.
var blocked = prefixes(
	"0.0.0.0/8",        // this network
	"100.64.0.0/10",    // carrier-grade NAT; Alibaba metadata
	"168.63.129.16/32", // Azure metadata
	"192.0.0.0/24",     // protocol assignments; Oracle metadata
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"240.0.0.0/4",      // reserved, broadcast
	"2001::/23",        // protocol assignments, Teredo
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4: holds any IPv4 address
	"3fff::/20",        // documentation
)

var (
	globalUnicast6 = netip.MustParsePrefix("2000::/3")
	nat64          = netip.MustParsePrefix("64:ff9b::/96")
)

func prefixes(texts ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

// IsPublic tells whether an address belongs to the open internet.
func IsPublic(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if nat64.Contains(address) {
		raw := address.As16()
		address = netip.AddrFrom4([4]byte(raw[12:]))
	}
	switch {
	case !address.IsValid(), !address.IsGlobalUnicast(), address.IsPrivate():
		return false
	case address.Is6() && !globalUnicast6.Contains(address):
		return false
	}
	return !containsAny(blocked, address)
}

func containsAny(list []netip.Prefix, address netip.Addr) bool {
	for _, prefix := range list {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// Allowed is the operator's list of places that may be called although they
// are not public. Its zero value allows nothing.
type Allowed struct {
	ranges []netip.Prefix
	hosts  map[string]bool // "name" or "name:port", lower case
}

// ParseAllowed reads entries of these forms: a host name ("crm.local"), a host
// and port ("crm.local:8080", "[::1]:8080"), an address, a range ("10.1.0.0/16").
func ParseAllowed(entries []string) (Allowed, error) {
	allowed := Allowed{hosts: map[string]bool{}}
	for _, entry := range entries {
		entry = strings.ToLower(strings.TrimSpace(entry))
		if entry == "" {
			continue
		}
		if prefix, ok := parseRange(entry); ok {
			allowed.ranges = append(allowed.ranges, prefix)
			continue
		}
		if !isHost(entry) {
			return Allowed{}, fmt.Errorf("%q is neither a host, nor an address, nor a range like 10.1.0.0/16", entry)
		}
		allowed.hosts[entry] = true
	}
	return allowed, nil
}

func parseRange(entry string) (netip.Prefix, bool) {
	if prefix, err := netip.ParsePrefix(entry); err == nil {
		return prefix.Masked(), true
	}
	if address, err := netip.ParseAddr(entry); err == nil {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), true
	}
	return netip.Prefix{}, false
}

func isHost(entry string) bool {
	host := entry
	if name, port, err := net.SplitHostPort(entry); err == nil {
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return false
		}
		host = name
	}
	return host != "" && !strings.ContainsAny(host, "/ @?#*%")
}

// host tells whether the operator listed the host itself.
func (a Allowed) host(name, port string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return a.hosts[name] || a.hosts[net.JoinHostPort(name, port)]
}

func (a Allowed) address(address netip.Addr) bool {
	return IsPublic(address) || containsAny(a.ranges, address.Unmap().WithZone(""))
}
