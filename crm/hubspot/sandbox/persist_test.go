package sandbox

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// world is what must survive a restart.
func world(b *box) map[string]any {
	out := map[string]any{"owners": b.Owners(), "pipelines": b.Pipelines(), "settings": b.Settings()}
	for _, k := range allKinds {
		records := b.Records(k.name)
		out[k.name] = records
		for _, r := range records {
			for _, to := range allKinds {
				for _, other := range b.Linked(k.name, r.ID, to.name) {
					key := "links of " + r.ID
					list, _ := out[key].([]string)
					out[key] = append(list, other.ID)
				}
			}
		}
	}
	return out
}

// fill makes one of everything.
func fill(t *testing.T, b *box) {
	t.Helper()
	b.uniqueProperty("contacts", "switchboard_uid")
	c := b.contact(`{"firstname":"Анна","switchboard_uid":"u1"}`)
	gone, merged, erased := b.contact(`{"firstname":"B"}`), b.contact(`{"firstname":"C","email":"c@shop.example"}`), b.contact(`{"firstname":"D"}`)
	d := b.deal(c.ID)
	b.communication(c.ID)
	b.call("PATCH", dealsPath+"/"+d.ID, `{"properties":{"dealstage":"inwork"}}`).want(200)
	b.call("DELETE", contactsPath+"/"+gone.ID, "").want(204)
	b.call("POST", contactsPath+"/merge", `{"primaryObjectId":"`+c.ID+`","objectIdToMerge":"`+merged.ID+`"}`).want(200)
	b.call("POST", contactsPath+"/gdpr-delete", `{"objectId":"`+erased.ID+`"}`).want(204)
	if err := b.SetSettings(Settings{AppURL: "https://app.example/", AppSecret: "s3cret", FrameOrigins: []string{"https://app.example"}}); err != nil {
		t.Fatal(err)
	}
	owners := b.Owners()
	owners[0].Archived = true
	if err := b.SetOwners(owners); err != nil {
		t.Fatal(err)
	}
}

// copied gives another folder with the state as it lies on disk now, as after
// kill -9: nothing was closed.
func copied(t *testing.T, dir string, tail string) string {
	t.Helper()
	fresh := t.TempDir()
	data := append(readFile(t, filepath.Join(dir, stateName)), tail...)
	if err := os.WriteFile(filepath.Join(fresh, stateName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestWhatWasAnsweredSurvivesTheDeathOfTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, func(c *Config) { c.Dir = dir })
	fill(t, b)
	want := world(b)
	torn := `[{"record":{"type":"contacts","id":"9","props":{"firstname":"half`
	after := open(t, func(c *Config) { c.Dir = copied(t, dir, torn) })
	if diff := cmp.Diff(want, world(after)); diff != "" {
		t.Fatal(diff)
	}
	compacted := open(t, func(c *Config) { c.Dir = copied(t, after.cfg.Dir, "") })
	if diff := cmp.Diff(want, world(compacted)); diff != "" {
		t.Fatal("after a second restart", diff)
	}
	read := compacted.call("GET", contactsPath+"/u1?idProperty=switchboard_uid", "").want(200).record()
	if byMail := compacted.call("GET", contactsPath+"/c@shop.example?idProperty=email", "").want(200).record(); byMail.ID != read.ID {
		t.Errorf("the e-mail of a merged contact leads to %s", byMail.ID)
	}
	if again, last := compacted.contact(`{"firstname":"E"}`), b.contact(`{"firstname":"E"}`); again.ID != last.ID {
		t.Errorf("got id %s, want %s: an erased id must not be given again", again.ID, last.ID)
	}
	compacted.call("POST", contactsPath, `{"properties":{"firstname":"F","switchboard_uid":"u1"},"associations":[]}`).want(409)
}

func TestAMergedContactStillLeadsToItsSurvivorAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, func(c *Config) { c.Dir = dir })
	one, two := b.contact(`{"firstname":"A"}`), b.contact(`{"firstname":"B"}`)
	if err := b.Merge("contacts", one.ID, two.ID); err != nil {
		t.Fatal(err)
	}
	after := open(t, func(c *Config) { c.Dir = copied(t, dir, "") })
	if read := after.call("GET", contactsPath+"/"+two.ID, "").want(200).record(); read.ID != one.ID {
		t.Errorf("got %s", read.ID)
	}
}

func TestSearchLagHoldsAcrossARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, func(c *Config) { c.Dir = dir })
	b.contact(`{"firstname":"Anna"}`)
	after := open(t, func(c *Config) { c.Dir = copied(t, dir, "") })
	filters := `[{"propertyName":"firstname","operator":"EQ","value":"Anna"}]`
	if after.search(contactsPath, filters).Total != 0 {
		t.Error("found at once")
	}
	after.clock.advance(2 * time.Second)
	if after.search(contactsPath, filters).Total != 1 {
		t.Error("not found after the lag")
	}
}

func TestGivenSettingsWinOverStoredOnes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, func(c *Config) { c.Dir, c.AppURL, c.AppSecret = dir, "http://127.0.0.1:1", "old" })
	if b.Settings().CardPath != DefaultCardPath {
		t.Errorf("got %+v", b.Settings())
	}
	after := open(t, func(c *Config) { c.Dir, c.AppURL = copied(t, dir, ""), "http://127.0.0.1:2" })
	if s := after.Settings(); s.AppURL != "http://127.0.0.1:2" || s.AppSecret != "old" {
		t.Errorf("got %+v", s)
	}
}
