package sandbox

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// page asks for a page as a browser does.
func (b *box) page(path string, headers ...string) (int, string, http.Header) {
	b.t.Helper()
	req := b.request("GET", path, "")
	req.Header.Del("Authorization")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, body, err := b.do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, body, resp.Header
}

// post sends a form and gives where it leads.
func (b *box) post(path, form string) string {
	b.t.Helper()
	req := b.request("POST", path, form)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, body, err := b.do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("POST %s: %d %s", path, resp.StatusCode, body)
	}
	return resp.Header.Get("Location")
}

func (b *box) do(req *http.Request) (*http.Response, string, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	var out strings.Builder
	_, err = copyTo(&out, resp)
	return resp, out.String(), err
}

func mustContain(t *testing.T, html string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(html, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
}

func mustLack(t *testing.T, html string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(html, part) {
			t.Errorf("the page holds %q", part)
		}
	}
}

func TestARecordPageShowsOwnerStageAndTimeline(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c := b.contact(`{"firstname":"Anna <b>","phone":"+79210001122","hubspot_owner_id":"71000002"}`)
	d := b.deal(c.ID)
	m := b.communication(c.ID)
	b.call("PUT", commsPath+"/"+m.ID+"/associations/default/deals/"+d.ID, "").want(200)
	_, html, header := b.page("/contacts/"+c.ID, "Accept-Language", "en")
	mustContain(t, html, `data-testid="owner"`, `<option value="71000002" selected>Boris Petrov</option>`, "Anna &lt;b&gt;",
		`data-testid="timeline-entry" data-kind="communications" data-type="WHATS_APP" data-id="`+m.ID+`"`,
		"WhatsApp message", "<b>Anna:</b> hello", `data-testid="related-deals"`, "A deal", "Filter activity")
	mustLack(t, html, "Anna <b>")
	if csp := header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") || !strings.Contains(csp, "frame-src 'none'") {
		t.Errorf("got %q", csp)
	}
	_, html, _ = b.page("/deals/"+d.ID, "Accept-Language", "ru-RU,ru;q=0.9")
	mustContain(t, html, `<html lang="ru">`, `data-testid="stage"`, `<option value="newrequest" selected>New</option>`,
		`<span data-testid="pipeline-name">Sales</span>`, "Сообщение WhatsApp", "Ответственный", `data-testid="related-contacts"`)
}

func TestTheLanguageIsChosenByLinkThenCookieThenBrowser(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	_, html, _ := b.page("/contacts", "Accept-Language", "de")
	mustContain(t, html, `<html lang="en">`, "Contacts")
	_, html, header := b.page("/contacts?lang=ru", "Accept-Language", "en")
	mustContain(t, html, `<html lang="ru">`, "Контакты")
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	_, html, _ = b.page("/deals", "Accept-Language", "en", "Cookie", cookie)
	mustContain(t, html, `<html lang="ru">`)
}

func TestEveryTextExistsInBothLanguages(t *testing.T) {
	t.Parallel()
	for key, pair := range texts {
		if pair[0] == "" || pair[1] == "" {
			t.Errorf("%s lacks a language", key)
		}
	}
	b := open(t, func(c *Config) { c.Leads = true })
	c := b.contact(`{"firstname":"A"}`)
	for _, path := range []string{"/contacts", "/deals", "/leads", "/settings", "/sandbox", "/contacts/" + c.ID, "/deals/" + b.deal(c.ID).ID, "/contacts/1"} {
		_, html, _ := b.page(path, "Accept-Language", "ru")
		for key := range texts {
			if strings.Contains(key, ".") && strings.Contains(html, ">"+key+"<") {
				t.Errorf("%s shows the key %s", path, key)
			}
		}
	}
	if got := pageText("ru", "nosuch"); got != "nosuch" {
		t.Errorf("got %q", got)
	}
}

