package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"switchboard"
	"switchboard/i18n"
	"switchboard/secret"
)

// CRMConnector connects an account to its CRM. Errors of Connect and Refresh that
// people can mend are *switchboard.Error.
type CRMConnector interface {
	// Connect tests a token; the connection is stored when the report is Usable only,
	// with owners and pipelines read.
	Connect(ctx context.Context, account switchboard.AccountID, token secret.String) (CRMReport, error)
	Disconnect(ctx context.Context, account switchboard.AccountID) error
	// Refresh re-reads owners and pipelines (SET-3).
	Refresh(ctx context.Context, account switchboard.AccountID) (switchboard.CRMDifference, error)
	// Describe reads the report kept with a connection; it makes no call.
	Describe(c switchboard.Connection) (CRMReport, error)
}

// CRMReport is what a connection may do, for the settings page (SET-4).
type CRMReport struct {
	Portal string // the CRM's name of the account, for people
	URL    string // the account's page in the CRM
	Checks []CRMCheck
	Usable bool
}

// CRMCheck is one thing a connection needs, or could use.
type CRMCheck struct {
	Sentence i18n.Key
	Scope    string // what to grant in the CRM, "" where it is no matter of scopes
	OK       bool
	Required bool
}

var errNotConnected = &switchboard.Error{Code: switchboard.CodeConflict, Message: string(i18n.CrmNotConnected)}

// crmOf shows a connection.
func crmOf(ctx context.Context, conn switchboard.Connection, report CRMReport) CRM {
	answer := CRM{Kind: CRMKind(conn.Kind), State: CRMStateActive, Portal: ref(report.Portal), Url: ref(report.URL),
		SyncedAt: stampRef(conn.SyncedAt), Checks: checksOf(ctx, report)}
	switch {
	case conn.State == switchboard.ConnectionBroken:
		answer.State, answer.Reason = CRMStateBroken, ref(sentence(ctx, conn.Reason))
	case !conn.DownSince.IsZero():
		answer.State, answer.Reason = CRMStateUnavailable, ref(say(ctx, i18n.ProblemCrmDown, nil))
		answer.Since = stampRef(conn.DownSince)
	}
	return answer
}

type crmCheck = struct {
	// Name a sentence
	Name  string  `json:"name"`
	Ok    bool    `json:"ok"`
	Scope *string `json:"scope,omitempty"`
}

func checksOf(ctx context.Context, report CRMReport) []crmCheck {
	list := []crmCheck{}
	for _, c := range report.Checks {
		list = append(list, crmCheck{Name: say(ctx, c.Sentence, nil), Ok: c.OK, Scope: ref(c.Scope)})
	}
	return list
}

// ConnectCRM tests a token and connects with it. What it may not do is told; then
// nothing is connected.
func (a *accountsAPI) ConnectCRM(ctx context.Context, r ConnectCRMRequestObject) (ConnectCRMResponseObject, error) {
	account := ViewerOf(ctx).Account
	token, err := textOf("token", r.Body.Token, 1, 2000)
	if err != nil {
		return nil, err
	}
	report, err := a.CRM.Connect(ctx, account, secret.New(token))
	if err != nil {
		return nil, err
	}
	if !report.Usable {
		return nil, lacksRights(ctx, report)
	}
	conn, _, err := a.connection(ctx, nil, account)
	if err != nil {
		return nil, fmt.Errorf("read connection: %w", err)
	}
	err = a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		return a.audit(ctx, tx, "crm.connected", string(conn.ID), nil, map[string]string{"kind": conn.Kind, "portal": report.Portal})
	})
	return ConnectCRM200JSONResponse(crmOf(ctx, conn, report)), err
}

// lacksRights names what a token needs and may not.
func lacksRights(ctx context.Context, report CRMReport) error {
	var list []string
	for _, c := range report.Checks {
		if !c.Required || c.OK {
			continue
		}
		name := c.Scope
		if name == "" {
			name = say(ctx, c.Sentence, nil)
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return &switchboard.Error{Code: switchboard.CodeInvalid, Message: string(i18n.CrmTokenLacksRights), Field: "token",
		Params: map[string]string{"list": strings.Join(list, ", ")}}
}

// DisconnectCRM ends the connection; settings stay for the next one.
func (a *accountsAPI) DisconnectCRM(ctx context.Context, _ DisconnectCRMRequestObject) (DisconnectCRMResponseObject, error) {
	account := ViewerOf(ctx).Account
	conn, connected, err := a.connection(ctx, nil, account)
	if err != nil || !connected {
		return DisconnectCRM204Response{}, err
	}
	if err := a.CRM.Disconnect(ctx, account); err != nil {
		return nil, err
	}
	err = a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		return a.audit(ctx, tx, "crm.disconnected", string(conn.ID), map[string]string{"kind": conn.Kind}, nil)
	})
	return DisconnectCRM204Response{}, err
}

// RefreshCRM re-reads employees, pipelines and stages and tells what changed (SET-3).
func (a *accountsAPI) RefreshCRM(ctx context.Context, _ RefreshCRMRequestObject) (RefreshCRMResponseObject, error) {
	account := ViewerOf(ctx).Account
	_, connected, err := a.connection(ctx, nil, account)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read connection: %w", err)
	case !connected:
		return nil, errNotConnected
	}
	d, err := a.CRM.Refresh(ctx, account)
	if err != nil {
		return nil, err
	}
	return RefreshCRM200JSONResponse{
		EmployeesAdded: listOf(d.EmployeesAdded), EmployeesGone: listOf(d.EmployeesGone),
		PipelinesAdded: listOf(d.PipelinesAdded), PipelinesGone: listOf(d.PipelinesGone),
		StagesAdded: listOf(d.StagesAdded), StagesGone: listOf(d.StagesGone),
	}, nil
}

// listOf gives an empty list where there is none: answers hold no null.
func listOf(names []string) []string { return append([]string{}, names...) }
