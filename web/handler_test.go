package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

func built() handler {
	return handler{files: fstest.MapFS{
		"index.html":     {Data: []byte("app")},
		"embed.html":     {Data: []byte("frame")},
		"assets/a-1.js":  {Data: []byte("script")},
		"widget.js":      {Data: []byte("widget")},
		".keep":          {Data: nil},
		"assets/b-2.css": {Data: []byte("style")},
	}}
}

func get(h http.Handler, method, target string) (int, string, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w.Code, w.Body.String(), w.Header().Get("Cache-Control")
}

func TestServesTheAppForEveryPathOfItsRouter(t *testing.T) {
	for _, target := range []string{"/", "/chats/018f", "/integration", "/index.html"} {
		code, body, cache := get(built(), http.MethodGet, target)
		if diff := cmp.Diff([]any{200, "app", "no-cache"}, []any{code, body, cache}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
}

func TestServesFilesAndKeepsHashedOnesForGood(t *testing.T) {
	code, body, cache := get(built(), http.MethodGet, "/assets/a-1.js")
	if code != 200 || body != "script" || !strings.Contains(cache, "immutable") {
		t.Errorf("asset: got %d %q %q", code, body, cache)
	}
	if code, body, _ := get(built(), http.MethodGet, "/embed"); code != 200 || body != "frame" {
		t.Errorf("embed: got %d %q", code, body)
	}
}

func TestMissingAssetIsNotFoundRatherThanTheApp(t *testing.T) {
	for _, target := range []string{"/assets/gone.js", "/favicon.ico", "/../go.mod"} {
		if code, body, _ := get(built(), http.MethodGet, target); code != 404 || strings.Contains(body, "app") {
			t.Errorf("%s: got %d %q", target, code, body)
		}
	}
}

func TestSaysPlainlyThatTheInterfaceIsNotBuilt(t *testing.T) {
	empty := handler{files: fstest.MapFS{".keep": {}}}
	code, body, _ := get(empty, http.MethodGet, "/")
	if code != 503 || !strings.Contains(body, "make build") {
		t.Errorf("got %d %q", code, body)
	}
}

func TestRefusesWrites(t *testing.T) {
	if code, _, _ := get(built(), http.MethodPost, "/"); code != 405 {
		t.Errorf("got %d", code)
	}
}

func TestBuiltFollowsTheEmbeddedFiles(t *testing.T) {
	code, _, _ := get(Handler(), http.MethodGet, "/")
	if want := map[bool]int{true: 200, false: 503}[Built()]; code != want {
		t.Errorf("Built() = %v, got %d", Built(), code)
	}
}
