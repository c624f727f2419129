// Package safehttp makes the only HTTP clients that call out of the house.
//
// Purpose: an address that came from outside (a webhook's, a file's, a CRM's)
// never makes the server call an address inside the operator's network (P12).
//
// Guarantees:
//   - the address that is really dialled is checked, after name resolution and
//     for every connection, so neither redirects nor a name that resolves
//     differently the second time (DNS rebinding) get around the check;
//   - loopback, private, link-local, carrier-grade NAT, cloud metadata,
//     multicast and reserved ranges are refused, IPv4 and IPv6, also IPv4
//     wrapped in IPv6; what the operator lists in Options.Allow is let through;
//   - time, redirects, header and body size are bounded; the body's bound
//     counts bytes after decompression;
//   - proxies from the environment are ignored; Options.Proxy is the only way.
//
// A refused address is a *BlockedAddressError, a body over its bound a
// *BodyTooLargeError, found with errors.As through http.Client's errors.
//
// May import: the standard library.
package safehttp
