package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"switchboard/config"
)

// serve runs the product until ctx ends.
func serve(ctx context.Context, s config.Settings) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		return mistake{fmt.Errorf("listen on %s: %w", s.Listen, err)}
	}
	defer listener.Close()
	db, err := openStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	a, err := newApplication(s, s.PublicURLAt(listener.Addr()), db)
	if err != nil {
		return err
	}
	if err := a.offerSetUp(ctx); err != nil {
		return err
	}
	return a.serveOn(ctx, listener)
}

// serveOn answers on a listener until ctx ends, then ends everything in order: no new
// requests, open streams, jobs.
func (a *application) serveOn(ctx context.Context, listener net.Listener) error {
	closing := make(chan struct{})
	handler, err := a.handler(closing)
	if err != nil {
		return err
	}
	encrypted, err := a.encrypt(listener)
	if err != nil {
		return err
	}
	stop, err := a.start(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	defer stop()
	defer a.watch(ctx)()
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(encrypted) }()
	a.logger.Info("switchboard is ready", "address", a.public.String(), "version", version)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	close(closing)
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("end requests: %w", err)
	}
	return nil
}

// watch tells screens what happens until ctx ends, which ends their streams: an open
// stream would hold the server's end up. The returned function waits for that.
func (a *application) watch(ctx context.Context) (wait func()) {
	ctx, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.hub.Run(ctx)
	}()
	return func() {
		end()
		<-done
	}
}

// encrypt wraps the listener as configured (SWITCHBOARD_TLS).
func (a *application) encrypt(listener net.Listener) (net.Listener, error) {
	switch a.settings.TLS.Mode {
	case config.TLSAuto:
		manager := &autocert.Manager{Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(a.public.Hostname()),
			Cache: autocert.DirCache(a.settings.CertificateDir())}
		return tls.NewListener(listener, manager.TLSConfig()), nil
	case config.TLSFiles:
		pair, err := tls.LoadX509KeyPair(a.settings.TLS.CertFile, a.settings.TLS.KeyFile)
		if err != nil {
			return nil, mistake{fmt.Errorf("read the certificate: %w", err)}
		}
		return tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
	default:
		return listener, nil
	}
}
