package app

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard"
)

type channelList struct {
	Channels   []Channel
	Transports []TransportInfo
}

func (s *site) channels() channelList {
	s.t.Helper()
	var list channelList
	s.ok(s.admin, "GET", "/api/app/channels", nil, &list)
	return list
}

func TestASiteChatIsConnectedWithItsSnippet(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		var ch Channel
		kinds := s.eventsOf(func() {
			s.ok(s.admin, "POST", "/api/app/channels", map[string]any{"transport": "webchat", "name": " Shop ",
				"config": map[string]any{"origins": []string{"https://Shop.example/", "http://shop.example:80"}}}, &ch)
		})
		if ch.Name != "Shop" || ch.State != "active" || len(ch.Key) != 20 || strings.Trim(ch.Key, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Errorf("channel %+v", ch)
		}
		if diff := cmp.Diff([]string{"https://shop.example", "http://shop.example"}, *ch.Config.Origins); diff != "" {
			t.Errorf("origins %s", diff)
		}
		if *ch.Snippet != `<script src="https://chat.example/webchat/v1/`+ch.Key+`/widget.js" async></script>` ||
			*ch.PageURL != "https://chat.example/webchat/v1/"+ch.Key+"/page" {
			t.Errorf("snippet %s, page %s", *ch.Snippet, *ch.PageURL)
		}
		if !slices.Contains(kinds, switchboard.EventChannelChanged) || !slices.Contains(kinds, switchboard.EventSettingsChanged) {
			t.Errorf("events %v", kinds)
		}
		s.lastAudit("channel.created")
		list := s.channels()
		if len(list.Channels) != 1 || len(list.Transports) != 2 || list.Transports[1].Transport != "webchat" {
			t.Errorf("list %+v", list)
		}
		for name, c := range map[string]struct {
			body        map[string]any
			code, field string
		}{
			"not an origin":     {map[string]any{"transport": "webchat", "config": map[string]any{"origins": []string{"shop"}}}, "webchat_origin_malformed", "origins"},
			"with a path":       {map[string]any{"transport": "webchat", "config": map[string]any{"origins": []string{"https://a.example/x"}}}, "webchat_origin_malformed", "origins"},
			"too many":          {map[string]any{"transport": "webchat", "config": map[string]any{"origins": slices.Repeat([]string{"https://a.example"}, 51)}}, "webchat_too_many_origins", "origins"},
			"a token":           {map[string]any{"transport": "webchat", "config": map[string]any{}, "token": "x"}, "channel_token_not_needed", "token"},
			"unknown messenger": {map[string]any{"transport": "pigeon", "config": map[string]any{}}, "unknown_transport", "transport"},
			"a long name":       {map[string]any{"transport": "webchat", "config": map[string]any{}, "name": strings.Repeat("я", 201)}, "text_length", "name"},
			"unknown setting":   {map[string]any{"transport": "webchat", "config": map[string]any{"botId": 7}}, "unknown_field", "botId"},
		} {
			a := s.do(s.admin, "POST", "/api/app/channels", c.body)
			if p := s.problem(a); a.status != 400 || p.Code != c.code || p.Field == nil || *p.Field != c.field {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if n := len(s.channels().Channels); n != 1 {
			t.Errorf("refused channels were kept: %d", n)
		}
	})
}

func TestATelegramBotIsCheckedAndItsTokenNeverShown(t *testing.T) { // P13 by the canary in every answer
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		s.bots.AddBot(botToken, "shop_bot")
		body := func(token string) map[string]any {
			return map[string]any{"transport": "telegram_bot", "config": map[string]any{"mode": "poll"}, "token": token}
		}
		for name, c := range map[string][2]string{
			"no token":      {"", "channel_token_missing"},
			"not a token":   {"hello", "telegram_token_malformed"},
			"refused token": {"1:canaryTokenOfNobodyAtAllxxxxxxxxxxxx", "telegram_token_refused"},
		} {
			a := s.do(s.admin, "POST", "/api/app/channels", body(c[0]))
			if p := s.problem(a); a.status != 400 || p.Code != c[1] || p.Field == nil || *p.Field != "token" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		var ch Channel
		s.ok(s.admin, "POST", "/api/app/channels", body(" "+botToken+" "), &ch)
		if !strings.HasSuffix(ch.Name, "@shop_bot") || ch.State != "active" || *ch.Config.Mode != "poll" || ch.Snippet != nil {
			t.Errorf("channel %+v", ch)
		}
		stored, err := s.store.Channel(t.Context(), nil, s.account, switchboard.ChannelID(ch.Id))
		s.must(err)
		if !strings.Contains(string(stored.Secrets), botToken) || strings.Contains(string(stored.Config), botToken) {
			t.Error("the token is not where it belongs")
		}
		s.lastAudit("channel.created")
		s.channels()
		s.settings()
	})
}