func TestOwnerAndStageAreChangedByHand(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c := b.contact(`{"firstname":"A"}`)
	d := b.deal(c.ID)
	if next := b.post("/contacts/"+c.ID, "owner=71000003"); next != "/contacts/"+c.ID {
		t.Errorf("leads to %s", next)
	}
	b.post("/deals/"+d.ID, "stage=closedwon")
	got, _ := b.Record("contacts", c.ID)
	deal, _ := b.Record("deals", d.ID)
	if got.Properties[propOwner] != "71000003" || deal.Properties["dealstage"] != "closedwon" || deal.Properties["hs_is_closed"] != "true" {
		t.Errorf("got %v %v", got.Properties, deal.Properties)
	}
	b.post("/deals/"+d.ID, "pipeline=98752001")
	deal, _ = b.Record("deals", d.ID)
	if deal.Properties["dealstage"] != "180240011" || deal.Properties["hs_is_closed"] != "false" {
		t.Errorf("got %v", deal.Properties)
	}
	b.post("/contacts/"+c.ID, "owner=")
	if got, _ := b.Record("contacts", c.ID); got.Properties[propOwner] != "" {
		t.Error("the owner was not removed")
	}
	if next := b.post("/contacts/"+c.ID, "owner=5"); !strings.Contains(next, "?error=") {
		t.Errorf("leads to %s", next)
	}
}

func TestRecordsAndNotesAreMadeByHand(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	next := b.post("/contacts", "firstname=Anna&phone="+url.QueryEscape("+79210001122"))
	id := strings.TrimPrefix(next, "/contacts/")
	made, found := b.Record("contacts", id)
	if !found || made.Properties["phone"] != "+79210001122" || made.Properties[propOwner] != "71000001" {
		t.Fatalf("got %+v", made)
	}
	b.post("/deals", "dealname=Big&stage="+url.QueryEscape("default|inwork")+"&contact="+id)
	if deals := b.Linked("contacts", id, "deals"); len(deals) != 1 || deals[0].Properties["dealstage"] != "inwork" {
		t.Errorf("got %+v", deals)
	}
	b.post("/contacts/"+id+"/note", "note="+url.QueryEscape("<i>called</i>\r\nback"))
	all := b.Linked("contacts", id, "notes")
	if len(all) != 1 || all[0].Properties["hs_note_body"] != "&lt;i&gt;called&lt;/i&gt;<br>back" {
		t.Errorf("got %+v", all)
	}
	b.post("/contacts/"+id+"/delete", "")
	if status, _, _ := b.page("/contacts/" + id); status != 404 {
		t.Errorf("got %d", status)
	}
}

func TestAPollIsAnsweredOnlyWhenSomethingChanged(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	c := b.contact(`{"firstname":"A"}`)
	_, html, _ := b.page("/contacts/" + c.ID)
	_, rest, _ := strings.Cut(html, `data-rev="`)
	rev, _, _ := strings.Cut(rest, `"`)
	for _, path := range []string{"/contacts/" + c.ID, "/contacts", "/deals"} {
		if status, _, _ := b.page(path, "X-Rev", rev); status != http.StatusNoContent {
			t.Errorf("%s: got %d", path, status)
		}
	}
	m := b.communication(c.ID)
	status, html, _ := b.page("/contacts/"+c.ID, "X-Rev", rev)
	if status != 200 || !strings.Contains(html, "entry-"+m.ID) {
		t.Errorf("got %d without the new entry", status)
	}
}

func TestLinksLikeHubSpotsLeadToTheRecord(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *Config) { c.PublicURL = "http://crm.example" })
	c := b.contact(`{"firstname":"A"}`)
	if want := "http://crm.example/contacts/62515001/record/0-1/" + c.ID; c.URL != want {
		t.Errorf("got %s, want %s", c.URL, want)
	}
	_, _, header := b.page(strings.TrimPrefix(c.URL, "http://crm.example"))
	if got := header.Get("Location"); got != "/contacts/"+c.ID {
		t.Errorf("got %s", got)
	}
}

