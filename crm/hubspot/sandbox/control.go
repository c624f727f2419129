package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
)

const (
	maxControlBody = 1 << 20
	maxLedgerPage  = 10_000
)

// controlRoutes are the sandbox's own switches, not HubSpot's:
//
//	GET, PUT, DELETE /sandbox/faults        the present Faults; PUT changes the given fields; DELETE forgets them
//	POST             /sandbox/faults/rules  adds one Rule
//	GET, DELETE      /sandbox/ledger?after= the calls after a number; DELETE zeroes the counters
//	GET              /sandbox/counters      Counters
//	GET, PUT         /sandbox/settings      Settings; the secret is never shown
//	GET, PUT         /sandbox/owners        the CRM's users
//	GET, PUT         /sandbox/pipelines     the deal pipelines
func (s *Server) controlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sandbox/faults", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Faults()) })
	mux.HandleFunc("PUT /sandbox/faults", s.putFaults)
	mux.HandleFunc("DELETE /sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ClearFaults()
		reply(w, s.Faults())
	})
	mux.HandleFunc("POST /sandbox/faults/rules", s.postRule)
	mux.HandleFunc("GET /sandbox/ledger", s.getLedger)
	mux.HandleFunc("DELETE /sandbox/ledger", func(w http.ResponseWriter, _ *http.Request) {
		s.ResetCounters()
		reply(w, s.Counters())
	})
	mux.HandleFunc("GET /sandbox/counters", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Counters()) })
	mux.HandleFunc("GET /sandbox/settings", func(w http.ResponseWriter, _ *http.Request) { reply(w, showSettings(s.Settings())) })
	mux.HandleFunc("PUT /sandbox/settings", s.putSettings)
	mux.HandleFunc("GET /sandbox/owners", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Owners()) })
	mux.HandleFunc("PUT /sandbox/owners", s.putOwners)
	mux.HandleFunc("GET /sandbox/pipelines", func(w http.ResponseWriter, _ *http.Request) { reply(w, s.Pipelines()) })
	mux.HandleFunc("PUT /sandbox/pipelines", s.putPipelines)
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
}

func readControl(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		refuse(w, err.Error())
		return false
	}
	return true
}

func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	f := s.Faults()
	if !readControl(w, r, &f) {
		return
	}
	if err := s.SetFaults(f); err != nil {
		refuse(w, err.Error())
		return
	}
	reply(w, s.Faults())
}

func (s *Server) postRule(w http.ResponseWriter, r *http.Request) {
	var rule Rule
	if !readControl(w, r, &rule) {
		return
	}
	if err := s.AddRule(rule); err != nil {
		refuse(w, err.Error())
		return
	}
	reply(w, s.Faults())
}

func (s *Server) getLedger(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil {
		after = 0
	}
	reply(w, map[string]any{"calls": s.ledger.after(after, maxLedgerPage), "counters": s.Counters()})
}

// settingsOut is Settings without the secret.
type settingsOut struct {
	AppURL       string   `json:"appURL"`
	HasSecret    bool     `json:"hasSecret"`
	CardPath     string   `json:"cardPath"`
	FrameOrigins []string `json:"frameOrigins"`
}

func showSettings(set Settings) settingsOut {
	return settingsOut{set.AppURL, set.AppSecret != "", set.CardPath, set.FrameOrigins}
}

func (s *Server) putSettings(w http.ResponseWriter, r *http.Request) {
	old := s.Settings()
	in := settingsLine{old.AppURL, string(old.AppSecret), old.CardPath, old.FrameOrigins}
	if !readControl(w, r, &in) {
		return
	}
	set := Settings{in.AppURL, Secret(in.AppSecret), in.CardPath, in.FrameOrigins}
	if err := s.SetSettings(set); err != nil {
		refuse(w, err.Error())
		return
	}
	reply(w, showSettings(s.Settings()))
}

func (s *Server) putOwners(w http.ResponseWriter, r *http.Request) {
	var list []Owner
	if !readControl(w, r, &list) {
		return
	}
	if err := s.SetOwners(list); err != nil {
		refuse(w, err.Error())
		return
	}
	reply(w, s.Owners())
}

func (s *Server) putPipelines(w http.ResponseWriter, r *http.Request) {
	var list []Pipeline
	if !readControl(w, r, &list) {
		return
	}
	if err := s.SetPipelines(list); err != nil {
		refuse(w, err.Error())
		return
	}
	reply(w, s.Pipelines())
}
