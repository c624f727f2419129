package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"switchboard"
	"switchboard/i18n"
	"switchboard/phone"
)

// page is everything the settings tab is made of, read on one snapshot.
type page struct {
	account   switchboard.Account
	conn      switchboard.Connection
	connected bool
	report    CRMReport
	pipelines []switchboard.Pipeline
	people    []switchboard.Employee
	channels  []lane
}

// page reads the settings tab of the viewer's account.
func (a *accountsAPI) page(ctx context.Context, tx switchboard.Tx) (p page, err error) {
	account := ViewerOf(ctx).Account
	if p.account, err = a.Store.Account(ctx, tx, account); err != nil {
		return p, fmt.Errorf("read account: %w", err)
	}
	if p.conn, p.connected, err = a.connection(ctx, tx, account); err != nil {
		return p, fmt.Errorf("read connection: %w", err)
	}
	if p.connected {
		if p.report, err = a.CRM.Describe(p.conn); err != nil {
			return p, fmt.Errorf("describe connection: %w", err)
		}
	}
	if p.pipelines, err = a.Store.Pipelines(ctx, tx, account); err != nil {
		return p, fmt.Errorf("read pipelines: %w", err)
	}
	if p.people, err = a.Store.Employees(ctx, tx, account); err != nil {
		return p, fmt.Errorf("read employees: %w", err)
	}
	channels, err := a.Store.Channels(ctx, tx, account)
	if err != nil {
		return p, fmt.Errorf("read channels: %w", err)
	}
	for _, ch := range channels {
		l, err := a.lane(ctx, tx, ch)
		if err != nil {
			return p, err
		}
		p.channels = append(p.channels, l)
	}
	return p, nil
}

// ReadSettings shows the tab "Integration with CRM" (SET-1).
func (a *accountsAPI) ReadSettings(ctx context.Context, _ ReadSettingsRequestObject) (ReadSettingsResponseObject, error) {
	answer, err := a.settings(ctx)
	return ReadSettings200JSONResponse(answer), err
}

func (a *accountsAPI) settings(ctx context.Context) (answer Settings, err error) {
	var p page
	if err := a.Store.View(ctx, func(tx switchboard.Tx) (err error) { p, err = a.page(ctx, tx); return err }); err != nil {
		return answer, err
	}
	answer.Account = accountSettingsOf(p.account.Settings)
	answer.Problems = p.problems(ctx)
	answer.Channels = []ChannelBlock{}
	for _, l := range p.channels {
		answer.Channels = append(answer.Channels, p.block(ctx, l))
	}
	if p.connected {
		crm := crmOf(ctx, p.conn, p.report)
		answer.Crm = &crm
		pipelines := pipelinesOf(p.pipelines)
		answer.Pipelines = &pipelines
	}
	return answer, nil
}

func accountSettingsOf(s switchboard.AccountSettings) AccountSettings {
	return AccountSettings{Timeline: s.Timeline, NotifySupervisors: s.NotifySupervisors, Country: s.Country, EightToSeven: s.EightToSeven,
		Locale: ref(AccountSettingsLocale(s.Locale))}
}

type pipelineStage = struct {
	Id      string `json:"id"`
	Label   string `json:"label"`
	Offered bool   `json:"offered"`
}

func pipelinesOf(all []switchboard.Pipeline) []Pipeline {
	list := []Pipeline{}
	for _, p := range all {
		one := Pipeline{Id: string(p.ID), Label: p.Label, Stages: []pipelineStage{}}
		for _, st := range p.Stages {
			one.Stages = append(one.Stages, pipelineStage{string(st.ID), st.Label, st.Offered})
		}
		list = append(list, one)
	}
	return list
}

// ChangeAccountSettings changes what counts for all channels at once (SET-1).
func (a *accountsAPI) ChangeAccountSettings(ctx context.Context, r ChangeAccountSettingsRequestObject) (ChangeAccountSettingsResponseObject, error) {
	account := ViewerOf(ctx).Account
	if country := textRef(r.Body.Country); country != "" || r.Body.Country != nil {
		upper := strings.ToUpper(country)
		if !phone.IsCountry(upper) {
			return nil, switchboard.Invalid("country", string(i18n.CountryUnknown))
		}
		r.Body.Country = &upper
	}
	err := a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		had, err := a.Store.LockAccount(ctx, tx, account)
		if err != nil {
			return fmt.Errorf("read account: %w", err)
		}
		now := changed(had.Settings, *r.Body)
		if now == had.Settings {
			return nil
		}
		if err := a.Store.SaveAccountSettings(ctx, tx, account, now); err != nil {
			return fmt.Errorf("save settings: %w", err)
		}
		return a.audit(ctx, tx, "account.settings", "", had.Settings, now)
	})
	if err != nil {
		return nil, err
	}
	answer, err := a.settings(ctx)
	return ChangeAccountSettings200JSONResponse(answer), err
}

