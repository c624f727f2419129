package sandbox

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed assets
var assetFiles embed.FS

const (
	userCookie  = "sandbox_user"
	maxFormSize = 1 << 20
)

var pageTemplates = parsePages("list", "record", "settings", "control", "missing")

func parsePages(names ...string) map[string]*template.Template {
	out := map[string]*template.Template{}
	for _, name := range names {
		out[name] = template.Must(template.ParseFS(templateFiles, "templates/layout.html", "templates/"+name+".html"))
	}
	return out
}

// page is what the layout shows; Body is the page's own part.
type page struct {
	Lang  string
	Path  string
	Title string
	Rev   uint64
	User  Owner
	Users []Owner
	Leads bool
	Error string
	Saved bool
	Body  any
}

// T gives a text in the page's language.
func (p page) T(key string) string { return pageText(p.Lang, key) }

// Other is the language the page is not in.
func (p page) Other() string {
	if p.Lang == "ru" {
		return "en"
	}
	return "ru"
}

// In tells whether the page belongs to a part of the menu.
func (p page) In(prefix string) bool { return strings.HasPrefix(p.Path, prefix) }

func (s *Server) pageRoutes(mux *http.ServeMux) {
	assets, _ := fs.Sub(assetFiles, "assets")
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(assets)))
	mux.Handle("GET /{$}", http.RedirectHandler("/contacts", http.StatusSeeOther))
	for _, k := range []*kind{contacts, deals, leads} {
		base := "/" + k.name
		mux.HandleFunc("GET "+base, s.listPage(k))
		mux.HandleFunc("POST "+base, s.form(s.addByHand(k)))
		mux.HandleFunc("GET "+base+"/{id}", s.recordPage(k))
		mux.HandleFunc("POST "+base+"/{id}", s.form(s.editByHand(k)))
		mux.HandleFunc("POST "+base+"/{id}/note", s.form(s.noteByHand(k)))
		mux.HandleFunc("POST "+base+"/{id}/delete", s.form(s.deleteByHand(k)))
	}
	mux.HandleFunc("GET /contacts/{portal}/record/{type}/{id}", s.recordLink)
	mux.HandleFunc("POST /session", s.form(s.signIn))
	mux.HandleFunc("POST /card", s.cardLink)
	mux.HandleFunc("GET /settings", s.settingsPage)
	mux.HandleFunc("POST /settings", s.form(s.saveSettings))
	mux.HandleFunc("POST /settings/owners/{id}", s.form(s.toggleOwner))
	mux.HandleFunc("GET /sandbox", s.controlPage)
	mux.HandleFunc("POST /sandbox", s.form(s.saveControl))
	mux.HandleFunc("POST /sandbox/rules", s.form(s.addRuleByHand))
	mux.HandleFunc("POST /sandbox/clear", s.form(func(http.ResponseWriter, *http.Request) (string, error) {
		s.ClearFaults()
		return "/sandbox", nil
	}))
}

// recordLink follows the address HubSpot's own links have.
func (s *Server) recordLink(w http.ResponseWriter, r *http.Request) {
	if k := kindOf(r.PathValue("type")); k != nil && !k.isEngagement() {
		http.Redirect(w, r, "/"+k.name+"/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
		return
	}
	s.missingPage(w, r)
}

// form runs an action and leads on to a page; an error is shown there.
func (s *Server) form(action func(http.ResponseWriter, *http.Request) (next string, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormSize)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form could not be read", http.StatusBadRequest)
			return
		}
		next, err := action(w, r)
		if err != nil {
			next += "?error=" + url.QueryEscape(clip(err.Error()))
		}
		http.Redirect(w, r, next, http.StatusSeeOther)
	}
}

// newPage reads who looks, and in which language. Call it under the state's
// read lock.
func (s *Server) newPage(w http.ResponseWriter, r *http.Request, title string) page {
	p := page{Lang: languageOf(w, r), Path: r.URL.Path, Title: title, Rev: s.st.rev,
		Leads: s.faults.now().Leads, Error: r.URL.Query().Get("error"), Saved: r.URL.Query().Has("saved")}
	for _, o := range s.st.owners {
		if !o.Archived {
			p.Users = append(p.Users, o)
		}
	}
	p.User = s.actingUser(r)
	return p
}

// actingUser is the CRM user chosen in the header; the first one at first.
func (s *Server) actingUser(r *http.Request) Owner {
	if c, err := r.Cookie(userCookie); err == nil {
		if o, ok := s.st.owner(c.Value); ok && !o.Archived {
			return o
		}
	}
	for _, o := range s.st.owners {
		if !o.Archived {
			return o
		}
	}
	return Owner{}
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) (string, error) {
	http.SetCookie(w, &http.Cookie{Name: userCookie, Value: r.PostForm.Get("user"), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return localPath(r.PostForm.Get("back")), nil
}

// localPath keeps a redirect on this site.
func localPath(p string) string {
	u, err := url.Parse(p)
	if err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.Contains(p, `\`) {
		return "/contacts"
	}
	return u.Path
}

// unchanged answers a poll that knows the present state.
func unchanged(w http.ResponseWriter, r *http.Request, rev uint64) bool {
	if r.Header.Get("X-Rev") != strconv.FormatUint(rev, 10) {
		return false
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

func (s *Server) render(w http.ResponseWriter, status int, name string, p page) {
	var out bytes.Buffer
	if err := pageTemplates[name].ExecuteTemplate(&out, "layout", p); err != nil {
		s.log.Error("sandbox page not rendered", "page", name, "error", err)
		http.Error(w, "the page could not be shown", http.StatusInternalServerError)
		return
	}
	s.pageHeaders(w)
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

func (s *Server) pageHeaders(w http.ResponseWriter) {
	frames := strings.Join(frameOrigins(s.Settings()), " ")
	if frames == "" {
		frames = "'none'"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "+
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src "+frames)
}

func (s *Server) missingPage(w http.ResponseWriter, r *http.Request) {
	s.st.mu.RLock()
	p := s.newPage(w, r, "")
	s.st.mu.RUnlock()
	p.Title = p.T("missing")
	s.render(w, http.StatusNotFound, "missing", p)
}

// cardLink answers the page's script: {"url"} or {"error"} in words.
func (s *Server) cardLink(w http.ResponseWriter, r *http.Request) {
	lang := languageOf(w, r)
	s.st.mu.RLock()
	user := s.actingUser(r)
	s.st.mu.RUnlock()
	link, bad := s.openCard(r.Context(), user, kindOf(r.URL.Query().Get("objectType")), r.URL.Query().Get("objectId"))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if bad != nil {
		_ = json.NewEncoder(w).Encode(map[string]string{"error": pageText(lang, bad.key), "detail": bad.detail})
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"url": link})
}

// shownTime writes a moment in the account's time zone.
func (s *Server) shownTime(t time.Time, lang string) string {
	if t.IsZero() {
		return ""
	}
	if lang == "ru" {
		return t.In(s.zone).Format("02.01.2006 15:04")
	}
	return t.In(s.zone).Format("2 Jan 2006, 15:04")
}

func (o Owner) name() string {
	if name := strings.TrimSpace(o.FirstName + " " + o.LastName); name != "" {
		return name
	}
	return o.Email
}

// Name is for templates.
func (o Owner) Name() string { return o.name() }

func (s *Server) ownerName(id, lang string) string {
	if id == "" {
		return pageText(lang, "noOwner")
	}
	o, ok := s.st.owner(id)
	switch {
	case !ok:
		return id
	case o.Archived:
		return fmt.Sprintf("%s (%s)", o.name(), pageText(lang, "goneOwner"))
	}
	return o.name()
}
