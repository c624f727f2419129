package store

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"switchboard"
)

const channelColumns = `account_id, id, transport, name, key, state, state_reason, config, secrets, settings`

var (
	addChannel = query("add a channel", `
		INSERT INTO channel (account_id, id, transport, name, key, state, state_reason, config, secrets, settings, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	changeChannel = query("change a channel", `
		UPDATE channel SET name = $3, state = $4, state_reason = $5, config = $6, secrets = $7, settings = $8
		WHERE account_id = $1 AND id = $2`)
	readChannel  = query("read a channel", `SELECT `+channelColumns+` FROM channel WHERE account_id = $1 AND id = $2`)
	channelByKey = query("find a channel by its public key", `SELECT `+channelColumns+` FROM channel WHERE key = $1`)
	listChannels = query("list an account's channels", `SELECT `+channelColumns+` FROM channel WHERE account_id = $1 ORDER BY created_at, id`)
	everyChannel = query("list active channels of a transport", `SELECT `+channelColumns+` FROM channel WHERE transport = $1 AND state = 'active' ORDER BY id`)
	breakChannel = query("break a channel", `
		UPDATE channel SET state = 'broken', state_reason = $3 WHERE account_id = $1 AND id = $2 AND state = 'active'`)
	addQueue = query("add a channel's queue", `
		INSERT INTO queue (account_id, channel_id, state) VALUES ($1, $2, '{"cursor":0}') ON CONFLICT DO NOTHING`)
)

// Vault seals and opens secret columns; what it seals opens at the same place only.
type Vault interface {
	Seal(plain []byte, at SecretPlace) ([]byte, error)
	Open(sealed []byte, at SecretPlace) ([]byte, error)
}

// SecretPlace names one secret value.
type SecretPlace struct{ Account, Table, Column, ID string }

// UseVault sets the key ring; without one, secret columns cannot be read or written.
func (s *Store) UseVault(v Vault) { s.vault = v }

func secretOf(account switchboard.AccountID, table, id string) SecretPlace {
	return SecretPlace{Account: string(account), Table: table, Column: "secrets", ID: id}
}

// AddChannel adds a channel with its queue.
func (s *Store) AddChannel(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel) error {
	sealed, settings, err := s.channelText(ch)
	if err != nil {
		return err
	}
	if _, err := s.on(tx).exec(ctx, addChannel, ch.Account, ch.ID, ch.Transport, ch.Name, ch.Key, ch.State, ch.StateReason,
		string(ch.Config), sealed, settings, ms(s.clock())); err != nil {
		return err
	}
	if _, err := s.on(tx).exec(ctx, addQueue, ch.Account, ch.ID); err != nil {
		return err
	}
	return s.channelChanged(tx, ch)
}

// ChangeChannel writes a channel's name, state, configuration, secrets and settings.
func (s *Store) ChangeChannel(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel) error {
	sealed, settings, err := s.channelText(ch)
	if err != nil {
		return err
	}
	n, err := s.on(tx).exec(ctx, changeChannel, ch.Account, ch.ID, ch.Name, ch.State, ch.StateReason, string(ch.Config), sealed, settings)
	if err != nil {
		return err
	}
	if n == 0 {
		return switchboard.ErrNotFound
	}
	return s.channelChanged(tx, ch)
}

func (s *Store) channelChanged(tx switchboard.Tx, ch switchboard.Channel) error {
	s.Emit(tx, switchboard.Event{Account: ch.Account, Kind: switchboard.EventChannelChanged, Ref: string(ch.ID)})
	AfterCommit(tx, s.remembered.forget)
	return nil
}

func (s *Store) channelText(ch switchboard.Channel) (sealed []byte, settings string, err error) {
	if sealed, err = s.vault.Seal(ch.Secrets, secretOf(ch.Account, "channel", string(ch.ID))); err != nil {
		return nil, "", fmt.Errorf("seal secrets: %w", err)
	}
	text, err := json.Marshal(ch.Settings)
	return sealed, string(text), err
}

// Channel reads a channel, secrets opened. tx may be nil.
func (s *Store) Channel(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.ChannelID) (switchboard.Channel, error) {
	return s.scanChannel(s.on(tx).one(ctx, readChannel, account, id))
}

// ChannelByKey finds a channel by its public key, whatever its account. It is asked for
// every message that comes in, so a channel found is remembered for channelsKept, which
// is how long a change made by another node may stay unseen (SET-2). The slices in it
// are shared: read only.
func (s *Store) ChannelByKey(ctx context.Context, key string) (switchboard.Channel, error) {
	if ch, there := s.remembered.get(key, s.clock()); there {
		return ch, nil
	}
	ch, err := s.scanChannel(s.on(nil).one(ctx, channelByKey, key))
	if err == nil {
		s.remembered.put(ch, s.clock())
	}
	return ch, err
}

// channelsKept is how long a channel is remembered.
const channelsKept = 300 * time.Millisecond

// mostChannels bounds the channels remembered at a time.
const mostChannels = 1000

// channelMemory remembers channels by their public key.
type channelMemory struct {
	mu sync.Mutex
	by map[string]rememberedChannel
}

type rememberedChannel struct {
	switchboard.Channel
	until time.Time
}

func (m *channelMemory) get(key string, now time.Time) (switchboard.Channel, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	had, there := m.by[key]
	return had.Channel, there && now.Before(had.until)
}

func (m *channelMemory) put(ch switchboard.Channel, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.by == nil || len(m.by) >= mostChannels {
		m.by = map[string]rememberedChannel{}
	}
	m.by[ch.Key] = rememberedChannel{ch, now.Add(channelsKept)}
}

func (m *channelMemory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.by = nil
}

// Channels lists an account's channels, oldest first. tx may be nil.
func (s *Store) Channels(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Channel, error) {
	r, err := s.on(tx).many(ctx, listChannels, account)
	return collect(r, err, s.scanChannel)
}

// ActiveChannels lists the active channels of a transport, of all accounts.
func (s *Store) ActiveChannels(ctx context.Context, t switchboard.Transport) ([]switchboard.Channel, error) {
	r, err := s.on(nil).many(ctx, everyChannel, t)
	return collect(r, err, s.scanChannel)
}

func (s *Store) scanChannel(r row) (ch switchboard.Channel, err error) {
	var config, settings string
	var sealed []byte
	if err := scan(r, &ch.Account, &ch.ID, &ch.Transport, &ch.Name, &ch.Key, &ch.State, &ch.StateReason, &config, &sealed, &settings); err != nil {
		return ch, err
	}
	ch.Config = []byte(config)
	if ch.Secrets, err = s.vault.Open(sealed, secretOf(ch.Account, "channel", string(ch.ID))); err != nil {
		return ch, fmt.Errorf("open secrets: %w", err)
	}
	err = json.Unmarshal([]byte(settings), &ch.Settings)
	return ch, err
}

// BreakChannel notes that a channel needs a person.
func (s *Store) BreakChannel(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, reason string) error {
	n, err := s.on(tx).exec(ctx, breakChannel, ch.Account, ch.ID, reason)
	if err != nil || n == 0 {
		return err
	}
	return s.channelChanged(tx, ch)
}
