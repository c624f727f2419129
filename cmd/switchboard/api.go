package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"switchboard"
	"switchboard/api/app"
	"switchboard/api/embed"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/live"
	"switchboard/secret"
)

// api is the app's API and the hand-off into a CRM's frame. closing ends streams.
func (a *application) api(closing <-chan struct{}) (api, card http.Handler, err error) {
	frames := a.frames()
	hub := live.New(live.Config{Store: a.store, Encode: app.EncodeLive, Clock: time.Now, Logger: a.logger})
	go func() {
		<-closing
		hub.Close()
	}()
	api = app.New(app.Config{
		Store: a.store, Identity: a.auth, Channels: a.channels, CRM: a.crm, Public: a.public, Version: version, Address: a.address,
		Clock: time.Now, Random: rand.Reader, Log: a.logger,
		Chats: app.ChatsConfig{Store: a.store, Outbox: a.outbox, Jobs: a.jobs, Fresh: a.mirror, Blobs: a.files.disk, Hub: hub, Frames: frames,
			RecordURL: a.recordURL},
	})
	return api, frames, nil
}

// recordURL is a record's page in the connected CRM.
func (a *application) recordURL(c switchboard.Connection, kind, id string) string {
	opened, err := a.hubspots.client(c)
	if err != nil {
		return ""
	}
	return opened.RecordURL(crm.RecordKind(kind), id)
}
