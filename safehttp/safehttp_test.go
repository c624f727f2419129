package safehttp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"switchboard/safehttp"
)

// P12: the whole special-purpose space, IPv4 and IPv6, in every wrapping.
func TestTellsPublicFromInsideAddresses(t *testing.T) {
	t.Parallel()
	inside := []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.0.9",
		"168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
		"192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::7f00:1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
		"64:ff9b:1::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "100::1", "4000::1",
	}
	for _, text := range inside {
		if safehttp.IsPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s passes for a public address", text)
		}
	}
	for _, text := range []string{
		"1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "169.253.0.1", "192.167.0.1", "198.17.0.1",
		"::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111", "2a00:1450::1", "2001:4860:4860::8888",
	} {
		if !safehttp.IsPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s is public but refused", text)
		}
	}
	if safehttp.IsPublic(netip.Addr{}) {
		t.Error("no address at all passes for public")
	}
}

func TestNothingIsSentToAnInsideAddress(t *testing.T) {
	t.Parallel()
	server, calls := counting(t)
	port := server.Listener.Addr().(*net.TCPAddr).Port
	client := safehttp.New(safehttp.Options{})
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1", "0.0.0.0"} {
		target := url.URL{Scheme: "http", Host: host + ":" + portText(port), Path: "/"}
		_, err := client.Get(target.String())
		if err == nil {
			t.Errorf("%s was called", host)
		}
	}
	_, err := client.Get(server.URL)
	var refused *safehttp.BlockedAddressError
	if !errors.As(err, &refused) || refused.Host != "127.0.0.1" {
		t.Errorf("%v, want a BlockedAddressError for 127.0.0.1", err)
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls arrived", calls.Load())
	}
}

func TestCallsWhatTheOperatorListed(t *testing.T) {
	t.Parallel()
	server, _ := counting(t)
	hostPort := server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(hostPort)
	for entry, target := range map[string]string{
		"127.0.0.0/8":       server.URL,
		"127.0.0.1":         server.URL,
		hostPort:            server.URL,
		"Localhost":         "http://localhost:" + port,
		"localhost:" + port: "http://LOCALHOST:" + port,
	} {
		if err := get(client(t, safehttp.Options{}, entry), target); err != nil {
			t.Errorf("%s listed, %s refused: %v", entry, target, err)
		}
	}
	for entry, target := range map[string]string{
		"10.0.0.0/8":     server.URL,
		"127.0.0.1:1":    server.URL,
		"localhost":      server.URL, // the name is listed, the number is not
		"other.local":    "http://localhost:" + port,
		"localhost:9999": "http://localhost:" + port,
	} {
		var refused *safehttp.BlockedAddressError
		if err := get(client(t, safehttp.Options{}, entry), target); !errors.As(err, &refused) {
			t.Errorf("only %s listed, %s: %v, want it refused", entry, target, err)
		}
	}
}

func TestRefusesEntriesThatListNothing(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"http://crm.local", "10.0.0.0/33", "*.local", "a b", "user@host", ":80", "host:"} {
		if _, err := safehttp.ParseAllowed([]string{entry}); err == nil {
			t.Errorf("%q was taken", entry)
		}
	}
	if _, err := safehttp.ParseAllowed([]string{" crm.local ", "", "[::1]:8080", "fd00::/8"}); err != nil {
		t.Error(err)
	}
}

// S6: every hop of a redirect is checked like the first.
func TestRedirectInsideIsRefused(t *testing.T) {
	t.Parallel()
	inside, calls := counting(t)
	insidePort := inside.Listener.Addr().(*net.TCPAddr).Port
	outside := httptest.NewServer(http.RedirectHandler("http://[::ffff:127.0.0.1]:"+portText(insidePort), http.StatusFound))
	t.Cleanup(outside.Close)
	err := get(client(t, safehttp.Options{}, outside.Listener.Addr().String()), outside.URL)
	if _, is := errors.AsType[*safehttp.BlockedAddressError](err); !is {
		t.Errorf("%v, want a BlockedAddressError", err)
	}
	if calls.Load() != 0 {
		t.Error("the redirect was followed inside")
	}
}

