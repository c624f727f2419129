package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"switchboard"
	"switchboard/auth"
	"switchboard/channel"
	"switchboard/channel/telegrambot"
	"switchboard/channel/webchat"
	"switchboard/config"
	"switchboard/crm"
	"switchboard/crm/hubspot"
	"switchboard/intake"
	"switchboard/live"
	"switchboard/media"
	"switchboard/safehttp"
	"switchboard/send"
	"switchboard/store"
	"switchboard/work"
)

// application is one running node.
type application struct {
	settings config.Settings
	public   *url.URL
	store    *store.Store
	files    *files
	logger   *slog.Logger
	node     string
	channels *channel.Registry
	hubspots *hubspots
	door     *intake.Door
	jobs     *work.Client
	outbox   *send.Outbox
	mirror   *crm.Mirror
	timeline *crm.Timeline
	auth     *auth.Auth
	crm      *connector
	fetcher  *intake.Fetcher
	// frameOrigins may show the chat window in a frame, beside HubSpot itself.
	frameOrigins []string
	hub          *live.Hub
	api          http.Handler
	card         http.Handler
}

// newApplication builds a node on an open store; nothing runs yet.
func newApplication(s config.Settings, public *url.URL, db *store.Store) (*application, error) {
	blobs, err := openFiles(s, db)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	now := time.Now
	a := &application{settings: s, public: public, store: db, files: blobs, logger: slog.Default(),
		node: fmt.Sprintf("%.60s/%s", host, switchboard.NewUUID(now(), rand.Reader)[24:])}
	outgoing := safehttp.New(safehttp.Options{Allow: s.Allow, Timeout: time.Minute, MaxBodyBytes: 64 << 20, MaxRedirects: -1})
	a.channels = channel.NewRegistry(
		webchat.New(db),
		telegrambot.New(telegrambot.Options{BaseURL: s.TelegramURL, Client: outgoing, Log: a.logger}),
	)
	a.hubspots = &hubspots{baseURL: s.HubSpotURL, http: outgoing, store: db}
	a.mirror = &crm.Mirror{Store: db, Open: a.hubspots.in(hubspot.LaneTimeline), Clock: now, Random: rand.Reader, Logger: a.logger}
	a.timeline = &crm.Timeline{Store: db, Accounts: db, Open: a.hubspots.in(hubspot.LaneTimeline), Clock: now, Logger: a.logger, Texts: texts,
		PublicURL: trimSlash(public), Step: step}
	a.crm = &connector{hubspots: a.hubspots, mirror: a.mirror, timeline: a.timeline, logger: a.logger}
	if a.auth, err = newAuth(db); err != nil {
		return nil, err
	}
	if err := a.newWork(now); err != nil {
		return nil, err
	}
	a.newAPI()
	return a, nil
}

func trimSlash(u *url.URL) string {
	text := u.String()
	for len(text) > 0 && text[len(text)-1] == '/' {
		text = text[:len(text)-1]
	}
	return text
}

// newWork builds what drains queues, and what feeds them.
func (a *application) newWork(now func() time.Time) (err error) {
	jobs := &lateJobs{}
	saga := &crm.Saga{Store: a.store, Accounts: a.store, Open: a.hubspots.in(hubspot.LaneClient), Jobs: jobs, Clock: now, Random: rand.Reader,
		Logger: a.logger, Texts: texts, Step: step}
	sender := send.New(send.Config{Store: a.store, Channels: a.channels, Open: a.files.Open, Node: a.node, Clock: now, Logger: a.logger, Step: step})
	a.fetcher = &intake.Fetcher{Store: a.store, Channels: a.channels, Blobs: blobs{a.files.disk}, Clock: now, Logger: a.logger}
	a.jobs, err = work.New(work.Config{Pools: pools(a.store), Store: a.store, Leases: a.store, Node: a.node, Logger: a.logger,
		Queues: []work.Queue{saga.Queue(8), sender.Queue(16), a.timeline.Queue(4), a.fetcher.Queue(4)}})
	if err != nil {
		return fmt.Errorf("set up jobs: %w", err)
	}
	jobs.Client = a.jobs
	a.outbox = &send.Outbox{Store: a.store, Jobs: a.jobs, Capabilities: a.capabilities, Clock: now, Random: rand.Reader}
	lanes := 1
	if a.store.Engine() == store.Postgres {
		lanes = 4
	}
	a.door = intake.NewDoor(intake.Config{Store: a.store, Jobs: a.jobs, Capabilities: a.capabilities, Clock: now, Random: rand.Reader,
		Logger: a.logger, Lanes: lanes, Step: step})
	return nil
}

