package faulttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "switchboard"

// rule says what a package may import besides the standard library: own
// packages by folder ("." is the root package), others by module path. "*" is
// everything.
type rule struct{ own, outside []string }

// Leaves that everybody who handles a value of theirs needs: a secret's type,
// a number's form. They import nothing of the house.
var values = []string{"secret", "phone"}

// Libraries for suites that live outside _test.go files.
var suites = []string{"github.com/google/go-cmp", "pgregory.net/rapid"}

// One spelling for one text (NFC) is decided wherever text enters.
var texts = []string{"golang.org/x/text/unicode/norm"}

// rules is the folder table. A pattern with * stands for one path element; an
// exact folder wins over a pattern. A package without a line is a violation.
var rules = map[string]rule{
	".":               {},
	"cmd/switchboard": {own: []string{"*"}, outside: []string{"*"}},

	"channel":                           {own: []string{"."}},
	"channel/*":                         {own: append([]string{".", "channel", "safehttp"}, values...), outside: texts},
	"channel/telegrambot":               {own: append([]string{".", "channel", "safehttp"}, values...), outside: texts},
	"channel/telegrambot/standin":       {}, // somebody else's system: nothing of ours
	"channel/channeltest":               {own: append([]string{".", "channel"}, values...), outside: suites},
	"intake":                            {own: []string{".", "channel", "work"}, outside: texts}, // work: files are fetched by jobs
	"routing":                           {own: []string{"."}},
	"access":                            {own: []string{"."}},
	"crm":                               {own: append([]string{".", "routing", "work", "journal"}, values...)},
	"crm/hubspot":                       {own: append([]string{".", "crm", "crm/hubspot/contract", "safehttp"}, values...)},
	"crm/hubspot/contract":              {}, // embedded contract files
	"crm/hubspot/contract/contracttest": {own: []string{"crm/hubspot/contract"}, outside: append([]string{"github.com/getkin/kin-openapi"}, suites...)},
	"crm/hubspot/sandbox":               {}, // somebody else's system: nothing of ours
	"crm/crmtest":                       {own: append([]string{".", "crm"}, values...), outside: suites},
	"send":                              {own: []string{".", "channel", "work"}, outside: texts},
	"live":                              {own: []string{".", "access", "journal"}},
	"notify":                            {own: []string{".", "access", "journal"}},
	"webhook":                           {own: append([]string{".", "journal", "safehttp"}, values...)},
	// routing: stored decisions are explained; send: drafts; live: streams; media: how a file may be shown.
	"api/app":   {own: append([]string{".", "access", "channel", "i18n", "live", "media", "routing", "send"}, values...), outside: []string{"github.com/oapi-codegen/runtime"}},
	"api/v3":    {own: append([]string{".", "access", "i18n"}, values...), outside: []string{"github.com/oapi-codegen/runtime"}},
	"api/embed": {own: append([]string{".", "access", "i18n"}, values...)},
	"web":       {},
	"journal":   {own: []string{"."}},
	"work":      {own: []string{"."}, outside: []string{"github.com/riverqueue/river", "github.com/jackc/pgx/v5", "modernc.org/sqlite"}},
	"store": {own: append([]string{".", "access", "journal"}, values...), // access: its SQL predicate; journal: a cursor's words
		outside: []string{"github.com/jackc/pgx/v5", "github.com/pressly/goose/v3", "modernc.org/sqlite"}},
	"store/storetest":        {own: append([]string{".", "store", "store/pgtest"}, values...), outside: append([]string{"github.com/jackc/pgx/v5"}, suites...)},
	"store/pgtest":           {outside: []string{"github.com/jackc/pgx/v5"}},
	"store/pgtest/cmd/pgrun": {own: []string{"store/pgtest"}},
	"auth":                   {own: append([]string{"."}, values...), outside: []string{"golang.org/x/crypto"}},
	"media":                  {outside: []string{"github.com/gabriel-vasile/mimetype", "golang.org/x/image"}},
	"safehttp":               {},
	"secret":                 {},
	"config":                 {own: []string{"secret", "safehttp"}, outside: []string{"github.com/alecthomas/kong"}},
	"i18n":                   {outside: []string{"golang.org/x/text"}},
	"i18n/gen":               {},
	"phone":                  {outside: []string{"github.com/nyaruka/phonenumbers"}},
	"faulttest":              {own: []string{"*"}, outside: []string{"*"}},
	"faulttest/*":            {own: []string{"*"}, outside: []string{"*"}},
}

