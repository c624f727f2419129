package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"switchboard"
	"switchboard/secret"
)

var (
	errLink  = &switchboard.Error{Code: switchboard.CodeNotFound, Message: "link_unusable"}
	errSetup = &switchboard.Error{Code: switchboard.CodeNotFound, Message: "setup_link_unusable"}
)

// LinkURL is where people open a one-time link. The token stands behind #, which
// browsers tell neither servers nor other sites.
func LinkURL(public string, kind switchboard.LinkKind, token secret.String) string {
	page := "/invitation"
	if kind == switchboard.LinkSetup {
		page = "/setup"
	}
	return strings.TrimRight(public, "/") + page + "#" + token.Reveal()
}

// SetupLink makes the link that claims the server, in place of any earlier one; the
// empty token when the server was claimed already (SET-0).
func (a *Auth) SetupLink(ctx context.Context) (token secret.String, err error) {
	err = a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		token = secret.String{}
		claimed, err := a.Store.HasAccount(ctx, tx)
		if err != nil || claimed {
			return err
		}
		token, err = a.addLink(ctx, tx, switchboard.Link{Kind: switchboard.LinkSetup, ExpiresAt: a.Clock().Add(SetupTime)})
		return err
	})
	return token, err
}

func (a *Auth) addLink(ctx context.Context, tx switchboard.Tx, l switchboard.Link) (secret.String, error) {
	token, hash, err := a.newToken()
	if err != nil {
		return token, err
	}
	if err := a.Store.AddLink(ctx, tx, hash, l); err != nil {
		return token, fmt.Errorf("add link: %w", err)
	}
	return token, nil
}

// SetUp claims the server: the company, its first employee as administrator, and a
// session. Of several claims one wins.
func (a *Auth) SetUp(ctx context.Context, token secret.String, company string, first switchboard.Employee, password secret.String, d switchboard.Device) (session secret.String, s switchboard.Session, err error) {
	hash, _ := hashOf(token)
	if _, err := a.usable(ctx, hash, errSetup, switchboard.LinkSetup); err != nil {
		return session, s, err
	}
	account, err := a.company(company, first.Locale)
	if err != nil {
		return session, s, err
	}
	if first, err = a.administrator(first); err != nil {
		return session, s, err
	}
	hashed, err := a.hashed(ctx, password)
	if err != nil {
		return session, s, err
	}
	err = a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if err := a.claim(ctx, tx, hash); err != nil {
			return err
		}
		if err := a.Store.AddAccount(ctx, tx, account); err != nil {
			return fmt.Errorf("add account: %w", err)
		}
		if err := a.Store.AddEmployee(ctx, tx, account.ID, first); err != nil {
			return fmt.Errorf("add administrator: %w", err)
		}
		if err := a.Store.SetPassword(ctx, tx, account.ID, first.ID, hashed); err != nil {
			return err
		}
		session, s, err = a.addSession(ctx, tx, account.ID, first.ID, d)
		return err
	})
	return session, s, err
}

// claim uses the set-up link up and ends all others.
func (a *Auth) claim(ctx context.Context, tx switchboard.Tx, hash string) error {
	if _, err := a.use(ctx, tx, hash, errSetup, switchboard.LinkSetup); err != nil {
		return err
	}
	if err := a.Store.EndLinks(ctx, tx, switchboard.Link{Kind: switchboard.LinkSetup}); err != nil {
		return err
	}
	claimed, err := a.Store.HasAccount(ctx, tx)
	if err == nil && claimed {
		return errSetup
	}
	return err
}

// company is a new account with settings that suit most.
func (a *Auth) company(name, locale string) (switchboard.Account, error) {
	name, err := checkName("company", name)
	settings := switchboard.AccountSettings{Timeline: true, Country: "US", Locale: "en"}
	if locale == "ru" {
		settings.Country, settings.EightToSeven, settings.Locale = "RU", true, "ru"
	}
	return switchboard.Account{ID: switchboard.AccountID(switchboard.NewUUID(a.Clock(), a.Random)), Name: name, Settings: settings}, err
}

func (a *Auth) administrator(e switchboard.Employee) (switchboard.Employee, error) {
	email, err := checkEmail(e.Email)
	if err != nil {
		return e, err
	}
	name, err := checkName("name", e.Name)
	return switchboard.Employee{ID: switchboard.EmployeeID(switchboard.NewUUID(a.Clock(), a.Random)), Email: email, Name: name,
		Active: true, Admin: true, Locale: e.Locale}, err
}

const maxNameRunes = 200

func checkName(field, name string) (string, error) {
	name = strings.TrimSpace(name)
	if length := utf8.RuneCountInString(name); length >= 1 && length <= maxNameRunes {
		return name, nil
	}
	return "", &switchboard.Error{Code: switchboard.CodeInvalid, Message: "text_length", Field: field,
		Params: map[string]string{"field": field, "min": "1", "max": fmt.Sprint(maxNameRunes)}}
}

func (a *Auth) hashed(ctx context.Context, password secret.String) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	return a.hasher.hash(ctx, password, a.Random)
}

// usable finds a link that can still be used; anything else is refused alike.
func (a *Auth) usable(ctx context.Context, hash string, refusal error, kinds ...switchboard.LinkKind) (switchboard.Link, error) {
	l, err := a.Store.Link(ctx, nil, hash)
	if err == nil && (!l.UsedAt.IsZero() || !l.ExpiresAt.After(a.Clock())) {
		err = refusal
	}
	return ofKind(l, err, refusal, kinds)
}