func TestFollowsAFewRedirectsAndNoMore(t *testing.T) {
	t.Parallel()
	var hops atomic.Int32
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hops.Add(1)
		http.Redirect(w, r, server.URL+"/again", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(server.Close)
	err := get(client(t, safehttp.Options{MaxRedirects: 2}, "127.0.0.1"), server.URL)
	if !errors.Is(err, safehttp.ErrRedirect) || hops.Load() != 3 {
		t.Errorf("%v after %d calls, want ErrRedirect after 3", err, hops.Load())
	}
	response, err := client(t, safehttp.Options{MaxRedirects: -1}, "127.0.0.1").Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("status %d, want the redirect itself", response.StatusCode)
	}
}

func TestRedirectFromEncryptedToPlainIsRefused(t *testing.T) {
	t.Parallel()
	plain, calls := counting(t)
	encrypted := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	t.Cleanup(encrypted.Close)
	rule := safehttp.New(safehttp.Options{}).CheckRedirect
	trusting := encrypted.Client()
	trusting.CheckRedirect = rule
	if err := get(trusting, encrypted.URL); !errors.Is(err, safehttp.ErrRedirect) {
		t.Errorf("%v, want ErrRedirect", err)
	}
	if calls.Load() != 0 {
		t.Error("the plain server was called")
	}
}

// A name that is public when somebody looks and inside when it is dialled.
func TestNameThatTurnsInsideIsRefusedWhenDialled(t *testing.T) {
	t.Parallel()
	server, calls := counting(t)
	port := portText(server.Listener.Addr().(*net.TCPAddr).Port)
	names := newNames(t, func(asked int32) []netip.Addr {
		if asked == 1 {
			return []netip.Addr{netip.MustParseAddr("8.8.8.8")}
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	})
	before, err := names.resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.")
	if err != nil || !safehttp.IsPublic(before[0]) {
		t.Fatalf("first look-up: %v, %v", before, err)
	}
	var refused *safehttp.BlockedAddressError
	err = get(safehttp.New(safehttp.Options{Resolver: names.resolver}), "http://rebind.example.:"+port)
	if !errors.As(err, &refused) || refused.Address != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("%v, want a BlockedAddressError for 127.0.0.1", err)
	}
	if calls.Load() != 0 || names.asked.Load() < 2 {
		t.Errorf("%d calls arrived, %d look-ups", calls.Load(), names.asked.Load())
	}
}

func TestNameWithMixedAddressesNeverReachesTheInsideOne(t *testing.T) {
	t.Parallel()
	server, calls := counting(t)
	port := portText(server.Listener.Addr().(*net.TCPAddr).Port)
	names := newNames(t, func(int32) []netip.Addr {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("10.0.0.1")}
	})
	err := get(safehttp.New(safehttp.Options{Resolver: names.resolver}), "http://mixed.example.:"+port)
	var refused *safehttp.BlockedAddressError
	if !errors.As(err, &refused) || calls.Load() != 0 {
		t.Errorf("%v, %d calls arrived", err, calls.Load())
	}
}

