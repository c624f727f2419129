package web

import (
	"bytes"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

const notBuilt = "UI is not built: run make build\n"

// Handler serves the user interface. A path that names no file gets the full app, whose router reads the path;
// a missing asset is 404. Files under assets carry a hash in their names and are cached for good, everything else is
// asked again. Security headers are the caller's.
func Handler() http.Handler {
	return handler{files: Files()}
}

type handler struct{ files fs.FS }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	name := h.fileFor(r.URL.Path)
	if name == "" {
		http.NotFound(w, r)
		return
	}
	body, err := fs.ReadFile(h.files, name)
	if err != nil {
		http.Error(w, notBuilt, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Cache-Control", cacheControl(name))
	// The zero time leaves Last-Modified out: embedded files have none.
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
}

// fileFor names the file to serve for a path, "" when the path asks for a file that is not there.
func (h handler) fileFor(urlPath string) string {
	name := strings.TrimPrefix(path.Clean("/"+urlPath), "/")
	if info, err := fs.Stat(h.files, name); err == nil && !info.IsDir() {
		return name
	}
	if name == "embed" {
		return "embed.html"
	}
	if path.Ext(name) != "" {
		return ""
	}
	return "index.html"
}

func cacheControl(name string) string {
	if strings.HasPrefix(name, "assets/") {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}
