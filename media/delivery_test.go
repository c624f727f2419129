package media_test

import (
	"mime"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"switchboard/media"
)

// S8: what can carry a script is never shown in place.
func TestShowsInPlaceOnlyWhatCannotRun(t *testing.T) {
	t.Parallel()
	for mimeType, want := range map[string][2]string{
		"image/png":             {"image/png", "inline"},
		"audio/ogg":             {"audio/ogg", "inline"},
		"video/mp4":             {"video/mp4", "inline"},
		"image/svg+xml":         {"application/octet-stream", "attachment"},
		"text/html":             {"application/octet-stream", "attachment"},
		"application/xhtml+xml": {"application/octet-stream", "attachment"},
		"text/xml":              {"application/octet-stream", "attachment"},
		"application/pdf":       {"application/octet-stream", "attachment"},
		"text/plain":            {"application/octet-stream", "attachment"},
		"text/javascript":       {"application/octet-stream", "attachment"},
		"IMAGE/PNG":             {"application/octet-stream", "attachment"},
		"image/png; a=b":        {"application/octet-stream", "attachment"},
		"":                      {"application/octet-stream", "attachment"},
	} {
		contentType, disposition := media.Delivery(mimeType, "file.bin")
		if contentType != want[0] || !strings.HasPrefix(disposition, want[1]+";") {
			t.Errorf("%q: %s, %s; want %v", mimeType, contentType, disposition, want)
		}
	}
}

func TestNamesAreFitToShowAndSave(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"отчёт за май.pdf":                 "отчёт за май.pdf",
		"../../etc/passwd":                 "passwd",
		`C:\Users\anna\photo.jpg`:          "photo.jpg",
		"invoice\u202Efdp.exe":             "invoicefdp.exe",
		"a\r\nSet-Cookie: x=y.txt":         "aSet-Cookie x=y.txt",
		"a\x00b.txt":                       "ab.txt",
		"":                                 "file",
		"..":                               "file",
		"/":                                "file",
		".htaccess":                        "htaccess",
		"trailing. ":                       "trailing",
		strings.Repeat("ж", 200) + ".jpeg": strings.Repeat("ж", 72) + ".jpeg",
		"a." + strings.Repeat("b", 300):    "a." + strings.Repeat("b", 148),
	} {
		if got := media.SafeName(name); got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
	}
}

func TestAnyNameFitsIntoTheHeader(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x00-\xff]{0,300}`)).Draw(t, "name")
		safe := media.SafeName(name)
		if safe == "" || len(safe) > 150 || !utf8.ValidString(safe) || strings.ContainsAny(safe, "/\\\r\n\x00\"") {
			t.Fatalf("%q became %q", name, safe)
		}
		_, disposition := media.Delivery("image/png", name)
		kind, params, err := mime.ParseMediaType(disposition)
		if err != nil || kind != "inline" || params["filename"] != safe {
			t.Fatalf("%q: header %q reads as %q %v, %v", name, disposition, kind, params, err)
		}
	})
}