// use uses a link up; of several who try, one succeeds.
func (a *Auth) use(ctx context.Context, tx switchboard.Tx, hash string, refusal error, kinds ...switchboard.LinkKind) (switchboard.Link, error) {
	l, err := a.Store.UseLink(ctx, tx, hash)
	return ofKind(l, err, refusal, kinds)
}

func ofKind(l switchboard.Link, err, refusal error, kinds []switchboard.LinkKind) (switchboard.Link, error) {
	if errors.Is(err, switchboard.ErrNotFound) {
		return l, refusal
	}
	if err != nil {
		return l, err
	}
	for _, kind := range kinds {
		if l.Kind == kind {
			return l, nil
		}
	}
	return l, refusal
}

// ReadLink finds an invitation or reset link that can still be used.
func (a *Auth) ReadLink(ctx context.Context, token secret.String) (switchboard.Link, error) {
	hash, _ := hashOf(token)
	l, err := a.usable(ctx, hash, errLink, switchboard.LinkInvitation, switchboard.LinkReset)
	if err != nil {
		return l, err
	}
	e, err := a.Store.Employee(ctx, nil, l.Account, l.Employee)
	if err == nil && !e.Active {
		return l, errLink
	}
	return l, err
}

// AcceptLink sets the password and begins a session; all earlier sessions of the
// employee end.
func (a *Auth) AcceptLink(ctx context.Context, token, password secret.String, locale string, d switchboard.Device) (session secret.String, s switchboard.Session, err error) {
	if _, err := a.ReadLink(ctx, token); err != nil {
		return session, s, err
	}
	hashed, err := a.hashed(ctx, password)
	if err != nil {
		return session, s, err
	}
	hash, _ := hashOf(token)
	err = a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		l, err := a.use(ctx, tx, hash, errLink, switchboard.LinkInvitation, switchboard.LinkReset)
		if err != nil {
			return err
		}
		if err := a.admit(ctx, tx, l, hashed, locale); err != nil {
			return err
		}
		session, s, err = a.addSession(ctx, tx, l.Account, l.Employee, d)
		return err
	})
	return session, s, err
}

// admit gives the employee of a link a new password, and ends what the old one opened.
func (a *Auth) admit(ctx context.Context, tx switchboard.Tx, l switchboard.Link, hashed, locale string) error {
	e, err := a.Store.Employee(ctx, tx, l.Account, l.Employee)
	if err != nil {
		return fmt.Errorf("read employee: %w", err)
	}
	if !e.Active {
		return errLink
	}
	if locale != "" {
		e.Locale = locale
	}
	if err := a.Store.SaveEmployee(ctx, tx, l.Account, e); err != nil {
		return fmt.Errorf("save employee: %w", err)
	}
	if err := a.Store.SetPassword(ctx, tx, l.Account, e.ID, hashed); err != nil {
		return err
	}
	if err := a.EndLinks(ctx, tx, l.Account, e.ID); err != nil {
		return err
	}
	return a.Store.EndSessions(ctx, tx, l.Account, e.ID)
}

// EndLinks ends an employee's open links.
func (a *Auth) EndLinks(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) error {
	for _, kind := range []switchboard.LinkKind{switchboard.LinkInvitation, switchboard.LinkReset} {
		if err := a.Store.EndLinks(ctx, tx, switchboard.Link{Kind: kind, Account: account, Employee: id}); err != nil {
			return fmt.Errorf("end links: %w", err)
		}
	}
	return nil
}

// Invite makes an invitation for an employee in place of earlier ones, or a reset link
// for who has a password; good for 7 days.
func (a *Auth) Invite(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (secret.String, time.Time, error) {
	return a.invite(ctx, tx, account, id, InvitationTime)
}

func (a *Auth) invite(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID, lives time.Duration) (token secret.String, expires time.Time, err error) {
	hash, err := a.Store.PasswordHash(ctx, tx, account, id)
	if err != nil {
		return token, expires, fmt.Errorf("read password: %w", err)
	}
	if err := a.EndLinks(ctx, tx, account, id); err != nil {
		return token, expires, err
	}
	l := switchboard.Link{Kind: switchboard.LinkInvitation, Account: account, Employee: id, ExpiresAt: a.Clock().Add(lives)}
	if hash != "" {
		l.Kind = switchboard.LinkReset
	}
	token, err = a.addLink(ctx, tx, l)
	return token, l.ExpiresAt, err
}

// ResetLink restores access for an e-mail address (SET-0): the employee is unblocked
// and gets a link to a new password, good for a day. For the server's operator only.
func (a *Auth) ResetLink(ctx context.Context, email string) (token secret.String, err error) {
	account, id, err := a.Store.FindEmail(ctx, normalEmail(email))
	if err != nil {
		return token, err
	}
	err = a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		e, err := a.Store.Employee(ctx, tx, account, id)
		if err != nil {
			return fmt.Errorf("read employee: %w", err)
		}
		if !e.Active {
			e.Active = true
			if err := a.Store.SaveEmployee(ctx, tx, account, e); err != nil {
				return fmt.Errorf("unblock employee: %w", err)
			}
		}
		token, _, err = a.invite(ctx, tx, account, id, ResetTime)
		return err
	})
	return token, err
}
