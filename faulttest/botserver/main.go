package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"switchboard/channel/telegrambot/standin"
	"switchboard/crm/hubspot/sandbox"
)

// addresses is the line that the process prints.
type addresses struct {
	ControlURL  string `json:"controlURL"`
	TelegramURL string `json:"telegramURL"`
	CRMURL      string `json:"crmURL"`
	CRMToken    string `json:"crmToken"`
	AppSecret   string `json:"appSecret"`
}

func main() {
	language := flag.String("language", "en", "language of the CRM's pipelines: ru or en")
	flag.Parse()
	// Databases are to be dropped: standard input alone says when it is over.
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	if err := run(*language); err != nil {
		fmt.Fprintln(os.Stderr, "botserver:", err)
		os.Exit(1)
	}
}

// run serves until standard input closes.
func run(language string) error {
	telegram := standin.New()
	if err := telegram.Listen("127.0.0.1:0"); err != nil {
		return err
	}
	defer telegram.Close() //nolint:errcheck // the process ends
	out := addresses{TelegramURL: telegram.URL(), CRMToken: "pat-e2e-" + rand.Text(), AppSecret: rand.Text()}
	box, err := serveCRM(language, &out)
	if err != nil {
		return err
	}
	defer box.Close() //nolint:errcheck // the process ends
	people := &control{telegram: telegram, admin: os.Getenv("SWITCHBOARD_TEST_POSTGRES")}
	defer people.dropDatabases(context.Background())
	if out.ControlURL, err = serveOn(people.handler()); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		return fmt.Errorf("print addresses: %w", err)
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func serveCRM(language string, out *addresses) (*sandbox.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	own := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	box, err := sandbox.New(sandbox.Config{Language: language, PublicURL: own.String(),
		Portal:   sandbox.Portal{UIDomain: own.Host},
		Tokens:   []sandbox.Token{{Value: sandbox.Secret(out.CRMToken)}},
		Settings: sandbox.Settings{AppSecret: sandbox.Secret(out.AppSecret)}})
	if err != nil {
		return nil, fmt.Errorf("start the stand-in CRM: %w", err)
	}
	out.CRMURL = own.String()
	go serve(listener, box.Handler())
	return box, nil
}

func serveOn(handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	go serve(listener, handler)
	return "http://" + listener.Addr().String(), nil
}

func serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "botserver: serve:", err)
	}
}
