package app

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"slices"
	"strings"

	"switchboard"
	"switchboard/channel"
	"switchboard/i18n"
)

const (
	hookPath    = "/hooks/"      // where messengers post, before the key
	webchatPath = "/webchat/v1/" // where the widget lives, before the key
	keyLength   = 20             // characters of a key: 100 random bits
	maxOrigins  = 50
	maxOrigin   = 300
	maxToken    = 300
)

// needsToken says of each transport whether it is connected by a token.
var needsToken = map[switchboard.Transport]bool{switchboard.TelegramBot: true}

// ListChannels lists the account's channels and the transports to connect.
func (a *accountsAPI) ListChannels(ctx context.Context, _ ListChannelsRequestObject) (ListChannelsResponseObject, error) {
	answer := ListChannels200JSONResponse{Channels: []Channel{}, Transports: []TransportInfo{}}
	all, err := a.Store.Channels(ctx, nil, ViewerOf(ctx).Account)
	if err != nil {
		return nil, fmt.Errorf("read channels: %w", err)
	}
	for _, ch := range all {
		one, err := a.channelOf(ctx, ch)
		if err != nil {
			return nil, err
		}
		answer.Channels = append(answer.Channels, one)
	}
	for _, t := range slices.Sorted(slices.Values(a.Channels.Transports())) {
		answer.Transports = append(answer.Transports, TransportInfo{Transport: string(t), Capabilities: a.capabilities(t)})
	}
	return answer, nil
}

// channelOf shows a channel; its secrets are in no field.
func (a *accountsAPI) channelOf(ctx context.Context, ch switchboard.Channel) (answer Channel, err error) {
	answer = Channel{Id: string(ch.ID), Transport: string(ch.Transport), Name: ch.Name, Key: ch.Key, State: ChannelState(ch.State)}
	if err := json.Unmarshal(ch.Config, &answer.Config); err != nil {
		return answer, fmt.Errorf("read configuration: %w", err)
	}
	if ch.State == switchboard.ChannelBroken {
		answer.StateReason = ref(sentence(ctx, ch.StateReason))
	}
	if ch.Transport == switchboard.Webchat {
		address := trimmed(a.Public) + webchatPath + ch.Key
		answer.Snippet = ref(`<script src="` + html.EscapeString(address+"/widget.js") + `" async></script>`)
		answer.PageURL = ref(address + "/page")
	}
	return answer, a.addIgnored(ctx, &answer, ch)
}

type ignoredSource = struct {
	Name   string  `json:"name"`
	Reason *string `json:"reason,omitempty"`
}

// addIgnored lists groups and the like that the channel ignores (CHAT-8).
func (a *accountsAPI) addIgnored(ctx context.Context, answer *Channel, ch switchboard.Channel) error {
	ignored, err := a.Store.Ignored(ctx, ch.Account, ch.ID)
	if err != nil {
		return fmt.Errorf("read what is ignored: %w", err)
	}
	if len(ignored) == 0 {
		return nil
	}
	var list []ignoredSource
	for _, i := range ignored {
		list = append(list, ignoredSource{i.Name, ref(sentence(ctx, i.Reason))})
	}
	answer.Ignored = &list
	return nil
}

// CreateChannel connects a messenger.
func (a *accountsAPI) CreateChannel(ctx context.Context, r CreateChannelRequestObject) (CreateChannelResponseObject, error) {
	now := a.Clock()
	key, err := a.newKey()
	if err != nil {
		return nil, err
	}
	ch := switchboard.Channel{Account: ViewerOf(ctx).Account, ID: switchboard.ChannelID(switchboard.NewUUID(now, a.Random)),
		Transport: switchboard.Transport(r.Body.Transport), Key: key, State: switchboard.ChannelActive,
		Config: []byte("{}"), Secrets: []byte("{}")}
	change := ChannelChange{Name: r.Body.Name, Config: &r.Body.Config, Token: r.Body.Token}
	if needsToken[ch.Transport] && textRef(change.Token) == "" {
		return nil, switchboard.Invalid("token", string(i18n.ChannelTokenMissing))
	}
	if err := a.check(ctx, &ch, change, ""); err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := a.Store.AddChannel(ctx, tx, ch); err != nil {
			return fmt.Errorf("add channel: %w", err)
		}
		if err := a.Store.SettingsChanged(ctx, tx, ch.Account, string(ch.ID)); err != nil {
			return fmt.Errorf("count the change: %w", err)
		}
		return a.audit(ctx, tx, "channel.created", string(ch.ID), nil, auditedOf(ch, false))
	})
	if err != nil {
		return nil, err
	}
	answer, err := a.registered(ctx, ch)
	return CreateChannel201JSONResponse(answer), err
}

