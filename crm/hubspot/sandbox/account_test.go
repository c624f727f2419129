package sandbox

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ownerIDs(t *testing.T, g got) []string {
	t.Helper()
	var out struct{ Results []ownerOut }
	g.want(200).json(&out)
	ids := []string{}
	for _, o := range out.Results {
		ids = append(ids, o.ID)
	}
	return ids
}

func TestOwnersAreListedAndFound(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	const path = "/crm/owners/2026-03"
	if diff := cmp.Diff([]string{"71000001", "71000002", "71000003"}, ownerIDs(t, b.call("GET", path+"?limit=100&archived=false", ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"71000003"}, ownerIDs(t, b.call("GET", path+"?limit=2&after=71000002", ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"71000002"}, ownerIDs(t, b.call("GET", path+"?email=Boris@example.com", ""))); diff != "" {
		t.Error(diff)
	}
	var o ownerOut
	b.call("GET", path+"/8100002?idProperty=userId", "").want(200).json(&o)
	if o.ID != "71000002" || o.UserID == nil || *o.UserID != 8100002 {
		t.Errorf("got %+v", o)
	}
	b.call("GET", path+"/1", "").want(404)
}

func TestAnArchivedOwnerKeepsHisRecordsButGetsNoNewOnes(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	old := b.contact(`{"firstname":"A","hubspot_owner_id":"71000003"}`)
	owners := b.Owners()
	owners[2].Archived = true
	if err := b.SetOwners(owners); err != nil {
		t.Fatal(err)
	}
	const path = "/crm/owners/2026-03"
	if diff := cmp.Diff([]string{"71000001", "71000002"}, ownerIDs(t, b.call("GET", path, ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"71000003"}, ownerIDs(t, b.call("GET", path+"?archived=true", ""))); diff != "" {
		t.Error(diff)
	}
	var o ownerOut
	b.call("GET", path+"/71000003?archived=true", "").want(200).json(&o)
	if o.UserID != nil || o.AnyUserID != 8100003 {
		t.Errorf("a removed user has userIdIncludingInactive only, got %+v", o)
	}
	b.call("PATCH", contactsPath+"/"+old.ID, `{"properties":{"lastname":"B"}}`).want(200)
	b.call("POST", contactsPath, `{"properties":{"firstname":"B","hubspot_owner_id":"71000003"},"associations":[]}`).want(400)
}

func TestPipelinesTellStagesAndWhichAreClosed(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.Language = "ru" })
	var out struct{ Results []pipelineOut }
	b.call("GET", "/crm/pipelines/2026-03/deals", "").want(200).json(&out)
	if len(out.Results) != 2 || out.Results[0].Label != "Продажи" || out.Results[1].Label != "Повторные" {
		t.Fatalf("got %+v", out.Results)
	}
	closed := 0
	for _, stage := range out.Results[0].Stages {
		if stage.Metadata["isClosed"] == "true" {
			closed++
		}
	}
	if closed != 2 || out.Results[0].Stages[4].Metadata["probability"] != "1.0" {
		t.Errorf("got %+v", out.Results[0].Stages)
	}
}

func TestADeletedStageIsNeitherListedNorAccepted(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	list := b.Pipelines()
	list[0].Stages[0].Archived = true
	if err := b.SetPipelines(list); err != nil {
		t.Fatal(err)
	}
	var out struct{ Results []pipelineOut }
	b.call("GET", "/crm/pipelines/2026-03/0-3", "").want(200).json(&out)
	if got := out.Results[0].Stages[0].ID; got != "inwork" {
		t.Errorf("got %s", got)
	}
	b.call("POST", dealsPath, `{"properties":{"dealname":"D","pipeline":"default","dealstage":"newrequest"},"associations":[]}`).want(400)
}

func TestCallsWithoutAKnownTokenAreRefused(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.Tokens = append(c.Tokens, Token{}) })
	for _, token := range []string{"", "pat-other"} {
		b.token = token
		if e := b.call("GET", contactsPath, "").want(401).problem(); e.Category != "INVALID_AUTHENTICATION" {
			t.Errorf("got %q", e.Category)
		}
	}
	req := b.request("GET", contactsPath, "")
	req.Header.Set("Authorization", "Bearer ")
	if s := b.findToken(""); s != nil {
		t.Error("an empty token was accepted")
	}
}

func TestAMissingScopeIsNamed(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) {
		c.Tokens = []Token{{Value: testToken, Scopes: []string{"oauth", "crm.objects.contacts.read"}}}
	})
	b.call("GET", contactsPath, "").want(200)
	b.call("GET", "/account-info/2026-03/details", "").want(200)
	for path, scope := range map[string]string{
		dealsPath: "crm.objects.deals.read", "/crm/owners/2026-03": "crm.objects.owners.read",
	} {
		e := b.call("GET", path, "").want(403).problem()
		if diff := cmp.Diff([]string{scope}, e.Context["requiredGranularScopes"]); diff != "" || e.Category != "MISSING_SCOPES" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	b.call("POST", contactsPath, `{"properties":{"firstname":"A"},"associations":[]}`).want(403)
	b.call("GET", "/crm/pipelines/2026-03/deals", "").want(403)
}

func TestATokenCanBeLookedInto(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	var out struct {
		Active bool
		HubID  int64 `json:"hub_id"`
		Scopes []string
	}
	b.call("POST", "/oauth/2026-03/token/introspect", "token="+testToken+"&client_id=a&client_secret=b").want(200).json(&out)
	if !out.Active || out.HubID != 62515001 || len(out.Scopes) != len(AllScopes()) {
		t.Errorf("got %+v", out)
	}
	b.call("POST", "/oauth/2026-03/token/introspect", "token=other&client_id=a&client_secret=b").want(200).json(&out)
	if out.Active {
		t.Error("an unknown token is not active")
	}
	e := b.call("POST", "/oauth/2026-03/token", "grant_type=refresh_token&client_id=a&client_secret=b").want(400).problem()
	if e.Status != "BAD_REFRESH_TOKEN" {
		t.Errorf("got %q", e.Status)
	}
}

func TestAnUninstalledAppIsShutOut(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	b.call("DELETE", "/appinstalls/2026-03/external-install", "").want(204)
	b.call("GET", contactsPath, "").want(401)
}

func TestUnknownPathsAreJSONToo(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	if e := b.call("GET", "/crm/v3/objects/contacts", "").want(404).problem(); e.Category != "NOT_FOUND" {
		t.Errorf("got %+v", e)
	}
	b.call("GET", "/crm/objects/2026-03/cats", "").want(400)
}
