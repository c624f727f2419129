package faulttest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// plantTag begins the build tags of planted bugs: code that breaks a promise on
// purpose, so that a suite can prove that it would notice.
const plantTag = "plant_"

// suite is a package whose tests catch a planted bug; run chooses among them, "" runs
// all. says is what its output must hold, so that it did not fail for another reason.
type suite struct {
	folder, run string
	says        *regexp.Regexp
}

var (
	anyFailure = regexp.MustCompile(`--- FAIL: `)
	someLost   = regexp.MustCompile(`: lost [1-9]`)
	someTwice  = regexp.MustCompile(`, duplicated [1-9]`)
)

// caughtBy names the suites that catch a plant, each of them by itself, where these
// are not (only) the tests of the package the plant stands in.
var caughtBy = map[string][]suite{
	"plant_decide_first": {{"faulttest/newclient", "", anyFailure}},
	"plant_ack":          {{"faulttest/reliability", "TestKillsAtEachNamedStepLoseNothing/sqlite", someLost}},
	"plant_dedupe":       {{"intake", "", anyFailure}, {"faulttest/reliability", "TestMixedAndRepeatedDeliveries", someTwice}},
}

var buildLine = regexp.MustCompile(`(?m)^//go:build (` + plantTag + `\w+)$`)

// Each planted bug must make its suite fail; one that survives means a check
// that cannot fail. Part of `make fault`.
func TestEveryPlantedBugIsCaught(t *testing.T) {
	if os.Getenv("SWITCHBOARD_FAULT") == "" {
		t.Skip("planted bugs are run by make fault")
	}
	plants := findPlants(t)
	if len(plants) == 0 {
		t.Fatal("no planted bug was found: nothing was proved")
	}
	for tag, folder := range plants {
		suites := caughtBy[tag]
		if len(suites) == 0 {
			suites = []suite{{folder, "", anyFailure}}
		}
		for _, s := range suites {
			t.Run(tag+" in "+s.folder, func(t *testing.T) { catch(t, tag, s) })
		}
	}
}

func catch(t *testing.T, tag string, s suite) {
	t.Helper()
	output, err := runPlanted(t, tag, s)
	switch {
	case err == nil:
		t.Errorf("%s survived the tests of %s", tag, s.folder)
	case !anyFailure.Match(output) || !s.says.Match(output):
		t.Errorf("%s: it failed for another reason: %v\n%s", tag, err, output)
	default:
		t.Logf("caught by %s", failed(output))
	}
}

// findPlants gives tag -> folder.
func findPlants(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains(skippedFolders, entry.Name()) {
			return fs.SkipDir
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if match := buildLine.FindSubmatch(text); match != nil {
			found[string(match[1])] = strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "../")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func runPlanted(t *testing.T, tag string, s suite) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "-timeout=10m", "-tags="+tag, "-run="+s.run, "./"+s.folder)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "SWITCHBOARD_FAULT=short") // one harm is enough
	return cmd.CombinedOutput()
}

var failLine = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

func failed(output []byte) string {
	var names []string
	for _, match := range failLine.FindAllSubmatch(output, -1) {
		names = append(names, string(match[1]))
	}
	return strings.Join(names, ", ")
}
