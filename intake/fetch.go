package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"switchboard"
	"switchboard/channel"
	"switchboard/work"
)

// FetchStore is what fetching files needs of the database.
type FetchStore interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	Media(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.MediaID) (switchboard.Media, error)
	MediaReady(ctx context.Context, tx switchboard.Tx, m switchboard.Media) error
	MediaFailed(ctx context.Context, tx switchboard.Tx, m switchboard.Media, reason string, next time.Time) error
	Channel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error)
	MediaPending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error)
	MediaMissing(ctx context.Context, limit int) ([]switchboard.Key, error)
}

// Blobs keeps bytes; it gives key, size and the type read from the content. An error
// that Is ErrTooLarge means over the limit.
type Blobs interface {
	Keep(ctx context.Context, r io.Reader, maxBytes int64) (key string, size int64, mime string, err error)
}

// ErrTooLarge says that a file is over the limit.
var ErrTooLarge = errors.New("the file is too large")

// Fetcher brings clients' files into our store; the queue is "media", the key a file.
type Fetcher struct {
	Store    FetchStore
	Channels *channel.Registry
	Blobs    Blobs
	Clock    func() time.Time
	Logger   *slog.Logger
}

const (
	maxFileBytes = 64 << 20
	fetchTimeout = 24 * time.Second
	maxFetches   = 8
)

// Queue gives the queue to register with package work.
func (f *Fetcher) Queue(workers int) work.Queue {
	return work.Queue{Name: "media", Workers: workers, Step: f.step, Pending: f.Store.MediaPending, Missing: f.Store.MediaMissing}
}

func (f *Fetcher) step(ctx context.Context, key switchboard.Key) (work.Outcome, error) {
	m, err := f.Store.Media(ctx, nil, key.Account, switchboard.MediaID(key.Key))
	if errors.Is(err, switchboard.ErrNotFound) || err == nil && m.State != switchboard.MediaFetching {
		return work.Idle, nil
	}
	if err != nil {
		return work.Idle, fmt.Errorf("read file: %w", err)
	}
	fetchErr := f.fetch(ctx, &m)
	return work.More, f.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if fetchErr == nil {
			return f.Store.MediaReady(ctx, tx, m)
		}
		reason, next := f.verdict(m, fetchErr)
		f.Logger.Info("a file was not fetched", "account", m.Account, "media", m.ID, "reason", reason, "error", fetchErr)
		return f.Store.MediaFailed(ctx, tx, m, reason, next)
	})
}

func (f *Fetcher) fetch(ctx context.Context, m *switchboard.Media) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	ch, err := f.Store.Channel(ctx, nil, m.Account, m.Channel)
	if err != nil {
		return fmt.Errorf("read channel: %w", err)
	}
	line, err := f.Channels.Open(ch)
	if err != nil {
		return err
	}
	fetcher, ok := line.(channel.Fetcher)
	if !ok {
		return &channel.SendError{Class: channel.Permanent, Reason: "file_unknown"}
	}
	body, err := fetcher.Fetch(ctx, m.Source, maxFileBytes)
	if err != nil {
		return err
	}
	defer body.Close()
	m.Blob, m.Size, m.MIME, err = f.Blobs.Keep(ctx, body, maxFileBytes)
	return err
}

// verdict gives the reason people see and when to try again; zero gives up.
func (f *Fetcher) verdict(m switchboard.Media, err error) (string, time.Time) {
	var refused *channel.SendError
	switch {
	case errors.Is(err, ErrTooLarge):
		return "file_too_large", time.Time{}
	case errors.As(err, &refused) && (refused.Class == channel.Permanent || refused.Class == channel.Auth):
		return refused.Reason, time.Time{}
	case m.Attempts+1 >= maxFetches:
		return "file_not_fetched", time.Time{}
	case refused != nil && refused.After > 0:
		return refused.Reason, f.Clock().Add(refused.After)
	}
	return "file_not_fetched", f.Clock().Add(time.Second << min(m.Attempts, 8))
}