func changed(s switchboard.AccountSettings, c AccountSettingsChange) switchboard.AccountSettings {
	s.Timeline = value(c.Timeline, s.Timeline)
	s.NotifySupervisors = value(c.NotifySupervisors, s.NotifySupervisors)
	s.Country = value(c.Country, s.Country)
	s.EightToSeven = value(c.EightToSeven, s.EightToSeven)
	s.Locale = string(value(c.Locale, AccountSettingsChangeLocale(s.Locale)))
	return s
}

// ChangeChannelSettings chooses where a new client's deal is created (DEAL-1).
func (a *accountsAPI) ChangeChannelSettings(ctx context.Context, r ChangeChannelSettingsRequestObject) (ChangeChannelSettingsResponseObject, error) {
	account := ViewerOf(ctx).Account
	settings := switchboard.ChannelSettings{Target: switchboard.Target(r.Body.Target)}
	if settings.Target == switchboard.TargetDeal {
		settings.Pipeline, settings.Stage = switchboard.PipelineID(textRef(r.Body.Pipeline)), switchboard.StageID(textRef(r.Body.Stage))
	}
	var block ChannelBlock
	err := a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		ch, err := a.Store.LockChannel(ctx, tx, account, switchboard.ChannelID(r.Channel))
		if err != nil {
			return err
		}
		if err := a.checkTarget(ctx, tx, settings); err != nil {
			return err
		}
		if before := ch.Settings; before != settings {
			ch.Settings = settings
			if err := a.saveChannelSettings(ctx, tx, ch, before); err != nil {
				return err
			}
		}
		p, err := a.page(ctx, tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(p.channels, func(l lane) bool { return l.channel.ID == ch.ID })
		block = p.block(ctx, p.channels[i])
		return nil
	})
	return ChangeChannelSettings200JSONResponse(block), err
}

func (a *accountsAPI) saveChannelSettings(ctx context.Context, tx switchboard.Tx, ch switchboard.Channel, before switchboard.ChannelSettings) error {
	if err := a.Store.ChangeChannel(ctx, tx, ch); err != nil {
		return fmt.Errorf("change channel: %w", err)
	}
	if err := a.Store.SettingsChanged(ctx, tx, ch.Account, string(ch.ID)); err != nil {
		return fmt.Errorf("count the change: %w", err)
	}
	return a.audit(ctx, tx, "channel.settings", string(ch.ID), before, ch.Settings)
}

// checkTarget says whether deals can be created there: the pipeline and the stage
// exist, and the stage is offered (DEAL-4).
func (a *accountsAPI) checkTarget(ctx context.Context, tx switchboard.Tx, s switchboard.ChannelSettings) error {
	if s.Target == switchboard.TargetUnset {
		return nil
	}
	_, connected, err := a.connection(ctx, tx, ViewerOf(ctx).Account)
	switch {
	case err != nil:
		return fmt.Errorf("read connection: %w", err)
	case !connected:
		return errNotConnected
	}
	pipelines, err := a.Store.Pipelines(ctx, tx, ViewerOf(ctx).Account)
	if err != nil {
		return fmt.Errorf("read pipelines: %w", err)
	}
	pipeline, stage, found := target(pipelines, s)
	switch {
	case pipeline.ID == "":
		return switchboard.Invalid("pipeline", string(i18n.PipelineUnknown))
	case !found:
		return switchboard.Invalid("stage", string(i18n.StageUnknown))
	case !stage.Offered:
		return switchboard.Invalid("stage", string(i18n.StageNotOffered))
	}
	return nil
}

// target finds a channel's pipeline and stage; found is false when the stage is not in
// the pipeline, the pipeline is zero when it is not there itself.
func target(all []switchboard.Pipeline, s switchboard.ChannelSettings) (p switchboard.Pipeline, st switchboard.Stage, found bool) {
	i := slices.IndexFunc(all, func(p switchboard.Pipeline) bool { return p.ID == s.Pipeline })
	if i < 0 || s.Pipeline == "" {
		return p, st, false
	}
	p = all[i]
	j := slices.IndexFunc(p.Stages, func(st switchboard.Stage) bool { return st.ID == s.Stage })
	if j < 0 {
		return p, st, false
	}
	return p, p.Stages[j], true
}
