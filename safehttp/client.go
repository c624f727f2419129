package safehttp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// The bounds of a client whose Options leave them 0.
const (
	DefaultTimeout      = 30 * time.Second
	DefaultMaxBodyBytes = 10 << 20
	DefaultMaxRedirects = 3
)

const (
	dialTimeout        = 10 * time.Second
	tlsTimeout         = 10 * time.Second
	idleTimeout        = 90 * time.Second
	maxHeaderBytes     = 256 << 10
	maxIdleConnections = 100
	maxIdlePerHost     = 16
)

// Options bound a client. Zero values mean the defaults above.
type Options struct {
	Allow        Allowed       // places that may be called although they are not public
	Timeout      time.Duration // whole call, body included
	MaxBodyBytes int64         // of a response, decompressed
	MaxRedirects int           // -1: the redirect itself is the answer
	Resolver     *net.Resolver // nil: the system's
	// Proxy is an HTTP proxy the operator chose, nil for none. A proxy resolves
	// names by itself: it must guard its own network; addresses written as
	// numbers are still checked here.
	Proxy *url.URL
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if o.MaxRedirects == 0 {
		o.MaxRedirects = DefaultMaxRedirects
	}
	return o
}

// New makes a client. It keeps connections: make one and share it.
func New(options Options) *http.Client {
	options = options.withDefaults()
	guard := &dialer{allow: options.Allow, resolver: options.Resolver}
	transport := &http.Transport{
		DialContext:            guard.dial,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    tlsTimeout,
		IdleConnTimeout:        idleTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxIdleConns:           maxIdleConnections,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	if options.Proxy != nil {
		transport.Proxy = http.ProxyURL(options.Proxy)
	}
	return &http.Client{
		Transport:     &bounded{next: transport, allow: options.Allow, maxBytes: options.MaxBodyBytes},
		CheckRedirect: redirectRule(options.MaxRedirects),
		Timeout:       options.Timeout,
	}
}

// ErrRedirect says why a redirect was not followed.
var ErrRedirect = errors.New("redirect not followed")

func redirectRule(limit int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, before []*http.Request) error {
		switch {
		case limit < 0:
			return http.ErrUseLastResponse
		case len(before) > limit:
			return fmt.Errorf("%w: more than %d", ErrRedirect, limit)
		case before[len(before)-1].URL.Scheme == "https" && next.URL.Scheme != "https":
			return fmt.Errorf("%w: it leads from https to %s", ErrRedirect, next.URL.Scheme)
		}
		return nil
	}
}

// dialer checks the address each connection is really made to.
type dialer struct {
	allow    Allowed
	resolver *net.Resolver
}

func (d *dialer) dial(ctx context.Context, network, hostPort string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	plain := net.Dialer{Timeout: dialTimeout, Resolver: d.resolver}
	if !d.allow.host(host, port) {
		plain.ControlContext = d.check(host)
	}
	return plain.DialContext(ctx, network, hostPort)
}

// check runs after resolution, right before the connection is made.
func (d *dialer) check(host string) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(resolved)
		if err != nil {
			return fmt.Errorf("check %q: %w", resolved, err)
		}
		if !d.allow.address(target.Addr()) {
			return &BlockedAddressError{Host: host, Address: target.Addr()}
		}
		return nil
	}
}
