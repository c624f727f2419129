package hubspot

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"switchboard/crm"
)

func TestAnEntryReadsAsHeadTextLinks(t *testing.T) {
	t.Parallel()
	got := entryBody(crm.Entry{Head: "Client <Anna> · Telegram @shop", Text: "1 < 2\r\nsecond & last",
		Media: []crm.EntryLink{{Name: "a.pdf", URL: "https://chat.example/f?a=1&b=2"}}, Link: "https://chat.example/m/1"})
	want := `<b>Client &lt;Anna&gt; · Telegram @shop</b><br>1 &lt; 2<br>second &amp; last` +
		`<br><a href="https://chat.example/f?a=1&amp;b=2">a.pdf</a><br><a href="https://chat.example/m/1">Switchboard</a>`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

var ownTags = regexp.MustCompile(`<b>|</b>|<br>|<a href="https?://[^"<>]*">|</a>`)

// TIME-2, S7: whatever a client writes stays text, whole characters, within the limit,
// and the entry is recognised by its link.
func TestNothingAClientWritesBecomesMarkup(t *testing.T) {
	t.Parallel()
	nasty := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("<>&\"'\n\r\t\x00я😀a;="))),
		rapid.Map(rapid.IntRange(0, 40_000), func(n int) string { return strings.Repeat("<😀&", n) }),
		rapid.SampledFrom([]string{`"><script>`, "javascript:alert(1)", "&lt;script&gt;", "</a>", "\xff\xfe"}))
	rapid.Check(t, func(t *rapid.T) {
		e := crm.Entry{Head: nasty.Draw(t, "head"), Text: nasty.Draw(t, "text"), Link: "https://chat.example/m/42"}
		for range rapid.IntRange(0, 3).Draw(t, "files") {
			e.Media = append(e.Media, crm.EntryLink{Name: nasty.Draw(t, "name"), URL: nasty.Draw(t, "url")})
		}
		body := entryBody(e)
		if n := units(body); n > maxBody {
			t.Fatalf("%d characters, allowed are %d", n, maxBody)
		}
		if !utf8.ValidString(body) {
			t.Fatal("a character is cut")
		}
		rest := ownTags.ReplaceAllString(body, "")
		if strings.ContainsAny(rest, "<>\x00\n\r") {
			t.Fatalf("markup got through: %.200s", rest)
		}
		if bare := html.UnescapeString(rest); html.EscapeString(bare) != rest {
			t.Fatalf("an entity is cut: …%s", rest[max(0, len(rest)-40):])
		}
		if !slices.Contains(linksIn(body), e.Link) {
			t.Fatal("the entry is not recognisable")
		}
	})
}

func TestALongTextKeepsItsBeginningAndOurLink(t *testing.T) {
	t.Parallel()
	body := entryBody(crm.Entry{Text: strings.Repeat("я", 100_000), Link: "https://chat.example/m/1"})
	if n := units(body); n < maxBody-10 || n > maxBody {
		t.Errorf("the body has %d characters, want nearly %d", n, maxBody)
	}
	if !strings.Contains(body, "я…<br><a href") {
		t.Errorf("the cut is not marked: …%s", body[len(body)-120:])
	}
}

func TestALinkThatOnlyBeginsLikeOursIsNotOurs(t *testing.T) {
	t.Parallel()
	stored := record{Properties: map[string]string{"hs_note_body": `<p><A target="_blank" HREF = 'https://chat.example/m/10?a=1&amp;b=2' rel="x">Switchboard</A></p>`}}
	for link, want := range map[string]bool{"https://chat.example/m/10?a=1&b=2": true, "https://chat.example/m/1": false, "": false} {
		_, got := recognise(stored, "hs_note_body", map[crm.EntryKey]crm.Entry{"k": {Key: "k", Link: link}})
		if got != want {
			t.Errorf("%q recognised: %t, want %t", link, got, want)
		}
	}
}
