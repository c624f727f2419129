package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"switchboard"
	"switchboard/crm/hubspot/sandbox"
)

// standIn is the CRM of a run: the sandbox, over real HTTP on loopback.
type standIn struct {
	box    *sandbox.Server
	server *http.Server
	url    string
	token  string
}

// ledgerCalls bounds the calls that the stand-in remembers.
const ledgerCalls = 20_000

func startStandIn(ctx context.Context) (*standIn, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &standIn{url: "http://" + listener.Addr().String(), token: "pat-bench-" + newUUID()}
	people := make([]sandbox.Owner, len(owners))
	for i, id := range owners {
		people[i] = sandbox.Owner{ID: string(id), UserID: int64(7000 + i), Email: emailOf(i), FirstName: "Employee", LastName: fmt.Sprint(i)}
	}
	s.box, err = sandbox.New(sandbox.Config{PublicURL: s.url, LedgerSize: ledgerCalls, Owners: people,
		Limits: sandbox.Limits{Enforce: true}, Tokens: []sandbox.Token{{Value: sandbox.Secret(s.token)}}})
	if err != nil {
		return nil, fmt.Errorf("start the stand-in CRM: %w", err)
	}
	s.server = &http.Server{Handler: s.box.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Println("the stand-in CRM ended:", err)
		}
	}()
	return s, nil
}

func (s *standIn) addContact(owner switchboard.OwnerID) (switchboard.ContactID, error) {
	id, err := s.box.Create("contacts", map[string]string{"firstname": "Client", "hubspot_owner_id": string(owner)})
	if err != nil {
		return "", fmt.Errorf("add a contact to the stand-in CRM: %w", err)
	}
	return switchboard.ContactID(id), nil
}

func (s *standIn) stop() {
	_ = s.server.Close()
	_ = s.box.Close()
}
