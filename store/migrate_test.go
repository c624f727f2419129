package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCopiesTheFileBeforeItsSchemaChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "switchboard.db")
	s, err := Open(t.Context(), "sqlite:"+path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		now, target int64
		want        int
	}{{0, 1, 0}, {2, 2, 0}, {1, 2, 1}, {1, 2, 1}} {
		if err := s.copyBefore(t.Context(), c.now, c.target); err != nil {
			t.Fatal(err)
		}
		if copies := copiesOf(t, path); len(copies) != c.want {
			t.Errorf("from %d to %d: copies %v, want %d", c.now, c.target, copies, c.want)
		}
	}
	kept, err := Open(t.Context(), "sqlite:"+path+".before-2", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kept.Close() })
	if current, err := kept.Migrated(t.Context()); err != nil || !current {
		t.Errorf("the copy's schema: %v, %v", current, err)
	}
}

func copiesOf(t *testing.T, path string) []string {
	t.Helper()
	all, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var copies []string
	for _, e := range all {
		if strings.Contains(e.Name(), ".before-") {
			copies = append(copies, e.Name())
		}
	}
	return copies
}

func TestMarkedLinesStayOnTheirEngineOnly(t *testing.T) {
	const text = "CREATE TABLE x (\n id TEXT, n INTEGER\n)\nWITHOUT ROWID --lite\nWITH (fillfactor = 20) --pg\n;\n"
	if got := migrationText(text, Postgres); strings.Contains(got, "ROWID") || !strings.Contains(got, "fillfactor") ||
		!strings.Contains(got, `TEXT COLLATE "C"`) || !strings.Contains(got, "BIGINT") {
		t.Errorf("PostgreSQL: %s", got)
	}
	if got := migrationText(text, SQLite); !strings.Contains(got, "ROWID") || strings.Contains(got, "fillfactor") || strings.Contains(got, "BIGINT") {
		t.Errorf("SQLite: %s", got)
	}
}
