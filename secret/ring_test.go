package secret_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"switchboard/secret"
)

var place = secret.Place{Account: "a1", Table: "crm_connection", Column: "token", ID: "c1"}

func TestOpensWhatItSealedAtTheSamePlaceOnly(t *testing.T) {
	t.Parallel()
	ring := load(t, keyFile(t))
	part := rapid.StringN(0, 12, 40)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) secret.Place {
			return secret.Place{
				Account: part.Draw(t, label+" account"), Table: part.Draw(t, label+" table"),
				Column: part.Draw(t, label+" column"), ID: part.Draw(t, label+" id"),
			}
		}
		home, other := draw("home"), draw("other")
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		sealed, err := ring.Seal(home, text)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := ring.Open(home, sealed)
		if err != nil || !bytes.Equal(opened, text) {
			t.Fatalf("opened %q, %v", opened, err)
		}
		if _, err := ring.Open(other, sealed); home != other && !errors.Is(err, secret.ErrDamaged) {
			t.Fatalf("opened at %v what was sealed at %v: %v", other, home, err)
		}
	})
}

func TestPlacesWhosePartsRunTogetherDiffer(t *testing.T) {
	t.Parallel()
	ring := load(t, keyFile(t))
	sealed := seal(t, ring, secret.Place{Account: "ab", Table: "c"})
	if _, err := ring.Open(secret.Place{Account: "a", Table: "bc"}, sealed); !errors.Is(err, secret.ErrDamaged) {
		t.Errorf("opened at another place: %v", err)
	}
}

func TestEveryAlteredByteIsNoticed(t *testing.T) {
	t.Parallel()
	ring := load(t, keyFile(t))
	sealed := seal(t, ring, place)
	if bytes.Contains(sealed, []byte(canary)) {
		t.Fatal("the text is readable in the sealed value")
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if opened, err := ring.Open(place, altered); err == nil {
			t.Fatalf("byte %d altered, opened %q", i, opened)
		}
		if opened, err := ring.Open(place, sealed[:i]); err == nil {
			t.Fatalf("cut after %d bytes, opened %q", i, opened)
		}
	}
}

func TestWrongKeyIsToldApartFromDamage(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	ring := load(t, path)
	old := seal(t, ring, place)
	rotated, err := secret.Rotate(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	young := seal(t, rotated, place)
	stranger := load(t, keyFile(t))
	for name, check := range map[string]struct {
		ring   *secret.Ring
		sealed []byte
		want   secret.WrongKeyError
	}{
		"another file":       {stranger, old, secret.WrongKeyError{KeyVersion: 1, Present: true}},
		"a file from before": {ring, young, secret.WrongKeyError{KeyVersion: 2}},
	} {
		var wrong *secret.WrongKeyError
		_, err := check.ring.Open(place, check.sealed)
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v, want a WrongKeyError", name, err)
			continue
		}
		if diff := cmp.Diff(check.want, *wrong); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRotationKeepsOldValuesReadableAndMarksThemStale(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	old := seal(t, load(t, path), place)
	rotated, err := secret.Rotate(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	again := load(t, path)
	for _, ring := range []*secret.Ring{rotated, again} {
		if opened, err := ring.Open(place, old); err != nil || string(opened) != canary {
			t.Errorf("opened %q, %v", opened, err)
		}
		if fresh := seal(t, ring, place); !ring.IsStale(old) || ring.IsStale(fresh) {
			t.Error("stale and fresh values are confused")
		}
	}
}

func TestMakesTheFileForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "secret.key")
	_, made, err := secret.Load(path, rand.Reader)
	if err != nil || !made {
		t.Fatalf("made %v, %v", made, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 600", info.Mode().Perm())
	}
	if _, made, err = secret.Load(path, rand.Reader); err != nil || made {
		t.Errorf("second start: made %v, %v", made, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left beside the file: %v", left)
	}
}

func TestTwoFirstStartsAgreeOnOneKey(t *testing.T) {
	t.Parallel()
	path := keyFile(t)
	rings := make([]*secret.Ring, 8)
	var together sync.WaitGroup
	for i := range rings {
		together.Go(func() { rings[i], _, _ = secret.Load(path, rand.Reader) })
	}
	together.Wait()
	sealed := seal(t, rings[0], place)
	for i, ring := range rings {
		if ring == nil {
			t.Fatalf("start %d failed", i)
		}
		if _, err := ring.Open(place, sealed); err != nil {
			t.Errorf("start %d has another key: %v", i, err)
		}
	}
}

func TestRefusesFilesItCannotTrust(t *testing.T) {
	t.Parallel()
	good := keyFile(t)
	load(t, good)
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by others": {string(text), 0o644, "chmod 600"},
		"readable by group":  {string(text), 0o640, "chmod 600"},
		"empty":              {"", 0o600, "is not a secret key file"},
		"no keys":            {`{"keys":[]}`, 0o600, "it has no keys"},
		"short key":          {`{"keys":[{"version":1,"key":"Y2FuYXJ5"}]}`, 0o600, "6 bytes"},
		"not base64":         {`{"keys":[{"version":1,"key":"` + canary + `?"}]}`, 0o600, "not base64"},
		"same version twice": {strings.Replace(string(text), `"keys": [`, `"keys": [{"version":1,"key":"`+strings.Repeat("A", 43)+`="},`, 1), 0o600, "stands after"},
	} {
		path := filepath.Join(t.TempDir(), "secret.key")
		if err := os.WriteFile(path, []byte(file.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, file.mode); err != nil {
			t.Fatal(err)
		}
		_, made, err := secret.Load(path, rand.Reader)
		if err == nil || made || !strings.Contains(err.Error(), file.want) {
			t.Errorf("%s: %v, want %q", name, err, file.want)
		} else if strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

func TestSaysWhenRandomnessFails(t *testing.T) {
	t.Parallel()
	if _, _, err := secret.Load(keyFile(t), strings.NewReader("short")); err == nil {
		t.Error("made a key from five bytes")
	}
}

func keyFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "secret.key")
}

func load(t *testing.T, path string) *secret.Ring {
	t.Helper()
	ring, _, err := secret.Load(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func seal(t *testing.T, ring *secret.Ring, at secret.Place) []byte {
	t.Helper()
	sealed, err := ring.Seal(at, []byte(canary))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}
