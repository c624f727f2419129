package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"switchboard"
	"switchboard/i18n"
)

// accountsAPI answers sign-in, employees, settings, channels and the CRM connection.
type accountsAPI struct{ Config }

func newAccountsAPI(c Config) *accountsAPI { return &accountsAPI{c} }

// audit keeps what a change found and made (SET-2); before and after hold no secrets.
func (a *accountsAPI) audit(ctx context.Context, tx switchboard.Tx, action, object string, before, after any) error {
	v := ViewerOf(ctx)
	entry := switchboard.AuditEntry{Account: v.Account, ID: switchboard.NewUUID(a.Clock(), a.Random), Employee: v.Employee,
		Action: action, Object: object}
	var err error
	if entry.Before, err = auditText(before); err != nil {
		return err
	}
	if entry.After, err = auditText(after); err != nil {
		return err
	}
	if err := a.Store.AddAudit(ctx, tx, entry); err != nil {
		return fmt.Errorf("keep the change: %w", err)
	}
	return nil
}

func auditText(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// connection reads the account's CRM connection; found is false when there is none.
func (c Config) connection(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) (conn switchboard.Connection, found bool, err error) {
	conn, err = c.Store.Connection(ctx, tx, account)
	if errors.Is(err, switchboard.ErrNotFound) {
		return conn, false, nil
	}
	return conn, err == nil, err
}

// textOf checks and trims a short text of a request.
func textOf(field, text string, least, most int) (string, error) {
	text = strings.TrimSpace(text)
	if n := utf8.RuneCountInString(text); n >= least && n <= most {
		return text, nil
	}
	return "", &switchboard.Error{Code: switchboard.CodeInvalid, Message: string(i18n.TextLength), Field: field,
		Params: map[string]string{"field": field, "min": strconv.Itoa(least), "max": strconv.Itoa(most)}}
}

// sentence gives the sentence of a stored reason: a key, or the words of a CRM.
func sentence(ctx context.Context, reason string) string {
	if i18n.Has(i18n.Key(reason)) {
		return say(ctx, i18n.Key(reason), nil)
	}
	return reason
}
