package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"switchboard"
	"switchboard/secret"
)

// Times that sessions and links live.
const (
	SessionTime    = 30 * 24 * time.Hour // since the last use
	InvitationTime = 7 * 24 * time.Hour
	SetupTime      = 7 * 24 * time.Hour
	ResetTime      = 24 * time.Hour
	// touchEvery is how often a session's use is written down.
	touchEvery = time.Hour

	tokenBytes    = 32
	maxEmailBytes = 320
)

// Store is what identity needs of the database.
type Store interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	HasAccount(ctx context.Context, tx switchboard.Tx) (bool, error)
	AddAccount(ctx context.Context, tx switchboard.Tx, a switchboard.Account) error
	Employee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (switchboard.Employee, error)
	LockEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (switchboard.Employee, error)
	AddEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, e switchboard.Employee) error
	SaveEmployee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, e switchboard.Employee) error
	Credentials(ctx context.Context, email string) ([]switchboard.Credential, error)
	FindEmail(ctx context.Context, email string) (switchboard.AccountID, switchboard.EmployeeID, error)
	SetPassword(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID, hash string) error
	PasswordHash(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (string, error)
	SignedIn(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) error
	AddSession(ctx context.Context, tx switchboard.Tx, hash string, v switchboard.Session) error
	Session(ctx context.Context, tx switchboard.Tx, hash string) (switchboard.Session, error)
	SeeSession(ctx context.Context, hash string, expires time.Time) error
	EndSession(ctx context.Context, tx switchboard.Tx, hash string, v switchboard.Session) error
	EndSessions(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) error
	AddLink(ctx context.Context, tx switchboard.Tx, hash string, l switchboard.Link) error
	EndLinks(ctx context.Context, tx switchboard.Tx, l switchboard.Link) error
	Link(ctx context.Context, tx switchboard.Tx, hash string) (switchboard.Link, error)
	UseLink(ctx context.Context, tx switchboard.Tx, hash string) (switchboard.Link, error)
}

// Config is what identity is made of.
type Config struct {
	Store  Store
	Clock  func() time.Time
	Random io.Reader
	// Cost of a password; DefaultCost when zero.
	Cost Cost
}

// Auth knows who people are. It is safe for concurrent use.
type Auth struct {
	Config
	hasher *hasher
	slowed *slowed
}

// New makes an Auth.
func New(c Config) (*Auth, error) {
	if c.Cost == (Cost{}) {
		c.Cost = DefaultCost
	}
	h, err := newHasher(c.Cost, c.Random)
	if err != nil {
		return nil, err
	}
	return &Auth{Config: c, hasher: h, slowed: newSlowed(c.Clock, maxSlowed)}, nil
}

var (
	errUnauthorized = &switchboard.Error{Code: switchboard.CodeUnauthorized, Message: "unauthorized"}
	errRefused      = &switchboard.Error{Code: switchboard.CodeUnauthorized, Message: "sign_in_refused"}
)

// SignIn checks e-mail and password and begins a session.
func (a *Auth) SignIn(ctx context.Context, email string, password secret.String, d switchboard.Device) (secret.String, switchboard.Session, error) {
	email = normalEmail(email)
	person, place := "person "+email+" "+d.Address, "address "+d.Address
	if err := a.slow(person, place); err != nil {
		return secret.String{}, switchboard.Session{}, err
	}
	found, err := a.verify(ctx, email, password)
	if err != nil {
		if !errors.Is(err, errRefused) { // not the guesser's doing
			a.slowed.takeBack(person, freePerPerson)
			a.slowed.takeBack(place, freePerAddress)
		}
		return secret.String{}, switchboard.Session{}, err
	}
	a.slowed.forgive(person)
	a.slowed.takeBack(place, freePerAddress)
	return a.begin(ctx, found, d)
}

// slow refuses who failed too often of late.
func (a *Auth) slow(person, place string) error {
	if wait := a.slowed.attempt(place, freePerAddress); wait > 0 {
		return tooMany(wait)
	}
	if wait := a.slowed.attempt(person, freePerPerson); wait > 0 {
		a.slowed.takeBack(place, freePerAddress)
		return tooMany(wait)
	}
	return nil
}

// verify finds whose the password is. An unknown e-mail costs as much as a known one.
func (a *Auth) verify(ctx context.Context, email string, password secret.String) (c switchboard.Credential, err error) {
	all, err := a.Store.Credentials(ctx, email)
	if err != nil {
		return c, fmt.Errorf("read passwords: %w", err)
	}
	if len(all) == 0 {
		if err := a.hasher.waste(ctx, password); err != nil {
			return c, err
		}
		return c, errRefused
	}
	for _, one := range all {
		ok, err := a.hasher.matches(ctx, one.Hash, password)
		if err != nil {
			return c, err
		}
		if ok {
			return one, nil
		}
	}
	return c, errRefused
}

