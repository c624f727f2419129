package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	keyBytes         = 32 // AES-256
	nonceBytes       = 12
	formatVersion    = 1
	fingerprintBytes = 4
	headerBytes      = 1 + 4 + fingerprintBytes // format, key version, fingerprint
)

// Place is where a sealed value is stored. A value opens at its own place only.
type Place struct {
	Account string
	Table   string
	Column  string
	ID      string // of the row
}

// bind writes the place and the header without ambiguity: each part follows its length.
func (p Place) bind(header []byte) []byte {
	bound := append([]byte{}, header...)
	for _, part := range []string{p.Account, p.Table, p.Column, p.ID} {
		bound = binary.BigEndian.AppendUint32(bound, uint32(len(part))) //nolint:gosec // names and ids are short
		bound = append(bound, part...)
	}
	return bound
}

// ErrDamaged says that a sealed value was altered, cut or moved to another place.
var ErrDamaged = errors.New("the sealed value is damaged or belongs to another place")

// WrongKeyError says that the key a value was sealed with is not in the key file.
type WrongKeyError struct {
	KeyVersion uint32 // the version the value asks for
	Present    bool   // a key of this version is there, but it is another key
}

// Error says what to do.
func (e *WrongKeyError) Error() string {
	if e.Present {
		return fmt.Sprintf("the secret key file holds another key %d than the one the data was encrypted with: put back the file this database was used with", e.KeyVersion)
	}
	return fmt.Sprintf("the secret key file has no key %d, which the data was encrypted with: put back the newest file this database was used with", e.KeyVersion)
}

// Ring seals and opens values. It is safe for several goroutines.
type Ring struct {
	keys   []key // ascending versions; the last one seals
	random io.Reader
}

type key struct {
	version     uint32
	secret      []byte
	fingerprint [fingerprintBytes]byte
	aead        cipher.AEAD
}

func newKey(version uint32, secret []byte) (key, error) {
	if len(secret) != keyBytes {
		return key{}, fmt.Errorf("key %d has %d bytes, want %d", version, len(secret), keyBytes)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, fmt.Errorf("prepare key %d: %w", version, err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return key{}, fmt.Errorf("prepare key %d: %w", version, err)
	}
	made := key{version: version, secret: secret, aead: aead}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("switchboard key fingerprint"))
	copy(made.fingerprint[:], mac.Sum(nil))
	return made, nil
}

func (k key) header() []byte {
	header := binary.BigEndian.AppendUint32([]byte{formatVersion}, k.version)
	return append(header, k.fingerprint[:]...)
}

// Seal encrypts plaintext for one place with the newest key. The result is
// 37 bytes longer than plaintext.
func (r *Ring) Seal(place Place, plaintext []byte) ([]byte, error) {
	newest := r.keys[len(r.keys)-1]
	nonce := make([]byte, nonceBytes)
	if _, err := io.ReadFull(r.random, nonce); err != nil {
		return nil, fmt.Errorf("seal: read randomness: %w", err)
	}
	header := newest.header()
	sealed := append(append([]byte{}, header...), nonce...)
	return newest.aead.Seal(sealed, nonce, plaintext, place.bind(header)), nil
}

// Open decrypts what Seal made for the same place. It answers *WrongKeyError
// where the key is missing and ErrDamaged for everything else that does not open.
func (r *Ring) Open(place Place, sealed []byte) ([]byte, error) {
	if len(sealed) < headerBytes+nonceBytes || sealed[0] != formatVersion {
		return nil, ErrDamaged
	}
	header, rest := sealed[:headerBytes], sealed[headerBytes:]
	fitting, err := r.find(header)
	if err != nil {
		return nil, err
	}
	plaintext, err := fitting.aead.Open(nil, rest[:nonceBytes], rest[nonceBytes:], place.bind(header))
	if err != nil {
		return nil, ErrDamaged
	}
	return plaintext, nil
}

func (r *Ring) find(header []byte) (key, error) {
	version := binary.BigEndian.Uint32(header[1:])
	for _, candidate := range r.keys {
		if candidate.version != version {
			continue
		}
		if string(candidate.header()) != string(header) {
			return key{}, &WrongKeyError{KeyVersion: version, Present: true}
		}
		return candidate, nil
	}
	return key{}, &WrongKeyError{KeyVersion: version}
}

// IsStale tells whether the value was sealed with an older key than the newest.
func (r *Ring) IsStale(sealed []byte) bool {
	newest := r.keys[len(r.keys)-1]
	return len(sealed) < headerBytes || string(sealed[:headerBytes]) != string(newest.header())
}
