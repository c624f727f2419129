package hubspot

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf16"

	"switchboard/crm"
)

const (
	// maxBody bounds an entry, in characters as HubSpot counts them (UTF-16 units).
	maxBody = 60_000
	// maxHead and maxMedia bound its parts beside the text.
	maxHead  = 500
	maxMedia = 30
	maxName  = 200
	maxURL   = 2_000
	// linkText is what our link reads: a name, so that it needs no language.
	linkText = "Switchboard"
	cutMark  = "…"
	newline  = "<br>"
)

// entryBody is an entry as HTML: head, text, media as links (TIME-2) and our link,
// which makes the entry recognisable (TIME-3). Nothing of it is believed to be HTML.
func entryBody(e crm.Entry) string {
	tail := mediaHTML(e.Media)
	if link := anchor(e.Link, linkText); link != "" {
		tail += newline + link
	}
	head := escape(e.Head, maxHead)
	if head != "" {
		head = "<b>" + head + "</b>"
	}
	if head != "" && e.Text != "" {
		head += newline
	}
	body := head + escape(e.Text, maxBody-units(head)-units(tail)) + tail
	return strings.TrimPrefix(body, newline)
}

func mediaHTML(media []crm.EntryLink) string {
	var b strings.Builder
	for i, m := range media {
		b.WriteString(newline)
		if i == maxMedia {
			b.WriteString(cutMark)
			break
		}
		name := m.Name
		if strings.TrimSpace(name) == "" {
			name = m.URL
		}
		if link := anchor(m.URL, name); link != "" {
			b.WriteString(link)
		} else {
			b.WriteString(escape(m.Name, maxName))
		}
	}
	return b.String()
}

// anchor is a link to an http(s) address, "" for any other.
func anchor(address, name string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(address) > maxURL {
		return ""
	}
	return `<a href="` + html.EscapeString(address) + `">` + escape(name, maxName) + `</a>`
}

// escape makes plain text HTML of at most room characters; what is cut ends with a
// mark, between two characters and never inside an entity.
func escape(plain string, room int) string {
	plain = strings.ReplaceAll(plain, "\r\n", "\n")
	var b strings.Builder
	used, cut := 0, 0 // cut: bytes that still leave room for the mark
	for _, r := range strings.ToValidUTF8(plain, "\uFFFD") {
		piece := escapeRune(r)
		used += units(piece)
		if used > room {
			return b.String()[:cut] + mark(room)
		}
		b.WriteString(piece)
		if used <= room-units(cutMark) {
			cut = b.Len()
		}
	}
	return b.String()
}

func mark(room int) string {
	if room < units(cutMark) {
		return ""
	}
	return cutMark
}

func escapeRune(r rune) string {
	switch {
	case r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
		return newline
	case r == '\t':
		return " "
	case r < ' ' || r >= 0x7f && r < 0xa0:
		return ""
	}
	return html.EscapeString(string(r))
}

func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

var hrefs = regexp.MustCompile(`(?i)href\s*=\s*(?:"([^"]*)"|'([^']*)')`)

// linksIn are the addresses that a stored body links to. HubSpot may rewrite the
// markup around them.
func linksIn(body string) []string {
	var out []string
	for _, m := range hrefs.FindAllStringSubmatch(body, 2*maxMedia+10) {
		out = append(out, html.UnescapeString(m[1]+m[2]))
	}
	return out
}
