package safehttp

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
)

// BodyTooLargeError says that a response was cut off at its bound.
type BodyTooLargeError struct{ MaxBytes int64 }

// Error names the bound.
func (e *BodyTooLargeError) Error() string {
	return fmt.Sprintf("the response is larger than %d bytes", e.MaxBytes)
}

// bounded refuses what the dialer cannot see and bounds response bodies.
type bounded struct {
	next     http.RoundTripper
	allow    Allowed
	maxBytes int64
}

// RoundTrip makes one call; redirects come here again.
func (b *bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := b.refuse(request); err != nil {
		closeBody(request)
		return nil, err
	}
	response, err := b.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.ContentLength > b.maxBytes && request.Method != http.MethodHead {
		_ = response.Body.Close()
		return nil, &BodyTooLargeError{MaxBytes: b.maxBytes}
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: b.maxBytes, maxBytes: b.maxBytes}
	return response, nil
}

// refuse checks the scheme, and addresses written as numbers, which a proxy
// would otherwise dial unseen.
func (b *bounded) refuse(request *http.Request) error {
	if scheme := request.URL.Scheme; scheme != "http" && scheme != "https" {
		return fmt.Errorf("scheme %q: only http and https are called", scheme)
	}
	host := request.URL.Hostname()
	address, err := netip.ParseAddr(host)
	if err == nil && !b.allow.address(address) && !b.allow.host(host, request.URL.Port()) {
		return &BlockedAddressError{Host: host, Address: address}
	}
	return nil
}

func closeBody(request *http.Request) {
	if request.Body != nil {
		_ = request.Body.Close()
	}
}

// boundedBody gives an error, not an early end, where the bound is passed: a
// cut file must not look like a whole one.
type boundedBody struct {
	io.ReadCloser
	left     int64
	maxBytes int64
}

// Read reads one byte past the bound to tell "just fits" from "too large".
func (b *boundedBody) Read(into []byte) (int, error) {
	if b.left < 0 {
		return 0, &BodyTooLargeError{MaxBytes: b.maxBytes}
	}
	if int64(len(into)) > b.left+1 {
		into = into[:b.left+1]
	}
	n, err := b.ReadCloser.Read(into)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, &BodyTooLargeError{MaxBytes: b.maxBytes}
	}
	return n, err
}
