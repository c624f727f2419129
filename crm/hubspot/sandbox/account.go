package sandbox

import (
	"net/http"
	"net/url"
	"slices"
)

func (s *Server) accountDetails(c *call) answer {
	p := s.cfg.Portal
	_, offset := c.now.In(s.zone).Zone()
	return ok(map[string]any{
		"portalId": p.ID, "accountType": "DEVELOPER_TEST", "timeZone": p.TimeZone, "uiDomain": p.UIDomain,
		"utcOffset": c.now.In(s.zone).Format("-07:00"), "utcOffsetMilliseconds": offset * 1000,
		"dataHostingLocation": "na1", "companyCurrency": p.Currency, "additionalCurrencies": []string{},
	})
}

// introspect tells whether a token is alive and what it may do.
func (s *Server) introspect(c *call) answer {
	form, err := url.ParseQuery(string(c.body))
	if err != nil || form.Get("token") == "" {
		return invalid("token is needed").answer()
	}
	for i := range s.cfg.Tokens {
		t := &s.cfg.Tokens[i]
		if string(t.Value) != form.Get("token") {
			continue
		}
		p := s.cfg.Portal
		return ok(map[string]any{"active": true, "hub_id": p.ID, "hub_domain": p.UIDomain, "app_id": p.AppID,
			"user": "", "user_id": 0, "scopes": t.scopes(), "token_type": "bearer", "token_use": "access_token"})
	}
	return ok(map[string]any{"active": false})
}

// oauthToken refuses: the sandbox knows static tokens only.
func (s *Server) oauthToken(*call) answer {
	e := fail(http.StatusBadRequest, "BAD_REFRESH_TOKEN", "missing or invalid refresh token")
	e.Status = "BAD_REFRESH_TOKEN"
	return e.answer()
}

// uninstall ends the calling token.
func (s *Server) uninstall(c *call) answer {
	gone := c.token.Value
	s.cfg.Tokens = slices.DeleteFunc(slices.Clone(s.cfg.Tokens), func(t Token) bool { return t.Value == gone })
	return noContent()
}

// appEvents need an approved partner's app, which no static token is.
func (s *Server) appEvents(*call) answer { return missingScopes("timeline").answer() }
