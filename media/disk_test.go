package media_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"switchboard/media"
)

var png = append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"), make([]byte, 5000)...)

func TestGivesBackWhatWasPut(t *testing.T) {
	t.Parallel()
	disk, dir := open(t)
	content := rapid.SliceOfN(rapid.Byte(), 0, 20000)
	rapid.Check(t, func(t *rapid.T) {
		bytesIn := content.Draw(t, "content")
		stored, err := disk.Put(context.Background(), iotest.HalfReader(bytes.NewReader(bytesIn)), 20000)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(bytesIn)
		want := media.Stored{Key: stored.Key, Size: int64(len(bytesIn)), SHA256: hex.EncodeToString(sum[:]), MIME: stored.MIME}
		if diff := cmp.Diff(want, stored); diff != "" {
			t.Fatal(diff)
		}
		file, err := disk.Open(context.Background(), stored.Key)
		if err != nil {
			t.Fatal(err)
		}
		bytesOut, err := io.ReadAll(file)
		if err := errors.Join(err, file.Close()); err != nil || !bytes.Equal(bytesIn, bytesOut) {
			t.Fatalf("got %d bytes, put %d: %v", len(bytesOut), len(bytesIn), err)
		}
	})
	if left := files(t, filepath.Join(dir, "unfinished")); len(left) > 0 {
		t.Errorf("unfinished files are left: %v", left)
	}
}

func TestTellsTheTypeFromTheContent(t *testing.T) {
	t.Parallel()
	disk, _ := open(t)
	for want, content := range map[string][]byte{
		"image/png":                png,
		"text/html":                []byte("<html><script>alert(1)</script></html>"),
		"image/svg+xml":            []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"></svg>`),
		"application/pdf":          []byte("%PDF-1.7\n"),
		"text/plain":               []byte("hello"),
		"application/octet-stream": {0, 1, 2, 3},
	} {
		stored, err := disk.Put(t.Context(), bytes.NewReader(content), 1<<20)
		if err != nil || stored.MIME != want {
			t.Errorf("got %q, %v; want %q", stored.MIME, err, want)
		}
	}
}

func TestKeepsNothingOfAFailedPut(t *testing.T) {
	t.Parallel()
	disk, dir := open(t)
	broken := errors.New("the line is cut")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, put := range map[string]struct {
		ctx  context.Context
		r    io.Reader
		want func(error) bool
	}{
		"one byte too many": {t.Context(), bytes.NewReader(png), func(err error) bool {
			var large *media.TooLargeError
			return errors.As(err, &large) && large.MaxBytes == int64(len(png)-1)
		}},
		"cut": {t.Context(), io.MultiReader(bytes.NewReader(png[:100]), iotest.ErrReader(broken)), func(err error) bool {
			return errors.Is(err, broken)
		}},
		"given up": {cancelled, bytes.NewReader(png), func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		if _, err := disk.Put(put.ctx, put.r, int64(len(png)-1)); !put.want(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := disk.Put(t.Context(), bytes.NewReader(png), int64(len(png))); err != nil {
		t.Errorf("exactly the bound: %v", err)
	}
}

// S8: no key leads out of the folder.
func TestKeysCannotEscape(t *testing.T) {
	t.Parallel()
	disk, dir := open(t)
	outside := filepath.Join(filepath.Dir(dir), "outside")
	if err := os.WriteFile(outside, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := strings.Repeat("ab", 16)
	if err := os.MkdirAll(filepath.Join(dir, "ab", "ab"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "ab", "ab", key)); err != nil {
		t.Fatal(err)
	}
	keys := []string{key, "", ".", "..", "../outside", "../../../outside", outside, "ab/ab/../../../outside", "unfinished", strings.ToUpper(key), key + "\n", key + "\x00", key[:31], "..%2foutside"}
	for _, bad := range keys {
		if file, err := disk.Open(t.Context(), bad); err == nil {
			_ = file.Close()
			t.Errorf("%q opened a file", bad)
		}
		_ = disk.Delete(t.Context(), bad)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("a key deleted a file outside: %v", err)
	}
}

func TestDeletedIsGoneAndDeletingAgainIsNoError(t *testing.T) {
	t.Parallel()
	disk, _ := open(t)
	stored, err := disk.Put(t.Context(), bytes.NewReader(png), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := disk.Delete(t.Context(), stored.Key); err != nil {
			t.Error(err)
		}
	}
	if _, err := disk.Open(t.Context(), stored.Key); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}

func TestABlobIsWholeOrAbsentWhileOthersWrite(t *testing.T) {
	t.Parallel()
	disk, dir := open(t)
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() {
			for range 20 {
				if _, err := disk.Put(context.Background(), iotest.OneByteReader(bytes.NewReader(png[:600])), 600); err != nil {
					t.Error(err)
				}
			}
		})
	}
	finished := make(chan struct{})
	go func() { together.Wait(); close(finished) }()
	for looking := true; looking; {
		select {
		case <-finished:
			looking = false
		default:
		}
		for _, name := range files(t, dir) {
			if info, err := os.Stat(name); err == nil && !strings.Contains(name, "unfinished") && info.Size() != 600 {
				t.Fatalf("%s has %d bytes", name, info.Size())
			}
		}
	}
	if got := len(files(t, dir)); got != 160 {
		t.Errorf("%d blobs, want 160", got)
	}
}

func TestRemovesWhatInterruptedPutsLeft(t *testing.T) {
	t.Parallel()
	disk, dir := open(t)
	now := time.Now()
	for name, age := range map[string]time.Duration{"old": 25 * time.Hour, "young": time.Minute} {
		file := filepath.Join(dir, "unfinished", name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	removed, err := disk.RemoveUnfinished(now.Add(-24 * time.Hour))
	if err != nil || removed != 1 {
		t.Errorf("removed %d, %v; want 1", removed, err)
	}
	if left := files(t, dir); len(left) != 1 || filepath.Base(left[0]) != "young" {
		t.Errorf("left: %v", left)
	}
}

func open(t *testing.T) (*media.Disk, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "media")
	disk, err := media.OpenDisk(dir, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = disk.Close() })
	return disk, dir
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			found = append(found, name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
