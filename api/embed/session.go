package embed

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"switchboard"
	"switchboard/i18n"
	"switchboard/secret"
)

// Times of the hand-off.
const (
	CodeTime   = 60 * time.Second
	BearerTime = 15 * time.Minute
	// ChainTime is how long after the hand-off a bearer can be renewed.
	ChainTime = 12 * time.Hour
	// youngest is the age below which a bearer is not renewed: rows are bounded.
	youngest = 20 * time.Second
)

// tokenBytes of randomness make a code or a bearer, as in package auth.
const tokenBytes = 32

// Store is what the hand-off needs of the database.
type Store interface {
	InTx(ctx context.Context, do func(tx switchboard.Tx) error) error
	ActiveConnections(ctx context.Context) ([]switchboard.Connection, error)
	Account(ctx context.Context, tx switchboard.Tx, id switchboard.AccountID) (switchboard.Account, error)
	Owners(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Owner, error)
	Deal(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.DealID) (switchboard.Deal, error)
	Employee(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.EmployeeID) (switchboard.Employee, error)
	Employees(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Employee, error)
	RolesOf(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, employee switchboard.EmployeeID) (map[switchboard.ChannelID]switchboard.Role, error)
	AddSession(ctx context.Context, tx switchboard.Tx, hash string, s switchboard.Session) error
	TakeSession(ctx context.Context, tx switchboard.Tx, hash string, kind switchboard.SessionKind) (switchboard.Session, error)
}

// Sessions makes codes and bearers. It is safe for concurrent use.
type Sessions struct {
	Store  Store
	Clock  func() time.Time
	Random io.Reader
}

var (
	errCode = &switchboard.Error{Code: switchboard.CodeUnauthorized, Message: string(i18n.FrameCodeOver)}
	errOver = &switchboard.Error{Code: switchboard.CodeUnauthorized, Message: string(i18n.FrameOver)}
)

// Code makes a one-time code for an employee; contact chooses what is shown first.
func (s *Sessions) Code(ctx context.Context, account switchboard.AccountID, employee switchboard.EmployeeID, contact switchboard.ContactID) (secret.String, error) {
	now := s.Clock()
	code, _, err := s.add(ctx, nil, switchboard.Session{Account: account, Employee: employee, Kind: switchboard.SessionCode, Contact: contact,
		ExpiresAt: now.Add(CodeTime)})
	return code, err
}

// add stores a session of a kind under a new token.
func (s *Sessions) add(ctx context.Context, tx switchboard.Tx, v switchboard.Session) (secret.String, switchboard.Session, error) {
	var b [tokenBytes]byte
	if _, err := io.ReadFull(s.Random, b[:]); err != nil {
		return secret.String{}, v, fmt.Errorf("read randomness: %w", err)
	}
	token := secret.New(base64.RawURLEncoding.EncodeToString(b[:]))
	v.ID = switchboard.NewUUID(s.Clock(), s.Random)
	v.CreatedAt, v.SeenAt = s.Clock(), s.Clock()
	hash, _ := hashOf(token)
	store := func(tx switchboard.Tx) error { return s.Store.AddSession(ctx, tx, hash, v) }
	if tx != nil {
		return token, v, store(tx)
	}
	return token, v, s.Store.InTx(ctx, store)
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

// Open exchanges a code for a bearer, once.
func (s *Sessions) Open(ctx context.Context, code secret.String, d switchboard.Device) (token secret.String, frame switchboard.Session, err error) {
	hash, ok := hashOf(code)
	if !ok {
		return token, frame, errCode
	}
	err = s.Store.InTx(ctx, func(tx switchboard.Tx) error {
		taken, err := s.Store.TakeSession(ctx, tx, hash, switchboard.SessionCode)
		if errors.Is(err, switchboard.ErrNotFound) {
			return errCode
		}
		if err != nil {
			return fmt.Errorf("take code: %w", err)
		}
		taken.Until = s.Clock().Add(ChainTime)
		token, frame, err = s.bearer(ctx, tx, taken, d)
		return err
	})
	return token, frame, err
}

// Renew gives the next bearer of a frame; the old one stays good for its time, so an
// answer that was lost does no harm.
func (s *Sessions) Renew(ctx context.Context, old switchboard.Session, d switchboard.Device) (token secret.String, frame switchboard.Session, err error) {
	now := s.Clock()
	if !now.Before(old.Until) {
		return token, frame, errOver
	}
	if wait := youngest - now.Sub(old.CreatedAt); wait > 0 {
		seconds := strconv.Itoa(int(wait/time.Second) + 1)
		return token, frame, &switchboard.Error{Code: switchboard.CodeTooMany, Message: string(i18n.TooMany), Params: map[string]string{"seconds": seconds}}
	}
	err = s.Store.InTx(ctx, func(tx switchboard.Tx) (err error) {
		token, frame, err = s.bearer(ctx, tx, old, d)
		return err
	})
	return token, frame, err
}

// bearer adds a frame's session after one that led to it; its employee must still be
// there and not blocked.
func (s *Sessions) bearer(ctx context.Context, tx switchboard.Tx, from switchboard.Session, d switchboard.Device) (secret.String, switchboard.Session, error) {
	employee, err := s.Store.Employee(ctx, tx, from.Account, from.Employee)
	if errors.Is(err, switchboard.ErrNotFound) || err == nil && !employee.Active {
		return secret.String{}, from, errOver
	}
	if err != nil {
		return secret.String{}, from, fmt.Errorf("read employee: %w", err)
	}
	expires := s.Clock().Add(BearerTime)
	if expires.After(from.Until) {
		expires = from.Until
	}
	return s.add(ctx, tx, switchboard.Session{Account: from.Account, Employee: from.Employee, Kind: switchboard.SessionFrame,
		Contact: from.Contact, ExpiresAt: expires, Until: from.Until, Device: d})
}
