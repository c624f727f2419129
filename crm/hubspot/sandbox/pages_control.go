package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

type settingsBody struct {
	AppURL, CardPath, Frames string
	HasSecret                bool
	Owners                   []Owner
}

func (s *Server) settingsPage(w http.ResponseWriter, r *http.Request) {
	set := s.Settings()
	s.st.mu.RLock()
	p := s.newPage(w, r, "")
	p.Title = p.T("settings")
	p.Body = settingsBody{set.AppURL, set.CardPath, strings.Join(set.FrameOrigins, "\n"), set.AppSecret != "", slices.Clone(s.st.owners)}
	s.st.mu.RUnlock()
	s.render(w, http.StatusOK, "settings", p)
}

func (s *Server) saveSettings(_ http.ResponseWriter, r *http.Request) (string, error) {
	set := s.Settings()
	set.AppURL = r.PostForm.Get("appURL")
	set.CardPath = strings.TrimSpace(r.PostForm.Get("cardPath"))
	set.FrameOrigins = strings.Fields(r.PostForm.Get("frames"))
	if secret := r.PostForm.Get("secret"); secret != "" {
		set.AppSecret = Secret(secret)
	}
	if err := s.SetSettings(set); err != nil {
		return "/settings", err
	}
	return "/settings?saved", nil
}

// toggleOwner removes a user or brings him back.
func (s *Server) toggleOwner(_ http.ResponseWriter, r *http.Request) (string, error) {
	list := s.Owners()
	for i := range list {
		if list[i].ID == r.PathValue("id") {
			list[i].Archived = !list[i].Archived
		}
	}
	return "/settings", s.SetOwners(list)
}

type controlBody struct {
	Faults   Faults
	Kinds    []string
	Counters Counters
	Calls    []Call
}

const shownCalls = 40

func (s *Server) controlPage(w http.ResponseWriter, r *http.Request) {
	seen := uint64(s.ledger.count()) + 1
	if unchanged(w, r, seen) {
		return
	}
	s.st.mu.RLock()
	p := s.newPage(w, r, "")
	s.st.mu.RUnlock()
	p.Title, p.Rev = p.T("control"), seen
	calls := s.ledger.after(s.ledger.count()-shownCalls, shownCalls)
	slices.Reverse(calls)
	p.Body = controlBody{s.Faults(), faultKinds, s.Counters(), calls}
	s.render(w, http.StatusOK, "control", p)
}

func (s *Server) saveControl(_ http.ResponseWriter, r *http.Request) (string, error) {
	f := s.Faults()
	f.Down = r.PostForm.Get("down")
	if lag, err := strconv.ParseInt(r.PostForm.Get("lag"), 10, 64); err == nil {
		f.SearchLagMillis = lag
	}
	f.Limits.Enforce = r.PostForm.Has("limits")
	f.Leads = r.PostForm.Has("leads")
	f.RefuseEngagementUnique = r.PostForm.Has("unique")
	if err := s.SetFaults(f); err != nil {
		return "/sandbox", err
	}
	return "/sandbox?saved", nil
}

func (s *Server) addRuleByHand(_ http.ResponseWriter, r *http.Request) (string, error) {
	rule := Rule{Kind: r.PostForm.Get("kind"), Method: r.PostForm.Get("method"), Path: strings.TrimSpace(r.PostForm.Get("path"))}
	rule.Next, _ = strconv.Atoi(r.PostForm.Get("next"))
	rule.Probability, _ = strconv.ParseFloat(strings.ReplaceAll(r.PostForm.Get("probability"), ",", "."), 64)
	return "/sandbox", s.AddRule(rule)
}
