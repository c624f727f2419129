package webchat

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/http"
)

// pageTemplate is a page with nothing on it but the widget.
var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>{{.Title}}</title>
<style nonce="{{.Nonce}}">
:root { color-scheme: light dark }
body { box-sizing: border-box; margin: 0; min-height: 100vh; display: grid; place-content: center; padding: 24px;
  text-align: center; font: 16px/1.5 system-ui, sans-serif }
main { display: grid; gap: 12px }
h1 { margin: 0; font-size: 24px; font-weight: 600; overflow-wrap: anywhere }
p { margin: 0; opacity: .75 }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
</main>
<script src="widget.js" data-lang="{{.Lang}}" nonce="{{.Nonce}}" async></script>
</body>
</html>
`))

var (
	pageText    = sentence{"Write to us: the chat is in the corner of this page.", "Напишите нам: чат — в углу этой страницы."}
	pageUnnamed = sentence{"Chat", "Чат"}
)

// page gives the public page with the widget on it.
func (h *Handler) page(v *visit) error {
	lang := language(v.r)
	if asked := v.r.URL.Query().Get("lang"); asked == "ru" || asked == "en" {
		lang = asked
	}
	title := v.channel.Name
	if title == "" {
		title = pageUnnamed.in(lang)
	}
	var random [16]byte
	if _, err := io.ReadFull(h.Random, random[:]); err != nil {
		return fmt.Errorf("make a nonce: %w", err)
	}
	nonce := base64.RawURLEncoding.EncodeToString(random[:])
	var page bytes.Buffer
	err := pageTemplate.Execute(&page, map[string]string{"Lang": lang, "Title": title, "Text": pageText.in(lang), "Nonce": nonce})
	if err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	header := v.w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", lang)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'nonce-"+nonce+
		"'; connect-src 'self'; img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(page.Bytes())
	return nil
}
