package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"switchboard"
	"switchboard/api/app"
	"switchboard/api/embed"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/live"
	"switchboard/secret"
)

// newAPI builds the app's API and the hand-off into a CRM's frame.
func (a *application) newAPI() {
	a.hub = live.New(live.Config{Store: a.store, Encode: app.EncodeLive, Clock: time.Now, Logger: a.logger})
	frames := &embed.Sessions{Store: a.store, Clock: time.Now, Random: rand.Reader}
	a.card = &embed.Card{Store: a.store, Sessions: frames, Public: a.public, Verify: hubspot.VerifySignature, AppOf: appOf, Clock: time.Now, Log: a.logger}
	a.api = app.NewHandler(app.Config{
		Store: a.store, Auth: a.auth, Channels: a.channels, CRM: a.crm, Public: a.public, Version: version, Address: a.address,
		Clock: time.Now, Random: rand.Reader, Log: a.logger,
		Chats: app.ChatsConfig{Store: a.store, Outbox: a.outbox, Jobs: a.jobs, Fresh: a.mirror, Blobs: a.files.disk, Hub: a.hub,
			Frames: frames, RecordURL: a.recordURL},
	})
}

// appOf reads the app that a connection's card belongs to.
func appOf(c switchboard.Connection) (embed.App, error) {
	var secrets hubspotSecrets
	if err := json.Unmarshal(c.Secrets, &secrets); err != nil {
		return embed.App{}, errors.New("the connection's secrets cannot be read")
	}
	var info hubspotInfo
	if err := json.Unmarshal(c.Info, &info); err != nil {
		return embed.App{}, fmt.Errorf("read the connection's report: %w", err)
	}
	out := embed.App{Secret: secret.New(secrets.AppSecret)}
	if info.Portal.ID != 0 {
		out.Portal = strconv.FormatInt(info.Portal.ID, 10)
	}
	return out, nil
}

// recordURL is a record's page in the connected CRM.
func (a *application) recordURL(c switchboard.Connection, kind, id string) string {
	opened, err := a.hubspots.client(c)
	if err != nil {
		return ""
	}
	return opened.RecordURL(crm.RecordKind(kind), id)
}

// ancestors says who may show the chat window in a frame.
func (a *application) ancestors(ctx context.Context) string {
	connections, err := a.store.ActiveConnections(ctx)
	if err != nil {
		a.logger.Error("read connections", "error", err)
	}
	return embed.FrameAncestors(connections, a.frameOrigins)
}