// ChangeChannel changes a channel's name, configuration, token, or whether it is on.
// What the messenger has to agree to is checked first.
func (a *accountsAPI) ChangeChannel(ctx context.Context, r ChangeChannelRequestObject) (ChangeChannelResponseObject, error) {
	had, err := a.Store.Channel(ctx, nil, ViewerOf(ctx).Account, switchboard.ChannelID(r.Channel))
	if err != nil {
		return nil, err
	}
	ch := had
	active := value(r.Body.Active, had.State != switchboard.ChannelDisabled)
	anew := r.Body.Config != nil || r.Body.Token != nil || r.Body.Active != nil && active && had.State != switchboard.ChannelActive
	if anew {
		if err := a.check(ctx, &ch, *r.Body, had.ID); err != nil {
			return nil, err
		}
	} else if r.Body.Name != nil {
		if ch.Name, err = textOf("name", *r.Body.Name, 1, maxChannelName); err != nil {
			return nil, err
		}
	}
	switch {
	case !active:
		ch.State, ch.StateReason = switchboard.ChannelDisabled, ""
	case anew:
		ch.State, ch.StateReason = switchboard.ChannelActive, ""
	}
	if err := a.saveChannel(ctx, had, ch, r.Body.Token != nil); err != nil {
		return nil, err
	}
	if !anew && ch.State == had.State {
		answer, err := a.channelOf(ctx, ch)
		return ChangeChannel200JSONResponse(answer), err
	}
	answer, err := a.registered(ctx, ch)
	return ChangeChannel200JSONResponse(answer), err
}

// saveChannel writes a changed channel unless somebody else changed it while the
// messenger was asked.
func (a *accountsAPI) saveChannel(ctx context.Context, had, ch switchboard.Channel, newToken bool) error {
	return a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		now, err := a.Store.LockChannel(ctx, tx, had.Account, had.ID)
		if err != nil {
			return err
		}
		if string(now.Config) != string(had.Config) || string(now.Secrets) != string(had.Secrets) || now.Name != had.Name {
			return &switchboard.Error{Code: switchboard.CodeConflict, Message: string(i18n.Conflict)}
		}
		if ch.State == had.State { // it may have broken meanwhile
			ch.State, ch.StateReason = now.State, now.StateReason
		}
		ch.Settings = now.Settings
		if err := a.Store.ChangeChannel(ctx, tx, ch); err != nil {
			return fmt.Errorf("change channel: %w", err)
		}
		if err := a.Store.SettingsChanged(ctx, tx, ch.Account, string(ch.ID)); err != nil {
			return fmt.Errorf("count the change: %w", err)
		}
		return a.audit(ctx, tx, "channel.changed", string(ch.ID), auditedOf(now, false), auditedOf(ch, newToken))
	})
}

// auditedChannel is a channel as the audit shows it: no secrets.
type auditedChannel struct {
	Name     string                   `json:"name"`
	State    switchboard.ChannelState `json:"state"`
	Config   json.RawMessage          `json:"config"`
	NewToken bool                     `json:"newToken,omitempty"`
}

func auditedOf(ch switchboard.Channel, newToken bool) auditedChannel {
	return auditedChannel{ch.Name, ch.State, ch.Config, newToken}
}

const maxChannelName = 200

// check puts a change into a channel and has the transport check and complete it.
func (a *accountsAPI) check(ctx context.Context, ch *switchboard.Channel, c ChannelChange, exists switchboard.ChannelID) (err error) {
	connector, err := a.Channels.Connector(ch.Transport)
	if err != nil {
		return switchboard.Invalid("transport", string(i18n.UnknownTransport))
	}
	setup := channel.Setup{Name: ch.Name, Config: ch.Config, Secrets: ch.Secrets, Hook: a.hook(*ch), Exists: exists}
	if name := textRef(c.Name); name != "" {
		if setup.Name, err = textOf("name", name, 1, maxChannelName); err != nil {
			return err
		}
	}
	if c.Config != nil {
		if setup.Config, err = overlaid(setup.Config, *c.Config); err != nil {
			return err
		}
	}
	if setup.Secrets, err = withToken(ch.Transport, setup.Secrets, c.Token); err != nil {
		return err
	}
	done, err := connector.Check(ctx, setup)
	if err != nil {
		return err
	}
	if done.Name == "" {
		done.Name = say(ctx, i18n.ChannelUnnamed, nil)
	}
	ch.Name, ch.Config, ch.Secrets = done.Name, done.Config, done.Secrets
	return nil
}