func TestAChannelIsChangedSwitchedOffAndMended(t *testing.T) { // CHAT-4, SET-2
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		s.bots.AddBot(botToken, "shop_bot")
		var ch Channel
		s.ok(s.admin, "POST", "/api/app/channels", map[string]any{"transport": "telegram_bot", "config": map[string]any{}, "token": botToken}, &ch)
		path, id := "/api/app/channels/"+ch.Id, switchboard.ChannelID(ch.Id)
		secrets := func() string {
			stored, err := s.store.Channel(t.Context(), nil, s.account, id)
			s.must(err)
			return string(stored.Secrets)
		}
		first := secrets()
		s.ok(s.admin, "PATCH", path, map[string]any{"name": "Bot"}, &ch)
		if ch.Name != "Bot" || secrets() != first {
			t.Errorf("renamed: %+v", ch)
		}
		s.ok(s.admin, "PATCH", path, map[string]any{"active": false}, &ch)
		if ch.State != "disabled" {
			t.Errorf("off: %+v", ch)
		}
		entry := s.lastAudit("channel.changed")
		if !strings.Contains(string(entry.Before), `"state":"active"`) || !strings.Contains(string(entry.After), `"state":"disabled"`) {
			t.Errorf("audit %s -> %s", entry.Before, entry.After)
		}
		s.bots.Revoke(botToken)
		if a := s.do(s.admin, "PATCH", path, map[string]any{"active": true}); a.status != 400 || s.problem(a).Code != "telegram_token_refused" {
			t.Errorf("on with a revoked token: %d %s", a.status, a.body)
		}
		other := "777:canaryTokenOfAnotherBot_xxxxxxxxxxxx"
		s.bots.AddBot(other, "other_bot")
		if a := s.do(s.admin, "PATCH", path, map[string]any{"token": other}); a.status != 409 || s.problem(a).Code != "telegram_other_bot" {
			t.Errorf("another bot's token: %d %s", a.status, a.body)
		}
		if secrets() != first {
			t.Error("a refused token was kept")
		}
		fresh := "4242:canaryTokenAfterTheRevokedOne_00001"
		s.bots.AddBot(fresh, "shop_bot")
		s.ok(s.admin, "PATCH", path, map[string]any{"token": fresh, "active": true}, &ch)
		if ch.State != "active" || !strings.Contains(secrets(), fresh) {
			t.Errorf("mended: %+v", ch)
		}
		if e := s.lastAudit("channel.changed"); !strings.Contains(string(e.After), `"newToken":true`) {
			t.Errorf("audit %s", e.After)
		}
		if a := s.do(s.admin, "PATCH", "/api/app/channels/none", map[string]any{"name": "x"}); a.status != http.StatusNotFound {
			t.Errorf("no such channel: %d", a.status)
		}
	})
}

func TestTheCRMIsConnectedOnlyWithAllItNeeds(t *testing.T) { // SET-1, SET-4
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		if got := s.settings(); got.Crm != nil || got.Pipelines != nil {
			t.Errorf("before: %+v", got.Crm)
		}
		s.crm.report = CRMReport{Checks: []CRMCheck{{Sentence: "not_found", Scope: "crm.objects.contacts.write", Required: true},
			{Sentence: "not_found", Scope: "crm.objects.deals.read", Required: true, OK: true}, {Sentence: "not_found", Scope: "oauth"}}}
		a := s.do(s.admin, "PUT", "/api/app/crm", map[string]string{"token": crmToken})
		if p := s.problem(a); a.status != 400 || p.Title != "The token lacks rights: crm.objects.contacts.write. Grant them in the CRM and try again." {
			t.Errorf("%d %s", a.status, a.body)
		}
		s.crm.err = &switchboard.Error{Code: switchboard.CodeInvalid, Message: "crm_token_refused", Field: "token", Err: errors.New("401")}
		if a := s.do(s.admin, "PUT", "/api/app/crm", map[string]string{"token": crmToken}); a.status != 400 || s.problem(a).Code != "crm_token_refused" {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := s.do(s.admin, "POST", "/api/app/crm/refresh", nil); a.status != 409 {
			t.Errorf("refresh without a CRM: %d", a.status)
		}
		s.crm.err, s.crm.report = nil, CRMReport{Portal: "Acme Ltd", Usable: true}
		var crm CRM
		s.ok(s.admin, "PUT", "/api/app/crm", map[string]string{"token": crmToken}, &crm)
		if crm.State != "active" || *crm.Portal != "Acme Ltd" || crm.Checks == nil {
			t.Errorf("CRM %+v", crm)
		}
		s.lastAudit("crm.connected")
		if got := s.settings(); got.Crm == nil || len(*got.Pipelines) != 2 || (*got.Pipelines)[0].Stages[1].Offered {
			t.Errorf("settings %+v", got.Pipelines)
		}
		s.crm.diff = switchboard.CRMDifference{EmployeesAdded: []string{"Zoe"}, StagesGone: []string{"Sales / Old"}}
		var diff CRMDifference
		s.ok(s.admin, "POST", "/api/app/crm/refresh", nil, &diff)
		if diff.EmployeesAdded[0] != "Zoe" || diff.StagesGone[0] != "Sales / Old" || diff.PipelinesAdded == nil {
			t.Errorf("difference %+v", diff)
		}
		for range 2 {
			if a := s.do(s.admin, "DELETE", "/api/app/crm", nil); a.status != http.StatusNoContent {
				t.Errorf("disconnect: %d", a.status)
			}
		}
		s.lastAudit("crm.disconnected")
		if got := s.settings(); got.Crm != nil {
			t.Errorf("after: %+v", got.Crm)
		}
	})
}

func TestUnreadableDeliveriesAreListedWithoutTheirBytes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		ch := s.widget("Shop")
		ctx := t.Context()
		s.must(s.store.InTx(ctx, func(tx switchboard.Tx) error {
			return s.store.KeepRaw(ctx, tx, switchboard.Channel{Account: s.account, ID: switchboard.ChannelID(ch.Id)}, "r1", []byte("canary bytes"), "bad_message")
		}))
		var list struct{ Deliveries []Unreadable }
		s.ok(s.admin, "GET", "/api/app/unreadable", nil, &list)
		if len(list.Deliveries) != 1 || list.Deliveries[0].Bytes != 12 || list.Deliveries[0].Reason != "The message could not be read." {
			t.Errorf("deliveries %+v", list)
		}
	})
}
