package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel/webchat"
	"switchboard/secret"
)

// demoSeed makes the demo's company once.
type demoSeed struct {
	*application
	file *demoFile
}

var demoRoles = map[string]switchboard.Role{
	"501": switchboard.Manager, "502": switchboard.Manager, "503": switchboard.Manager,
	"504": switchboard.Supervisor, "505": switchboard.QualityControl,
}

const demoAdmin = "504" // the supervisor

func (d *demoSeed) run(ctx context.Context) error {
	claimed, err := d.store.HasAccount(ctx, nil)
	if err != nil {
		return fmt.Errorf("look for the demo's company: %w", err)
	}
	if claimed {
		d.file.WidgetURL = d.file.AppURL + webchat.Prefix + d.file.ChannelKey + "/page"
		return nil
	}
	account := switchboard.Account{ID: switchboard.AccountID(newID()), Name: "Demo",
		Settings: switchboard.AccountSettings{Timeline: true, Country: "RU", EightToSeven: true, Locale: demoLanguage()}}
	if err := d.store.InTx(ctx, func(tx switchboard.Tx) error { return d.store.AddAccount(ctx, tx, account) }); err != nil {
		return fmt.Errorf("add the company: %w", err)
	}
	report, err := d.crm.Connect(ctx, account.ID, secret.New(d.file.CRMToken))
	if err != nil {
		return fmt.Errorf("connect the stand-in CRM: %w", err)
	}
	if !report.Usable {
		return fmt.Errorf("the stand-in CRM lacks something: %+v", report.Checks)
	}
	ch, err := d.channel(ctx, account.ID)
	if err != nil {
		return err
	}
	return d.people(ctx, account.ID, ch)
}

func newID() string { return switchboard.NewUUID(time.Now(), rand.Reader) }

// channel adds the site chat: its deals go into the first pipeline's first open stage.
func (d *demoSeed) channel(ctx context.Context, account switchboard.AccountID) (switchboard.Channel, error) {
	ch := switchboard.Channel{Account: account, ID: switchboard.ChannelID(newID()), Transport: switchboard.Webchat, Name: "Site chat",
		Key: strings.ToLower(rand.Text()[:20]), State: switchboard.ChannelActive, Config: []byte(`{"origins":[]}`), Secrets: []byte(`{}`)}
	if demoLanguage() == "ru" {
		ch.Name = "Чат на сайте"
	}
	pipelines, err := d.store.Pipelines(ctx, nil, account)
	if err != nil {
		return ch, fmt.Errorf("read pipelines: %w", err)
	}
	ch.Settings = firstTarget(pipelines)
	if err := d.store.InTx(ctx, func(tx switchboard.Tx) error { return d.store.AddChannel(ctx, tx, ch) }); err != nil {
		return ch, fmt.Errorf("add the site chat: %w", err)
	}
	d.file.ChannelKey = ch.Key
	d.file.WidgetURL = d.file.AppURL + webchat.Prefix + ch.Key + "/page"
	return ch, nil
}

func firstTarget(pipelines []switchboard.Pipeline) switchboard.ChannelSettings {
	for _, p := range pipelines {
		for _, st := range p.Stages {
			if st.Offered {
				return switchboard.ChannelSettings{Target: switchboard.TargetDeal, Pipeline: p.ID, Stage: st.ID}
			}
		}
	}
	return switchboard.ChannelSettings{}
}

// people gives the imported employees passwords and roles.
func (d *demoSeed) people(ctx context.Context, account switchboard.AccountID, ch switchboard.Channel) error {
	all, err := d.store.Employees(ctx, nil, account)
	if err != nil {
		return fmt.Errorf("read employees: %w", err)
	}
	var roles []switchboard.RoleAssignment
	for _, e := range all {
		role := demoRoles[string(e.Owner)]
		roles = append(roles, switchboard.RoleAssignment{Channel: ch.ID, Employee: e.ID, Role: role, Receives: role == switchboard.Manager})
		password := "demo-" + strings.ToLower(rand.Text()[:8])
		if err := d.signUp(ctx, account, e.ID, secret.New(password)); err != nil {
			return err
		}
		d.file.Employees = append(d.file.Employees, demoEmployee{Name: e.Name, Email: e.Email, Password: password, Role: string(role),
			Admin: string(e.Owner) == demoAdmin, OwnerID: string(e.Owner)})
	}
	return d.store.InTx(ctx, func(tx switchboard.Tx) error {
		for _, e := range all {
			if string(e.Owner) != demoAdmin {
				continue
			}
			e.Admin = true
			if err := d.store.SaveEmployee(ctx, tx, account, e); err != nil {
				return fmt.Errorf("make an administrator: %w", err)
			}
		}
		return d.store.SetRoles(ctx, tx, account, ch.ID, roles)
	})
}

// signUp goes an invited employee's way: link, then password.
func (d *demoSeed) signUp(ctx context.Context, account switchboard.AccountID, id switchboard.EmployeeID, password secret.String) error {
	var token secret.String
	err := d.store.InTx(ctx, func(tx switchboard.Tx) (err error) {
		token, _, err = d.auth.Invite(ctx, tx, account, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("invite: %w", err)
	}
	if _, _, err := d.auth.AcceptLink(ctx, token, password, "", switchboard.Device{}); err != nil {
		return fmt.Errorf("accept the invitation: %w", err)
	}
	return nil
}