// overlaid puts the fields of a request over a stored configuration; what the
// transport itself keeps there stays.
func overlaid(stored []byte, c ChannelConfig) ([]byte, error) {
	if c.Origins != nil {
		if len(*c.Origins) > maxOrigins || slices.ContainsFunc(*c.Origins, func(o string) bool { return len(o) > maxOrigin }) {
			return nil, switchboard.Invalid("origins", string(i18n.WebchatTooManyOrigins))
		}
	}
	given, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return merged(stored, given)
}

func merged(stored, given []byte) ([]byte, error) {
	var all, over map[string]any
	if err := errors.Join(json.Unmarshal(stored, &all), json.Unmarshal(given, &over)); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	maps.Copy(all, over)
	return json.Marshal(all)
}

// withToken puts a new token into a channel's secrets.
func withToken(t switchboard.Transport, stored []byte, token *string) ([]byte, error) {
	text := strings.TrimSpace(textRef(token))
	switch {
	case text == "":
		return stored, nil
	case !needsToken[t]:
		return nil, switchboard.Invalid("token", string(i18n.ChannelTokenNotNeeded))
	case len(text) > maxToken:
		return nil, invalid("token")
	}
	given, err := json.Marshal(map[string]string{"token": text})
	if err != nil {
		return nil, errors.New("encode the token") // the cause may quote it
	}
	secrets, err := merged(stored, given)
	if err != nil {
		return nil, errors.New("read the channel's secrets") // the cause may quote them
	}
	return secrets, nil
}

// hook is where the channel's messenger posts. Whether it can be reached there is the
// transport's to judge.
func (a *accountsAPI) hook(ch switchboard.Channel) string {
	return trimmed(a.Public) + hookPath + ch.Key
}

// registered tells the messenger where to post, or not to, and shows the channel. A
// channel that cannot be registered is broken and says why.
func (a *accountsAPI) registered(ctx context.Context, ch switchboard.Channel) (Channel, error) {
	if err := a.register(ctx, ch); err != nil {
		var e *switchboard.Error
		if !errors.As(err, &e) {
			return Channel{}, err
		}
		if ch.State == switchboard.ChannelActive {
			ch.State, ch.StateReason = switchboard.ChannelBroken, e.Message
			err := a.Store.InTx(ctx, func(tx switchboard.Tx) error { return a.Store.BreakChannel(ctx, tx, ch, e.Message) })
			if err != nil {
				return Channel{}, fmt.Errorf("break channel: %w", err)
			}
		}
	}
	return a.channelOf(ctx, ch)
}

func (a *accountsAPI) register(ctx context.Context, ch switchboard.Channel) error {
	line, err := a.Channels.Open(ch)
	if err != nil {
		return err
	}
	registrar, is := line.(channel.Registrar)
	if !is {
		return nil
	}
	hook := a.hook(ch)
	if ch.State == switchboard.ChannelDisabled {
		hook = ""
	}
	return registrar.Register(ctx, hook)
}

// newKey makes a public, unguessable name.
func (a *accountsAPI) newKey() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(a.Random, b[:]); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))[:keyLength], nil
}

// maxUnreadable bounds the list of deliveries that could not be read.
const maxUnreadable = 200

// ListUnreadable lists deliveries that could not be read: ids and reasons only.
func (a *accountsAPI) ListUnreadable(ctx context.Context, _ ListUnreadableRequestObject) (ListUnreadableResponseObject, error) {
	all, err := a.Store.Unreadable(ctx, ViewerOf(ctx).Account, maxUnreadable)
	answer := ListUnreadable200JSONResponse{Deliveries: []Unreadable{}}
	for _, u := range all {
		answer.Deliveries = append(answer.Deliveries, Unreadable{Id: u.ID, ChannelId: string(u.Channel), At: stamp(u.At),
			Reason: sentence(ctx, u.Reason), Bytes: u.Bytes})
	}
	return answer, err
}
