package media

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/gabriel-vasile/mimetype"
)

const (
	unfinishedDir = "unfinished"
	dirMode       = 0o750
	fileMode      = 0o640
	sniffBytes    = 3072 // what mimetype looks at
)

// Disk keeps blobs in a folder, spread over 256 x 256 subfolders. It holds the
// folder itself: no key leads out of it, whatever links lie inside.
type Disk struct {
	root   *os.Root
	random io.Reader
}

var _ Store = (*Disk)(nil)

// OpenDisk uses the folder and makes it where it is missing. The caller calls Close.
func OpenDisk(dir string, random io.Reader) (*Disk, error) {
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("make the media folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the media folder: %w", err)
	}
	if err := root.MkdirAll(unfinishedDir, dirMode); err != nil {
		return nil, errors.Join(fmt.Errorf("make the media folder: %w", err), root.Close())
	}
	return &Disk{root: root, random: random}, nil
}

// Close lets the folder go.
func (d *Disk) Close() error { return d.root.Close() }

// shard is the folder of a key: "ab/cd" for "abcd...".
func shard(key string) string { return path.Join(key[:2], key[2:4]) }

func blobPath(key string) string { return path.Join(shard(key), key) }

// Put keeps what r gives.
func (d *Disk) Put(ctx context.Context, r io.Reader, limit int64) (Stored, error) {
	key, err := d.newKey()
	if err != nil {
		return Stored{}, err
	}
	unfinished := path.Join(unfinishedDir, key)
	stored, err := d.write(ctx, unfinished, r, limit)
	if err != nil {
		_ = d.root.Remove(unfinished)
		return Stored{}, fmt.Errorf("keep the file: %w", err)
	}
	stored.Key = key
	if err := d.publish(unfinished, key); err != nil {
		_ = d.root.Remove(unfinished)
		return Stored{}, fmt.Errorf("keep the file: %w", err)
	}
	return stored, nil
}

func (d *Disk) newKey() (string, error) {
	var raw [16]byte
	if _, err := io.ReadFull(d.random, raw[:]); err != nil {
		return "", fmt.Errorf("make a file key: %w", err)
	}
	return hex.EncodeToString(raw[:]), nil
}

// write copies r into a new file and forces it to disk.
func (d *Disk) write(ctx context.Context, name string, r io.Reader, limit int64) (stored Stored, err error) {
	file, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return Stored{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash, head := sha256.New(), &prefix{}
	source := io.LimitReader(&cancellable{ctx: ctx, r: r}, limit+1)
	size, err := io.Copy(io.MultiWriter(file, hash, head), source)
	if err != nil {
		return Stored{}, err
	}
	if size > limit {
		return Stored{}, &TooLargeError{MaxBytes: limit}
	}
	if err := file.Sync(); err != nil {
		return Stored{}, err
	}
	return Stored{Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)), MIME: sniff(head.bytes)}, nil
}

// publish gives the finished file its name; after it the file survives a crash.
func (d *Disk) publish(unfinished, key string) error {
	if err := d.root.MkdirAll(shard(key), dirMode); err != nil {
		return err
	}
	if err := d.root.Rename(unfinished, blobPath(key)); err != nil {
		return err
	}
	// A new name is durable once its folder is, and a new folder once its parent is.
	for _, dir := range []string{shard(key), path.Dir(shard(key)), "."} {
		if err := d.sync(dir); err != nil {
			return err
		}
	}
	return nil
}

func (d *Disk) sync(dir string) error {
	opened, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// Open gives a blob for reading.
func (d *Disk) Open(_ context.Context, key string) (io.ReadSeekCloser, error) {
	if !keyForm.MatchString(key) {
		return nil, ErrNotFound
	}
	file, err := d.root.Open(blobPath(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	return file, nil
}

// Delete removes a blob.
func (d *Disk) Delete(_ context.Context, key string) error {
	if !keyForm.MatchString(key) {
		return ErrNotFound
	}
	err := d.root.Remove(blobPath(key))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete the file: %w", err)
	}
	return nil
}

// RemoveUnfinished removes what interrupted Puts left before the given time
// and tells how many. Give a Put's longest duration as distance from now.
func (d *Disk) RemoveUnfinished(before time.Time) (int, error) {
	entries, err := fs.ReadDir(d.root.FS(), unfinishedDir)
	if err != nil {
		return 0, fmt.Errorf("list unfinished files: %w", err)
	}
	removed := 0
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue
		}
		if err := d.root.Remove(path.Join(unfinishedDir, entry.Name())); err != nil {
			return removed, fmt.Errorf("remove an unfinished file: %w", err)
		}
		removed++
	}
	return removed, nil
}

// sniff reads the type from the content's first bytes.
func sniff(head []byte) string {
	found, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	return found
}

// prefix keeps the first bytes written to it.
type prefix struct{ bytes []byte }

// Write never fails.
func (p *prefix) Write(from []byte) (int, error) {
	if missing := sniffBytes - len(p.bytes); missing > 0 {
		p.bytes = append(p.bytes, from[:min(missing, len(from))]...)
	}
	return len(from), nil
}

// cancellable ends a copy when its context ends.
type cancellable struct {
	ctx context.Context
	r   io.Reader
}

func (c *cancellable) Read(into []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(into)
}
