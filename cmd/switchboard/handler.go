package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"switchboard"
	"switchboard/api/embed"
	"switchboard/channel/webchat"
	"switchboard/intake"
	"switchboard/phone"
	"switchboard/web"
)

// handler is everything the server answers. closing ends open waits and streams.
func (a *application) handler(closing <-chan struct{}) (http.Handler, error) {
	visitors, err := a.visitors(closing)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", a.api)
	mux.Handle(embed.CardPath, a.card)
	mux.Handle(webchat.Prefix, visitors)
	mux.Handle(intake.HookPrefix, a.webhook())
	mux.HandleFunc("GET /healthz", a.healthy)
	mux.Handle("GET /metrics", localOnly(promhttp.Handler()))
	mux.Handle("/", a.site())
	return mux, nil
}

// visitors answers the site chat's public protocol.
func (a *application) visitors(closing <-chan struct{}) (http.Handler, error) {
	widget, err := fs.ReadFile(web.Files(), "widget/widget.js")
	if err != nil && web.Built() {
		return nil, fmt.Errorf("read the widget: %w", err)
	}
	return webchat.NewHandler(webchat.Options{Channels: a.store, Visitors: a.store, Receiver: a.door, View: a.store, Widget: widget,
		Phone: a.e164, Address: a.address, Done: closing, Now: time.Now, Random: rand.Reader, Log: a.logger}), nil
}

// e164 reads a visitor's number by the account's rules (DEAL-9).
func (a *application) e164(ctx context.Context, ch switchboard.Channel, raw string) string {
	account, err := a.store.Account(ctx, nil, ch.Account)
	if err != nil {
		return ""
	}
	number, _ := phone.Parse(raw, account.Settings.Country, account.Settings.EightToSeven)
	return number
}

// address is the caller's, behind the operator's proxies.
func (a *application) address(r *http.Request) string {
	return a.settings.TrustedProxies.ClientAddress(r.RemoteAddr, r.Header).String()
}

// healthy says that the database answers.
func (a *application) healthy(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if _, err := a.store.AccountIDs(ctx); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// localOnly serves metrics to this machine alone; the operator's collector runs there
// or behind a proxy that the operator controls.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.RemoteAddr, "127.") && !strings.HasPrefix(r.RemoteAddr, "[::1]") || r.Header.Get("X-Forwarded-For") != "" {
			http.NotFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// policy is what pages of the app may do: everything comes from this server.
const policy = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self'; script-src 'self'; " +
	"connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "

// site serves the screens; the chat window may stand in the connected CRM's frames.
func (a *application) site() http.Handler {
	screens := web.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		ancestors := "frame-ancestors 'none'"
		if r.URL.Path == "/embed" || r.URL.Path == "/embed.html" {
			ancestors = a.ancestors(r.Context())
		} else {
			h.Set("X-Frame-Options", "DENY")
		}
		h.Set("Content-Security-Policy", policy+ancestors)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "geolocation=(), payment=()")
		if a.public.Scheme == "https" {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		screens.ServeHTTP(w, r)
	})
}
