package webchat

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// allowPage lets the asking page read the answer, refusals included: it could not
// tell them from a lost network otherwise. What it is refused, checkOrigin decides.
func allowPage(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After")
}

func preflight(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "authorization, content-type")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// checkOrigin refuses pages that are not on the channel's list. Our own page always
// is; a request that names no origin comes from no page.
func checkOrigin(v *visit) error {
	origin := v.r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	c, err := readConfig(v.channel.Config)
	if err != nil {
		return err
	}
	if len(c.Origins) == 0 || slices.Contains(c.Origins, strings.ToLower(origin)) {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, v.r.Host) {
		return nil
	}
	return &problem{status: http.StatusForbidden, key: "origin_refused"}
}