// lateJobs lets queues be built before the client that runs them.
type lateJobs struct{ *work.Client }

func (a *application) capabilities(t switchboard.Transport) channel.Capabilities {
	c, err := a.channels.Connector(t)
	if err != nil {
		return channel.Capabilities{}
	}
	return c.Capabilities()
}

// blobs keeps fetched files.
type blobs struct{ disk *media.Disk }

func (b blobs) Keep(ctx context.Context, r io.Reader, maxBytes int64) (string, int64, string, error) {
	stored, err := b.disk.Put(ctx, r, maxBytes)
	if _, over := errors.AsType[*media.TooLargeError](err); over {
		return "", 0, "", intake.ErrTooLarge
	}
	return stored.Key, stored.Size, stored.MIME, err
}

// start runs jobs, polls and the CRM's mirror until ctx ends; stop waits for them.
func (a *application) start(ctx context.Context) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	tasks := []func(context.Context){a.followHints, a.pollers().Run}
	for _, periodic := range []struct {
		name  string
		every time.Duration
		do    func(context.Context) error
	}{
		{"crm-poll", crm.PollEvery, a.mirror.PollAll},
		{"crm-rotate", crm.RotateEvery, a.mirror.RotateAll},
		{"crm-refresh", crm.RefreshEvery, a.mirror.RefreshAll},
		{"tidy", time.Hour, a.tidy},
	} {
		a.jobs.Every(periodic.name, periodic.every, periodic.do)
	}
	if err := a.jobs.Start(ctx); err != nil {
		cancel()
		return nil, fmt.Errorf("start jobs: %w", err)
	}
	done := make(chan struct{}, len(tasks))
	for _, task := range tasks {
		go func() { task(ctx); done <- struct{}{} }()
	}
	return func() {
		a.door.Close()
		bounded, end := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer end()
		if err := a.jobs.Stop(bounded); err != nil {
			a.logger.Warn("jobs did not end in time", "error", err)
		}
		cancel()
		for range tasks {
			<-done
		}
	}, nil
}

func (a *application) pollers() *intake.Pollers {
	return &intake.Pollers{Store: a.store, Channels: a.channels, Receiver: a.door, Leases: a.store, Node: a.node, Logger: a.logger}
}

// followHints tells the timeline of accounts that have news: each at most every
// hintPause, for the follower reads many events at once and the sweep stands behind.
func (a *application) followHints(ctx context.Context) {
	news, end := a.store.Subscribe()
	defer end()
	waiting := map[switchboard.AccountID]bool{}
	tick := time.NewTicker(hintPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case account := <-news:
			waiting[account] = true
		case <-tick.C:
			for account := range waiting {
				a.hintTimeline(ctx, account)
			}
			clear(waiting)
		}
	}
}

const hintPause = 100 * time.Millisecond

func (a *application) hintTimeline(ctx context.Context, account switchboard.AccountID) {
	id, err := a.store.ActiveConnectionID(ctx, account)
	if err == nil {
		a.jobs.Hint(switchboard.Key{Account: account, Queue: "timeline", Key: string(id)})
	}
}

// Times that things are kept.
const (
	keepEvents = 30 * 24 * time.Hour
	keepRaw    = 30 * 24 * time.Hour
)

// tidy drops what is past its time.
func (a *application) tidy(ctx context.Context) error {
	now := time.Now()
	return a.store.Tidy(ctx, store.Before{Events: now.Add(-keepEvents), Raw: now.Add(-keepRaw), Uploads: now.Add(-24 * time.Hour)})
}

// webhook is the door for messengers that post.
func (a *application) webhook() http.Handler {
	return &intake.Webhook{Keys: a.store, Channels: a.channels, Receiver: a.door, Clock: time.Now, Logger: a.logger}
}
