package app

import (
	"context"

	"switchboard"
	"switchboard/access"
	"switchboard/i18n"
)

// Viewer is who asks: the signed-in employee with the present roles, read for every
// request. Its zero value is a visitor.
type Viewer struct {
	access.Viewer
	Person  switchboard.Employee
	Session switchboard.Session
}

// IsSignedIn says whether somebody is there.
func (v Viewer) IsSignedIn() bool { return v.Employee != "" }

// Frame says whether the viewer looks through a CRM's frame, which shows the chats of
// one contact only.
func (v Viewer) Frame() (switchboard.ContactID, bool) {
	return v.Session.Contact, v.Session.Kind == switchboard.SessionFrame
}

type contextKey int

const (
	viewerKey contextKey = iota
	languageKey
	visitKey
)

// ViewerOf gives who asks; the permission check has run before any handler.
func ViewerOf(ctx context.Context) Viewer {
	v, _ := ctx.Value(viewerKey).(Viewer)
	return v
}

// WithViewer notes who asks.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey, v)
}

// LanguageOf gives the language to speak to the viewer: the one chosen, else the
// browser's.
func LanguageOf(ctx context.Context) i18n.Language {
	if l, ok := ctx.Value(languageKey).(i18n.Language); ok {
		return l
	}
	return i18n.English
}

func withLanguage(ctx context.Context, l i18n.Language) context.Context {
	return context.WithValue(ctx, languageKey, l)
}

// say gives a sentence in the viewer's language.
func say(ctx context.Context, key i18n.Key, params map[string]string) string {
	return i18n.Text(LanguageOf(ctx), key, params)
}

// ref gives a pointer to a value for optional fields of answers, nil for the zero one.
func ref[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