// nobodyImports are at the top: only the wiring and the suites know them.
var nobodyImports = []string{"cmd/switchboard", "faulttest", "channel/telegrambot/standin", "crm/hubspot/sandbox"}

func TestPackagesImportOnlyWhatTheHouseAllows(t *testing.T) {
	t.Parallel()
	packages := list(t, module, "./...")
	for _, violation := range violations(packages) {
		t.Error(violation)
	}
	if len(packages) < 10 {
		t.Errorf("only %d packages were read", len(packages))
	}
}

func TestPlantedImportsAreCaught(t *testing.T) {
	t.Parallel()
	const home = module + "/faulttest/testdata/imports"
	got := violations(list(t, home, "./faulttest/testdata/imports/..."))
	want := []string{
		`crm/hubspot/sandbox imports "secret" of the house; its line in the folder table allows nothing`,
		`intake imports "github.com/riverqueue/river" from outside; its line in the folder table allows golang.org/x/text/unicode/norm`,
		`routing imports "store" of the house; its line in the folder table allows .`,
		`surprise has no line in the folder table`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// pkg is what go list tells about one package.
type pkg struct {
	ImportPath string
	Imports    []string
	Standard   bool
	Module     *struct{ Path string }
	folder     string
}

// list reads the packages below home with everything they lead to; a package
// that is reached over others is read once, in its own right.
func list(t *testing.T, home, pattern string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,Standard,Module", pattern)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr(err))
	}
	var found []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module == nil || p.Module.Path != module || !within(p.ImportPath, home) {
			continue
		}
		p.folder = folderOf(p.ImportPath, home)
		found = append(found, p)
	}
}

func stderr(err error) string {
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		return string(exit.Stderr)
	}
	return ""
}

func within(importPath, home string) bool {
	return importPath == home || strings.HasPrefix(importPath, home+"/")
}

func folderOf(importPath, home string) string {
	if importPath == home {
		return "."
	}
	return strings.TrimPrefix(importPath, home+"/")
}

func violations(packages []pkg) []string {
	var found []string
	for _, p := range packages {
		allowed, listed := ruleOf(p.folder)
		if !listed {
			found = append(found, p.folder+" has no line in the folder table")
			continue
		}
		for _, imported := range p.Imports {
			if text := judge(p.folder, imported, allowed); text != "" {
				found = append(found, text)
			}
		}
	}
	slices.Sort(found)
	return found
}

func ruleOf(folder string) (rule, bool) {
	if exact, found := rules[folder]; found {
		return exact, true
	}
	for pattern, allowed := range rules {
		if matched, _ := path.Match(pattern, folder); matched && strings.Contains(pattern, "*") {
			return allowed, true
		}
	}
	return rule{}, false
}

func judge(folder, imported string, allowed rule) string {
	if within(imported, module) {
		target := folderOf(imported, module)
		everything := slices.Contains(allowed.own, "*")
		if everything || slices.Contains(allowed.own, target) && !slices.Contains(nobodyImports, target) {
			return ""
		}
		return refusal(folder, target, "of the house", allowed.own)
	}
	first, _, _ := strings.Cut(imported, "/")
	isStandard := !strings.Contains(first, ".")
	fits := func(of string) bool { return of == "*" || within(imported, of) }
	if isStandard || slices.ContainsFunc(allowed.outside, fits) {
		return ""
	}
	return refusal(folder, imported, "from outside", allowed.outside)
}

func refusal(folder, target, kind string, allowed []string) string {
	line := strings.Join(allowed, ", ")
	if line == "" {
		line = "nothing"
	}
	return fmt.Sprintf("%s imports %q %s; its line in the folder table allows %s", folder, target, kind, line)
}