// begin adds a session for who was found, unless the employee was blocked or got
// another password meanwhile.
func (a *Auth) begin(ctx context.Context, c switchboard.Credential, d switchboard.Device) (token secret.String, s switchboard.Session, err error) {
	err = a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		e, err := a.Store.LockEmployee(ctx, tx, c.Account, c.Employee)
		if err != nil {
			return fmt.Errorf("read employee: %w", err)
		}
		hash, err := a.Store.PasswordHash(ctx, tx, c.Account, c.Employee)
		if err != nil {
			return fmt.Errorf("read password: %w", err)
		}
		if !e.Active || hash != c.Hash {
			return errRefused
		}
		token, s, err = a.addSession(ctx, tx, c.Account, c.Employee, d)
		return err
	})
	return token, s, err
}

func (a *Auth) addSession(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID, d switchboard.Device) (secret.String, switchboard.Session, error) {
	token, hash, err := a.newToken()
	if err != nil {
		return token, switchboard.Session{}, err
	}
	now := a.Clock()
	s := switchboard.Session{Account: account, ID: switchboard.NewUUID(now, a.Random), Employee: employee, Kind: switchboard.SessionCookie,
		CreatedAt: now, ExpiresAt: now.Add(SessionTime), SeenAt: now, Device: d}
	if err := a.Store.AddSession(ctx, tx, hash, s); err != nil {
		return token, s, fmt.Errorf("add session: %w", err)
	}
	return token, s, a.Store.SignedIn(ctx, tx, account, employee)
}

// Authenticate finds the session of a token. A cookie's time is extended by its use;
// renewed says that it was just now.
func (a *Auth) Authenticate(ctx context.Context, token secret.String, kind switchboard.SessionKind) (s switchboard.Session, renewed bool, err error) {
	hash, ok := hashOf(token)
	if !ok || kind == switchboard.SessionCode {
		return s, false, errUnauthorized
	}
	s, err = a.Store.Session(ctx, nil, hash)
	if errors.Is(err, switchboard.ErrNotFound) || err == nil && s.Kind != kind {
		return switchboard.Session{}, false, errUnauthorized
	}
	if err != nil {
		return s, false, fmt.Errorf("read session: %w", err)
	}
	now := a.Clock()
	if kind != switchboard.SessionCookie || now.Sub(s.SeenAt) < touchEvery {
		return s, false, nil
	}
	s.SeenAt, s.ExpiresAt = now, now.Add(SessionTime)
	if err := a.Store.SeeSession(ctx, hash, s.ExpiresAt); err != nil {
		return s, false, fmt.Errorf("note a session's use: %w", err)
	}
	return s, true, nil
}

// SignOut ends the session of a token; one that is over already is fine.
func (a *Auth) SignOut(ctx context.Context, token secret.String) error {
	hash, ok := hashOf(token)
	if !ok {
		return nil
	}
	return a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		s, err := a.Store.Session(ctx, tx, hash)
		if errors.Is(err, switchboard.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read session: %w", err)
		}
		return a.Store.EndSession(ctx, tx, hash, s)
	})
}

// newToken makes a token and what is stored of it.
func (a *Auth) newToken() (secret.String, string, error) {
	var b [tokenBytes]byte
	if _, err := io.ReadFull(a.Random, b[:]); err != nil {
		return secret.String{}, "", fmt.Errorf("read randomness: %w", err)
	}
	token := secret.New(base64.RawURLEncoding.EncodeToString(b[:]))
	hash, _ := hashOf(token)
	return token, hash, nil
}

// hashOf gives what is stored of a token; false for what cannot be one.
func hashOf(token secret.String) (string, bool) {
	text := token.Reveal()
	if len(text) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return "", false
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:]), true
}

func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// checkEmail gives the stored form of an address, or says that it is none.
func checkEmail(email string) (string, error) {
	email = normalEmail(email)
	user, host, found := strings.Cut(email, "@")
	if !found || user == "" || host == "" || strings.ContainsAny(host, "@/") || strings.ContainsAny(email, " \t\r\n<>,;\x00") ||
		len(email) > maxEmailBytes {
		return "", switchboard.Invalid("email", "email_malformed")
	}
	return email, nil
}
