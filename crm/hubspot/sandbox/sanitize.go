package sandbox

import (
	"html"
	"html/template"
	"strings"
)

// allowedTags may stand in the body of an activity; value: it is closed.
var allowedTags = map[string]bool{
	"a": true, "b": true, "i": true, "strong": true, "em": true, "s": true, "p": true, "br": false,
}

// maxOpenTags bounds nesting; deeper tags become text.
const maxOpenTags = 50

// sanitizer rewrites a body: the allowed tags stay, without attributes but the
// address of a link; everything else becomes text.
type sanitizer struct {
	out  strings.Builder
	open []string
}

// sanitize makes a body that came by the API safe to show.
func sanitize(body string) template.HTML {
	s := &sanitizer{}
	for body != "" {
		at := strings.IndexByte(body, '<')
		if at < 0 {
			s.text(body)
			break
		}
		s.text(body[:at])
		body = s.tag(body[at:])
	}
	for i := len(s.open) - 1; i >= 0; i-- {
		s.out.WriteString("</" + s.open[i] + ">")
	}
	return template.HTML(s.out.String()) //nolint:gosec // every byte went through text or tag
}

// text keeps entities as the characters they mean, escaped anew.
func (s *sanitizer) text(t string) {
	s.out.WriteString(html.EscapeString(html.UnescapeString(t)))
}

// tag reads one tag at the start of rest and gives what follows it.
func (s *sanitizer) tag(rest string) string {
	end := tagEnd(rest)
	if end < 0 {
		s.out.WriteString("&lt;")
		return rest[1:]
	}
	inner := strings.TrimSpace(strings.TrimSuffix(rest[1:end], "/"))
	closing := strings.HasPrefix(inner, "/")
	name, attributes := cutName(strings.TrimPrefix(inner, "/"))
	closed, known := allowedTags[name]
	switch {
	case !known, !closing && closed && len(s.open) >= maxOpenTags:
		s.text(rest[:end+1])
	case closing:
		s.close(name)
	case !closed:
		s.out.WriteString("<" + name + ">")
	default:
		s.open = append(s.open, name)
		s.out.WriteString("<" + name + linkAttributes(name, attributes) + ">")
	}
	return rest[end+1:]
}

// tagEnd finds the ">" that ends the tag, past quoted values.
func tagEnd(s string) int {
	quote := byte(0)
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		case c == '<':
			return -1
		}
	}
	return -1
}

func cutName(s string) (name, rest string) {
	i := strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
	if i < 0 {
		i = len(s)
	}
	return strings.ToLower(s[:i]), s[i:]
}

// close ends the innermost tag of that name and those opened inside it.
func (s *sanitizer) close(name string) {
	for i := len(s.open) - 1; i >= 0; i-- {
		if s.open[i] != name {
			continue
		}
		for j := len(s.open) - 1; j >= i; j-- {
			s.out.WriteString("</" + s.open[j] + ">")
		}
		s.open = s.open[:i]
		return
	}
}

func linkAttributes(name, attributes string) string {
	if name != "a" {
		return ""
	}
	href := hrefOf(attributes)
	if originOf(href) == "" {
		return ""
	}
	return ` href="` + html.EscapeString(href) + `" rel="noopener noreferrer" target="_blank"`
}

// hrefOf reads the first href of a tag's attributes.
func hrefOf(s string) string {
	for s != "" {
		s = strings.TrimLeft(s, " \t\r\n/")
		var name string
		i := strings.IndexAny(s, " \t\r\n=")
		if i < 0 {
			return ""
		}
		name, s = strings.ToLower(s[:i]), strings.TrimLeft(s[i:], " \t\r\n")
		if !strings.HasPrefix(s, "=") {
			continue
		}
		var value string
		value, s = attributeValue(strings.TrimLeft(s[1:], " \t\r\n"))
		if name == "href" {
			return strings.TrimSpace(html.UnescapeString(value))
		}
	}
	return ""
}

func attributeValue(s string) (value, rest string) {
	if s == "" {
		return "", ""
	}
	if q := s[0]; q == '"' || q == '\'' {
		value, rest, _ = strings.Cut(s[1:], string(q))
		return value, rest
	}
	i := strings.IndexAny(s, " \t\r\n")
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

// plain gives a body's text on one line, at most limit runes.
func plain(body string, limit int) string {
	var out strings.Builder
	for body != "" {
		before, after, found := strings.Cut(body, "<")
		out.WriteString(before)
		if !found {
			break
		}
		end := tagEnd("<" + after)
		if end < 0 {
			out.WriteByte('<')
			body = after
			continue
		}
		out.WriteByte(' ')
		body = after[end:]
	}
	line := []rune(strings.Join(strings.Fields(html.UnescapeString(out.String())), " "))
	if len(line) > limit {
		return string(line[:limit]) + "…"
	}
	return string(line)
}