func TestBodyOverTheBoundIsAnErrorNotAShortFile(t *testing.T) {
	t.Parallel()
	const bound = 1000
	var packed bytes.Buffer
	zipper := gzip.NewWriter(&packed)
	_, _ = zipper.Write(make([]byte, 1<<20))
	_ = zipper.Close()
	for name, answer := range map[string]struct {
		write func(http.ResponseWriter)
		fits  bool
	}{
		"just fits":           {func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, bound)) }, true},
		"announced too large": {func(w http.ResponseWriter) { _, _ = w.Write(make([]byte, bound+1)) }, false},
		"streamed": {func(w http.ResponseWriter) {
			for range 3 {
				_, _ = w.Write(make([]byte, bound/2))
				w.(http.Flusher).Flush()
			}
		}, false},
		"decompressed": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes()[:min(packed.Len(), bound*2)])
		}, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer.write(w) }))
		t.Cleanup(server.Close)
		err := get(client(t, safehttp.Options{MaxBodyBytes: bound}, "127.0.0.1"), server.URL)
		var large *safehttp.BodyTooLargeError
		if answer.fits && err != nil || !answer.fits && !errors.As(err, &large) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSlowAnswerEndsAtTheTimeLimit(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	err := get(client(t, safehttp.Options{Timeout: 50 * time.Millisecond}, "127.0.0.1"), server.URL)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v, want a time-out", err)
	}
}

func TestOtherSchemesAreRefused(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"file:///etc/passwd", "ftp://8.8.8.8/", "gopher://8.8.8.8/"} {
		if err := get(safehttp.New(safehttp.Options{}), target); err == nil {
			t.Errorf("%s was called", target)
		}
	}
}

func TestProxyIsUsedOnlyWhenChosen(t *testing.T) {
	proxy, proxied := counting(t)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	target, direct := counting(t)
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := get(client(t, safehttp.Options{}, "127.0.0.1"), target.URL); err != nil {
		t.Fatal(err)
	}
	if proxied.Load() != 0 || direct.Load() != 1 {
		t.Error("a proxy from the environment was used")
	}
	through := client(t, safehttp.Options{Proxy: proxyURL}, proxyURL.Host)
	if err := get(through, "http://crm.example/"); err != nil || proxied.Load() != 1 {
		t.Errorf("the chosen proxy was not used: %v", err)
	}
	var refused *safehttp.BlockedAddressError
	if err := get(through, "http://10.0.0.1/"); !errors.As(err, &refused) {
		t.Errorf("%v: the proxy was asked for an inside address", err)
	}
}

func counting(t *testing.T) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, "here")
	}))
	t.Cleanup(server.Close)
	return server, &calls
}

func client(t *testing.T, options safehttp.Options, allow ...string) *http.Client {
	t.Helper()
	allowed, err := safehttp.ParseAllowed(allow)
	if err != nil {
		t.Fatal(err)
	}
	options.Allow = allowed
	return safehttp.New(options)
}

func get(client *http.Client, target string) error {
	response, err := client.Get(target)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return errors.Join(err, response.Body.Close())
}

// names is a resolver whose answers the test decides: a DNS server on a pipe.
type names struct {
	resolver *net.Resolver
	asked    atomic.Int32 // A questions
}

func newNames(t *testing.T, answer func(asked int32) []netip.Addr) *names {
	t.Helper()
	made := &names{}
	made.resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go made.serve(ours, answer)
		return theirs, nil
	}}
	return made
}

// serve answers over a stream: each message follows its length in two bytes.
func (n *names) serve(conn net.Conn, answer func(int32) []netip.Addr) {
	defer func() { _ = conn.Close() }()
	for {
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		question := make([]byte, int(size[0])<<8|int(size[1]))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		var message dnsmessage.Message
		if err := message.Unpack(question); err != nil {
			return
		}
		message.Response, message.Additionals = true, nil
		if message.Questions[0].Type == dnsmessage.TypeA {
			for _, address := range answer(n.asked.Add(1)) {
				message.Answers = append(message.Answers, dnsmessage.Resource{
					Header: dnsmessage.ResourceHeader{Name: message.Questions[0].Name, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: address.As4()},
				})
			}
		}
		packed, err := message.Pack()
		if err != nil {
			return
		}
		if _, err := conn.Write(append([]byte{byte(len(packed) >> 8), byte(len(packed))}, packed...)); err != nil {
			return
		}
	}
}

func portText(port int) string {
	_, text, _ := net.SplitHostPort((&net.TCPAddr{IP: net.IPv4zero, Port: port}).String())
	return strings.TrimSpace(text)
}
