package secret

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	maxFileBytes  = 64 << 10
	ownerOnly     = 0o600
	othersMask    = 0o077
	ownerOnlyTree = 0o700
)

// ErrOpenToOthers says that somebody else on the machine can read the key file.
var ErrOpenToOthers = errors.New("the secret key file can be read by others: run chmod 600 on it")

// fileForm is the key file: JSON, ascending versions, keys in base64.
type fileForm struct {
	Note string    `json:"note"`
	Keys []keyForm `json:"keys"`
}

type keyForm struct {
	Version uint32 `json:"version"`
	Key     string `json:"key"`
}

const fileNote = "Keys that encrypt tokens in the database. Keep a copy apart from the database's backups; without it the tokens are lost."

// Load reads the key file and, where there is none, makes it with one fresh
// key. Of two processes that start at once one makes it and both use it.
// made tells whether this call made the file.
func Load(path string, random io.Reader) (ring *Ring, made bool, err error) {
	ring, err = read(path, random)
	if !errors.Is(err, fs.ErrNotExist) {
		return ring, false, err
	}
	first, err := generate(1, random)
	if err != nil {
		return nil, false, err
	}
	err = write(path, []key{first}, os.Link)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, fmt.Errorf("make the secret key file: %w", err)
	}
	made = err == nil
	ring, err = read(path, random)
	return ring, made, err
}

// Rotate adds a key to the file: it seals from now on, older values still open.
// Other processes use it after their next Load; stop them first.
func Rotate(path string, random io.Reader) (*Ring, error) {
	ring, err := read(path, random)
	if err != nil {
		return nil, err
	}
	next, err := generate(ring.keys[len(ring.keys)-1].version+1, random)
	if err != nil {
		return nil, err
	}
	if err := write(path, append(ring.keys, next), os.Rename); err != nil {
		return nil, fmt.Errorf("add a key to the secret key file: %w", err)
	}
	return read(path, random)
}

func generate(version uint32, random io.Reader) (key, error) {
	fresh := make([]byte, keyBytes)
	if _, err := io.ReadFull(random, fresh); err != nil {
		return key{}, fmt.Errorf("make a key: %w", err)
	}
	return newKey(version, fresh)
}

func read(path string, random io.Reader) (*Ring, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the secret key file: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the secret key file: %w", err)
	}
	if info.Mode().Perm()&othersMask != 0 {
		return nil, fmt.Errorf("%s: %w", path, ErrOpenToOthers)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes))
	if err != nil {
		return nil, fmt.Errorf("read the secret key file: %w", err)
	}
	keys, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s is not a secret key file: %w", path, err)
	}
	return &Ring{keys: keys, random: random}, nil
}

// parse keeps key material out of its errors.
func parse(text []byte) ([]key, error) {
	var form fileForm
	if err := json.Unmarshal(text, &form); err != nil {
		return nil, errors.New("its JSON cannot be read")
	}
	if len(form.Keys) == 0 {
		return nil, errors.New("it has no keys")
	}
	var keys []key
	for _, entry := range form.Keys {
		if len(keys) > 0 && entry.Version <= keys[len(keys)-1].version {
			return nil, fmt.Errorf("key %d stands after key %d", entry.Version, keys[len(keys)-1].version)
		}
		raw, err := base64.StdEncoding.DecodeString(entry.Key)
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64", entry.Version)
		}
		parsed, err := newKey(entry.Version, raw)
		if err != nil {
			return nil, err
		}
		keys = append(keys, parsed)
	}
	return keys, nil
}

// write makes the file complete and on disk before place gives it its name.
func write(path string, keys []key, place func(from, to string) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, ownerOnlyTree); err != nil {
		return err
	}
	form := fileForm{Note: fileNote}
	for _, k := range keys {
		form.Keys = append(form.Keys, keyForm{Version: k.version, Key: base64.StdEncoding.EncodeToString(k.secret)})
	}
	text, err := json.MarshalIndent(form, "", "  ")
	if err != nil {
		return err
	}
	unfinished, err := os.CreateTemp(dir, ".secret-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(unfinished.Name()) }()
	_, err = unfinished.Write(append(text, '\n'))
	if err := errors.Join(err, unfinished.Chmod(ownerOnly), unfinished.Sync(), unfinished.Close()); err != nil {
		return err
	}
	if err := place(unfinished.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}
