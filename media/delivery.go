package media

import (
	"mime"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxNameBytes = 150
	opaque       = "application/octet-stream"
)

// inline are types a browser shows without running anything in them. SVG, HTML
// and PDF are absent on purpose: they can carry scripts.
var inline = map[string]bool{
	"image/jpeg": true, "image/png": true, "image/gif": true, "image/webp": true, "image/avif": true,
	"audio/mpeg": true, "audio/ogg": true, "audio/mp4": true, "audio/x-m4a": true, "audio/aac": true,
	"audio/wav": true, "audio/webm": true, "audio/amr": true, "audio/flac": true,
	"video/mp4": true, "video/webm": true, "video/ogg": true, "video/quicktime": true, "video/3gpp": true,
	"application/ogg": true,
}

// IsInline tells whether a browser may show a file of this type in place.
func IsInline(mimeType string) bool { return inline[mimeType] }

// Delivery gives the Content-Type and Content-Disposition of an answer with a
// file's bytes; mimeType is the sniffed one. The answer also needs
// "X-Content-Type-Options: nosniff". Types that are not inline go out as
// opaque bytes.
func Delivery(mimeType, name string) (contentType, disposition string) {
	kind, contentType := "attachment", opaque
	if IsInline(mimeType) {
		kind, contentType = "inline", mimeType
	}
	return contentType, mime.FormatMediaType(kind, map[string]string{"filename": SafeName(name)})
}

// SafeName makes a sender's file name fit to be shown and saved: no folders,
// no control or direction characters (which can hide the real ending), at most
// 150 bytes with the ending kept; "file" where nothing is left.
func SafeName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(keepShown, name)
	name = strings.Trim(name, ". ")
	name = shorten(name)
	if name == "" || name == "/" {
		return "file"
	}
	return name
}

// keepShown drops what is not seen and what file systems give a meaning to.
func keepShown(r rune) rune {
	if !unicode.IsPrint(r) || strings.ContainsRune(`/:*?"<>|`, r) {
		return -1 // direction and other format characters are not printable
	}
	return r
}

func shorten(name string) string {
	if len(name) <= maxNameBytes {
		return name
	}
	ending := path.Ext(name)
	if len(ending) > 16 {
		ending = ""
	}
	cut := maxNameBytes - len(ending)
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return name[:cut] + ending
}
