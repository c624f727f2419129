package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"switchboard"
	"switchboard/secret"
)

// Cost is what one password costs to compute.
type Cost struct {
	KiB     uint32
	Passes  uint32
	Threads uint8
}

// DefaultCost is OWASP's recommendation for argon2id: 19 MiB, two passes.
var DefaultCost = Cost{KiB: 19 * 1024, Passes: 2, Threads: 1}

// Bounds of what a stored hash may ask for, and of passwords.
const (
	maxKiB     = 256 * 1024
	maxPasses  = 10
	maxThreads = 8
	saltBytes  = 16
	keyBytes   = 32

	// MinPassword and MaxPassword bound a password's length in characters.
	MinPassword = 10
	MaxPassword = 200

	// atOnce bounds how many passwords are computed at the same time: memory and
	// processors belong to the chats.
	atOnce = 2
	// queueTime bounds how long one waits for its turn.
	queueTime = 10 * time.Second
)

var errBadHash = errors.New("a stored password hash cannot be read")

// hasher computes passwords, few at a time.
type hasher struct {
	cost  Cost
	slots chan struct{}
	dummy string // of a password nobody has
}

func newHasher(cost Cost, random io.Reader) (*hasher, error) {
	h := &hasher{cost: cost, slots: make(chan struct{}, atOnce)}
	salt := make([]byte, saltBytes+keyBytes)
	if _, err := io.ReadFull(random, salt); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	h.dummy = encode(cost, salt[:saltBytes], salt[saltBytes:])
	return h, nil
}

// hash makes what is stored of a password.
func (h *hasher) hash(ctx context.Context, password secret.String, random io.Reader) (string, error) {
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(random, salt); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	key, err := h.key(ctx, h.cost, password, salt)
	if err != nil {
		return "", err
	}
	return encode(h.cost, salt, key), nil
}

// matches says whether the password is the stored one's.
func (h *hasher) matches(ctx context.Context, stored string, password secret.String) (bool, error) {
	cost, salt, want, err := decode(stored)
	if err != nil {
		return false, err
	}
	got, err := h.key(ctx, cost, password, salt)
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

// waste does the work of a wrong password.
func (h *hasher) waste(ctx context.Context, password secret.String) error {
	_, err := h.matches(ctx, h.dummy, password)
	return err
}

// key waits for a slot and computes.
func (h *hasher) key(ctx context.Context, cost Cost, password secret.String, salt []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, queueTime)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, &switchboard.Error{Code: switchboard.CodeUnavailable, Message: "unavailable", Err: ctx.Err()}
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password.Reveal()), salt, cost.Passes, cost.KiB, cost.Threads, keyBytes), nil
}

// encode writes the usual text form: $argon2id$v=19$m=...,t=...,p=...$salt$key.
func encode(c Cost, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.KiB, c.Passes, c.Threads, b64(salt), b64(key))
}

func decode(stored string) (c Cost, salt, key []byte, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errBadHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.KiB, &c.Passes, &c.Threads); err != nil {
		return c, nil, nil, errBadHash
	}
	if c.KiB == 0 || c.Passes == 0 || c.Threads == 0 || c.KiB > maxKiB || c.Passes > maxPasses || c.Threads > maxThreads {
		return c, nil, nil, errBadHash
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return c, nil, nil, errBadHash
	}
	if key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(key) != keyBytes {
		return c, nil, nil, errBadHash
	}
	return c, salt, key, nil
}

func checkPassword(password secret.String) error {
	length := utf8.RuneCountInString(password.Reveal())
	if length >= MinPassword && length <= MaxPassword {
		return nil
	}
	return &switchboard.Error{Code: switchboard.CodeInvalid, Message: "password_length", Field: "password",
		Params: map[string]string{"min": fmt.Sprint(MinPassword), "max": fmt.Sprint(MaxPassword)}}
}