func TestBodiesAreShownWithoutWhatCouldAct(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a<br>b<br/>c":                   "a<br>b<br>c",
		"<b>x</b> <EM>y</EM>":            "<b>x</b> <em>y</em>",
		"<script>alert(1)</script>":      "&lt;script&gt;alert(1)&lt;/script&gt;",
		"&lt;script&gt; &amp;amp; &#39;": "&lt;script&gt; &amp;amp; &#39;",
		`<a href="https://x.example/a?b=1&amp;c=2" onclick="x()">l</a>`: `<a href="https://x.example/a?b=1&amp;c=2" rel="noopener noreferrer" target="_blank">l</a>`,
		`<a href="javascript:alert(1)">l</a>`:                           "<a>l</a>",
		`<a href=" JAVASCRIPT:alert(1)">l</a>`:                          "<a>l</a>",
		`<a href='https://x.example/"><script>'>l</a>`:                  `<a href="https://x.example/&#34;&gt;&lt;script&gt;" rel="noopener noreferrer" target="_blank">l</a>`,
		`<a title="href=https://x.example">l</a>`:                       "<a>l</a>",
		`<img src=x onerror=alert(1)>`:                                  "&lt;img src=x onerror=alert(1)&gt;",
		`<b onmouseover="x()">y`:                                        "<b>y</b>",
		"</div></b>z":                                                   "&lt;/div&gt;z",
		"<b><i>x</b>y</i>":                                              "<b><i>x</i></b>y",
		"1 < 2 and 3 > 2":                                               "1 &lt; 2 and 3 &gt; 2",
		"<b":                                                            "&lt;b",
		"<<b>x</b>":                                                     "&lt;<b>x</b>",
		`<a href="https://u:p@x.example/">l</a>`:                        "<a>l</a>",
	} {
		if got := string(sanitize(in)); got != want {
			t.Errorf("%s\n got %s\nwant %s", in, got, want)
		}
	}
	if got := string(sanitize(strings.Repeat("<b>", 60))); strings.Count(got, "<b>") != maxOpenTags || strings.Count(got, "</b>") != maxOpenTags {
		t.Errorf("nesting is not bounded: %s", got)
	}
}

func TestThePreviewIsPlainText(t *testing.T) {
	t.Parallel()
	if got := plain("<b>Client Anna:</b><br>Hello &lt;3  there", 100); got != "Client Anna: Hello <3 there" {
		t.Errorf("got %q", got)
	}
	if got := plain("абвгд", 3); got != "абв…" {
		t.Errorf("got %q", got)
	}
}

func TestAChangeOfTheUserStaysOnThisSite(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, back := range []string{"/deals/1", "//evil.example", "https://evil.example/x", `/\evil.example`, "", "javascript:x"} {
		got[back] = localPath(back)
	}
	want := map[string]string{"/deals/1": "/deals/1", "//evil.example": "/contacts", "https://evil.example/x": "/contacts",
		`/\evil.example`: "/contacts", "": "/contacts", "javascript:x": "/contacts"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSettingsAreSavedAndTheSecretIsNeverShown(t *testing.T) {
	t.Parallel()
	b := open(t, nil)
	if next := b.post("/settings", "appURL=https://app.example/&secret=topsecret&cardPath=/c&frames="); next != "/settings?saved" {
		t.Fatalf("leads to %s", next)
	}
	b.post("/settings", "appURL=https://app.example&secret=&cardPath=/c&frames=https://f.example")
	if s := b.Settings(); s.AppURL != "https://app.example" || s.AppSecret != "topsecret" || s.CardPath != "/c" || len(s.FrameOrigins) != 1 {
		t.Errorf("got %+v", s)
	}
	_, html, _ := b.page("/settings")
	mustLack(t, html, "topsecret")
	mustLack(t, string(b.call("GET", "/sandbox/settings", "").want(200).body), "topsecret")
	b.call("PUT", "/sandbox/settings", `{"appURL":"http://127.0.0.1:9","appSecret":"new"}`).want(200)
	if s := b.Settings(); s.AppURL != "http://127.0.0.1:9" || s.AppSecret != "new" || s.CardPath != "/c" {
		t.Errorf("got %+v", s)
	}
	b.call("PUT", "/sandbox/settings", `{"appURL":"ftp://x"}`).want(400)
	b.post("/settings/owners/71000002", "")
	if o := b.Owners()[1]; !o.Archived {
		t.Error("the user was not removed")
	}
}
