package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard"
)

func rowsOf(list ...any) map[string]any {
	rows := []any{}
	for i := 0; i < len(list); i += 3 {
		rows = append(rows, map[string]any{"employeeId": list[i], "role": list[i+1], "receives": list[i+2]})
	}
	return map[string]any{"rows": rows}
}

var dealInSales = map[string]string{"target": "deal", "pipeline": "sales", "stage": "new"}

func (s *site) setRoles(ch Channel, list ...any) Roles {
	s.t.Helper()
	var roles Roles
	s.ok(s.admin, "PUT", "/api/app/channels/"+ch.Id+"/roles", rowsOf(list...), &roles)
	return roles
}

func (s *site) settings() Settings {
	s.t.Helper()
	var settings Settings
	s.ok(s.admin, "GET", "/api/app/settings", nil, &settings)
	return settings
}

// places gives who receives on a channel with their positions.
func (s *site) places(ch Channel) map[switchboard.EmployeeID]int64 {
	s.t.Helper()
	all, err := s.store.Roles(s.t.Context(), nil, s.account, switchboard.ChannelID(ch.Id))
	s.must(err)
	places := map[switchboard.EmployeeID]int64{}
	for _, r := range all {
		if r.Position > 0 {
			places[r.Employee] = r.Position
		}
	}
	return places
}

func TestAccountSettingsCountForAllChannels(t *testing.T) { // SET-1, SET-2
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		was := s.settings().Account
		var now Settings
		kinds := s.eventsOf(func() {
			s.ok(s.admin, "PATCH", "/api/app/settings", map[string]any{"timeline": false, "notifySupervisors": true, "country": "de"}, &now)
		})
		if diff := cmp.Diff([]switchboard.EventKind{switchboard.EventSettingsChanged}, kinds); diff != "" {
			t.Errorf("events %s", diff)
		}
		if now.Account.Timeline || !now.Account.NotifySupervisors || now.Account.Country != "DE" || now.Account.EightToSeven != was.EightToSeven {
			t.Errorf("settings %+v", now.Account)
		}
		entry := s.lastAudit("account.settings")
		if !strings.Contains(string(entry.Before), `"timeline":true`) || !strings.Contains(string(entry.After), `"timeline":false`) {
			t.Errorf("audit %s -> %s", entry.Before, entry.After)
		}
		before, err := s.store.Account(t.Context(), nil, s.account)
		s.must(err)
		kinds = s.eventsOf(func() { s.ok(s.admin, "PATCH", "/api/app/settings", map[string]any{"country": "DE"}, nil) })
		after, err := s.store.Account(t.Context(), nil, s.account)
		s.must(err)
		if len(kinds) != 0 || after.SettingsVersion != before.SettingsVersion {
			t.Errorf("a change that changes nothing: events %v, version %d -> %d", kinds, before.SettingsVersion, after.SettingsVersion)
		}
		for _, bad := range []any{map[string]any{"country": "XX"}, map[string]any{"country": ""}, map[string]any{"locale": "fr"}} {
			if a := s.do(s.admin, "PATCH", "/api/app/settings", bad); a.status != 400 {
				t.Errorf("%v: %d", bad, a.status)
			}
		}
	})
}

func TestDealsGoOnlyWhereTheyCan(t *testing.T) { // DEAL-4
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		path := "/api/app/channels/" + s.widget("Shop").Id + "/settings"
		if a := s.do(s.admin, "PUT", path, dealInSales); a.status != 409 || s.problem(a).Code != "crm_not_connected" {
			t.Errorf("without a CRM: %d %s", a.status, a.body)
		}
		s.connect()
		for name, c := range map[string]struct {
			body        map[string]string
			code, field string
		}{
			"no pipeline":      {map[string]string{"target": "deal"}, "pipeline_unknown", "pipeline"},
			"unknown pipeline": {map[string]string{"target": "deal", "pipeline": "x", "stage": "new"}, "pipeline_unknown", "pipeline"},
			"no stage":         {map[string]string{"target": "deal", "pipeline": "sales"}, "stage_unknown", "stage"},
			"another's stage":  {map[string]string{"target": "deal", "pipeline": "sales", "stage": "open"}, "stage_unknown", "stage"},
			"a closed stage":   {map[string]string{"target": "deal", "pipeline": "sales", "stage": "won"}, "stage_not_offered", "stage"},
			"unknown target":   {map[string]string{"target": "lead"}, "invalid", "target"},
		} {
			a := s.do(s.admin, "PUT", path, c.body)
			if p := s.problem(a); a.status != 400 || p.Code != c.code || p.Field == nil || *p.Field != c.field {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		var block ChannelBlock
		kinds := s.eventsOf(func() { s.ok(s.admin, "PUT", path, dealInSales, &block) })
		if *block.Settings.Stage != "new" || !slices.Contains(kinds, switchboard.EventSettingsChanged) {
			t.Errorf("block %+v, events %v", block, kinds)
		}
		entry := s.lastAudit("channel.settings")
		if string(entry.Before) != `{"target":"","pipeline":"","stage":""}` || string(entry.After) != `{"target":"deal","pipeline":"sales","stage":"new"}` {
			t.Errorf("audit %s -> %s", entry.Before, entry.After)
		}
		block = ChannelBlock{}
		s.ok(s.admin, "PUT", path, map[string]string{"target": ""}, &block)
		if block.Settings.Pipeline != nil || block.Settings.Target != "" {
			t.Errorf("unset: %+v", block.Settings)
		}
		if a := s.do(s.admin, "PUT", "/api/app/channels/none/settings", dealInSales); a.status != 404 {
			t.Errorf("no such channel: %d", a.status)
		}
	})
}

func TestRolesAreCheckedAndKept(t *testing.T) { // ROLE-3, QUEUE-3
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		ch := s.widget("Shop")
		for _, id := range []string{"anna", "boris", "clara"} {
			s.hire(id)
		}
		path := "/api/app/channels/" + ch.Id + "/roles"
		for name, c := range map[string]struct {
			body any
			code string
		}{
			"QUEUE-3 quality control receives": {rowsOf("anna", "quality_control", true), "quality_control_cannot_receive"},
			"unknown employee":                 {rowsOf("zoe", "manager", true), "employee_unknown"},
			"twice":                            {rowsOf("anna", "manager", true, "anna", "supervisor", false), "employee_twice"},
			"too many":                         {rowsOf(slices.Repeat([]any{"anna", "manager", true}, maxRoles+1)...), "invalid"},
		} {
			if a := s.do(s.admin, "PUT", path, c.body); a.status != 400 || s.problem(a).Code != c.code {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		var roles Roles
		kinds := s.eventsOf(func() {
			roles = s.setRoles(ch, "anna", "manager", true, "boris", "quality_control", false)
		})
		if diff := cmp.Diff([]switchboard.EventKind{switchboard.EventSettingsChanged}, kinds); diff != "" {
			t.Errorf("events %s", diff)
		}
		if len(roles.Rows) != 4 || roles.Rows[0].Employee.Id != "anna" || *roles.Rows[0].Role != "manager" || !roles.Rows[0].Receives ||
			roles.Rows[2].Role != nil {
			t.Errorf("rows %+v", roles.Rows)
		}
		entry := s.lastAudit("roles")
		want := `[{"employee":"anna","role":"manager","receives":true},{"employee":"boris","role":"quality_control","receives":false}]`
		if string(entry.Before) != "[]" || string(entry.After) != want {
			t.Errorf("audit %s -> %s", entry.Before, entry.After)
		}
		kinds = s.eventsOf(func() { s.setRoles(ch, "boris", "quality_control", false, "anna", "manager", true) })
		if len(kinds) != 0 || len(s.audited()) != 2 {
			t.Errorf("the same list again: events %v, %d changes", kinds, len(s.audited()))
		}
		s.setRoles(ch) // everybody loses the role
		if p := s.places(ch); len(p) != 0 {
			t.Errorf("places %v", p)
		}
	})
}

func TestANewcomerJoinsAtTheEndOfTheQueue(t *testing.T) { // QUEUE-2
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		ch := s.widget("Shop")
		for _, id := range []string{"anna", "boris", "clara"} {
			s.hire(id)
		}
		check := func(step string, want map[switchboard.EmployeeID]int64) {
			t.Helper()
			if diff := cmp.Diff(want, s.places(ch)); diff != "" {
				t.Errorf("%s: want -, got +:\n%s", step, diff)
			}
		}
		s.setRoles(ch, "anna", "manager", true, "boris", "manager", true)
		check("two", map[switchboard.EmployeeID]int64{"anna": 1, "boris": 2})
		s.setRoles(ch, "anna", "supervisor", true, "boris", "manager", true, "clara", "manager", true)
		check("another role keeps the place", map[switchboard.EmployeeID]int64{"anna": 1, "boris": 2, "clara": 3})
		s.setRoles(ch, "anna", "supervisor", false, "boris", "manager", true, "clara", "manager", true)
		check("switched off", map[switchboard.EmployeeID]int64{"boris": 2, "clara": 3})
		s.setRoles(ch, "anna", "supervisor", true, "boris", "manager", true, "clara", "manager", true)
		check("switched on again: at the end", map[switchboard.EmployeeID]int64{"anna": 4, "boris": 2, "clara": 3})
	})
}

func TestEachChannelSaysItsEffect(t *testing.T) { // SET-5
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		ch := s.widget("Shop")
		s.connect()
		check := func(want, next string) {
			t.Helper()
			block := s.settings().Channels[0]
			got := ""
			if block.Next != nil {
				got = block.Next.Name
			}
			if block.Effect != want || got != next {
				t.Errorf("%q, next %q\nwant %q, next %q", block.Effect, got, want, next)
			}
		}
		for _, id := range []string{"anna", "boris", "clara", "dina", "egor", "fedor", "galina"} {
			s.hire(id)
		}
		s.setRoles(ch, "anna", "manager", true, "boris", "manager", false)
		check("A new client in Shop is not created in the CRM: choose a pipeline and a stage.", "")
		s.ok(s.admin, "PUT", "/api/app/channels/"+ch.Id+"/settings", dealInSales, nil)
		check("A new client in Shop becomes a deal in Sales / New; responsible: Anna.", "Anna")
		s.setRoles(ch, "anna", "manager", true, "boris", "supervisor", true)
		check("A new client in Shop becomes a deal in Sales / New; responsible: next in turn among Anna, Boris.", "Anna")
		s.setRoles(ch, "anna", "manager", false)
		check("A new client in Shop waits: nobody receives new clients.", "")
		s.setRoles(ch, "anna", "manager", true, "boris", "manager", true, "clara", "manager", true, "dina", "manager", true,
			"egor", "manager", true, "fedor", "manager", true, "galina", "manager", true)
		check("A new client in Shop becomes a deal in Sales / New; responsible: next in turn among Anna, Boris, Clara, Dina, Egor and 2 more.", "Anna")
		s.must(s.store.InTx(t.Context(), func(tx switchboard.Tx) error {
			return s.store.SavePipelines(t.Context(), tx, s.account, salesAndService[1:])
		}))
		check("A new client in Shop waits: the chosen pipeline or stage is no longer in the CRM. Choose another.", "")
		a := s.do(s.admin, "GET", "/api/app/settings", nil, header("Accept-Language", "ru"))
		if !strings.Contains(a.body, "Новый клиент") {
			t.Errorf("in Russian: %s", a.body)
		}
	})
}

func TestTheNextInTurnFollowsTheQueueAndNothingMoves(t *testing.T) { // QUEUE-2
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		ch := s.widget("Shop")
		s.connect()
		s.hire("anna")
		s.hire("boris")
		s.setRoles(ch, "anna", "manager", true, "boris", "manager", true)
		s.ok(s.admin, "PUT", "/api/app/channels/"+ch.Id+"/settings", dealInSales, nil)
		turn := switchboard.Turn(`{"cursor":1}`)
		s.must(s.store.InTx(t.Context(), func(tx switchboard.Tx) error {
			return s.store.SaveDecision(t.Context(), tx, switchboard.DecisionRecord{Account: s.account, ID: "d", Client: "none",
				Channel: switchboard.ChannelID(ch.Id), Employee: "anna", Outcome: "create", Input: []byte("{}"), Decision: []byte("{}")},
				turn, switchboard.Client{Account: s.account, ID: "none", State: switchboard.ClientLinked})
		}))
		for range 3 {
			if next := s.settings().Channels[0].Next; next == nil || next.Name != "Boris" {
				t.Fatalf("next %+v", next)
			}
		}
		got, err := s.store.Turn(t.Context(), nil, s.account, switchboard.ChannelID(ch.Id))
		s.must(err)
		if string(got) != string(turn) {
			t.Errorf("the turn moved: %s", got)
		}
	})
}

func TestTheTabSaysWhatIsWrongAndWhatToDo(t *testing.T) { // SET-4
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		ch := s.widget("Shop")
		check := func(step string, want ...string) {
			t.Helper()
			got := []string{}
			for _, p := range s.settings().Problems {
				if p.Cure == nil || *p.Cure == "" {
					t.Errorf("%s: %q without a cure", step, p.Text)
				}
				got = append(got, p.Text)
			}
			if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
				t.Errorf("%s: want -, got +:\n%s", step, diff)
			}
		}
		tx := func(do func(tx switchboard.Tx) error) { s.must(s.store.InTx(t.Context(), do)) }
		check("before a CRM is connected")
		s.connect()
		unset := "Shop: nobody has chosen where deals are created, so new clients are not distributed."
		nobody := "Shop: nobody receives new clients, so they wait."
		check("fresh", unset, nobody)
		s.hire("anna")
		s.hire("boris")
		s.setRoles(ch, "anna", "manager", true, "boris", "manager", true)
		s.ok(s.admin, "PUT", "/api/app/channels/"+ch.Id+"/settings", dealInSales, nil)
		check("all is well")
		s.ok(s.admin, "PATCH", "/api/app/employees/boris", map[string]bool{"active": false}, nil)
		check("a blocked employee", "Shop: Boris is to receive new clients but is skipped. Blocked in Switchboard.")
		s.ok(s.admin, "PATCH", "/api/app/employees/boris", map[string]bool{"active": true}, nil)
		conn, err := s.store.Connection(t.Context(), nil, s.account)
		s.must(err)
		tx(func(tx switchboard.Tx) error { return s.store.ConnectionDown(t.Context(), tx, conn) })
		check("an outage", "The CRM does not answer. New clients are given out provisionally.")
		tx(func(tx switchboard.Tx) error { return s.store.BreakConnection(t.Context(), tx, conn, "token revoked") })
		check("a revoked token", "The CRM refuses our token: token revoked")
		if crm := s.settings().Crm; crm == nil || crm.State != CRMStateBroken || *crm.Reason != "token revoked" {
			t.Errorf("CRM %+v", crm)
		}
		s.connect()
		s.crm.report.Checks = []CRMCheck{{Sentence: "not_found", Scope: "crm.objects.deals.write", Required: true}, {Sentence: "conflict"}}
		if p := s.settings().Problems; len(p) != 1 || !strings.Contains(*p[0].Cure, "crm.objects.deals.write") {
			t.Errorf("a missing scope: %+v", p)
		}
		s.crm.report.Checks = nil
		tx(func(tx switchboard.Tx) error {
			return s.store.SavePipelines(t.Context(), tx, s.account, salesAndService[1:])
		})
		check("a deleted pipeline", "Shop: the chosen pipeline or stage is no longer in the CRM, so new clients wait.")
		tx(func(tx switchboard.Tx) error {
			return s.store.SavePipelines(t.Context(), tx, s.account, salesAndService)
		})
		stored, err := s.store.Channel(t.Context(), nil, s.account, switchboard.ChannelID(ch.Id))
		s.must(err)
		tx(func(tx switchboard.Tx) error {
			return s.store.BreakChannel(t.Context(), tx, stored, "channel_token_revoked")
		})
		check("a broken channel", "Shop does not work: The messenger refuses the channel's token. Connect the channel again.")
	})
}

func TestAnotherCRMOwnerMovesChats(t *testing.T) { // ROLE-1
	eachSite(t, func(t *testing.T, s *site) {
		s.open()
		ch := s.widget("Shop")
		s.hire("anna")
		ctx := t.Context()
		client := switchboard.Client{Account: s.account, ID: "c1", State: switchboard.ClientLinked, Contact: "contact"}
		s.must(s.store.InTx(ctx, func(tx switchboard.Tx) error {
			if _, err := s.store.ResolveClient(ctx, tx, s.account, client.ID, "Peer", switchboard.ClientNew, nil); err != nil {
				return err
			}
			if err := s.store.SaveClient(ctx, tx, client, ""); err != nil {
				return err
			}
			if err := s.store.SaveContact(ctx, tx, s.account, switchboard.Contact{ID: "contact", Owner: "crm-zoe"}); err != nil {
				return err
			}
			return s.store.AddChat(ctx, tx, switchboard.Chat{Account: s.account, ID: "chat", Channel: switchboard.ChannelID(ch.Id), Client: "c1"})
		}))
		kinds := s.eventsOf(func() { s.hire("zoe") })
		if !slices.Contains(kinds, switchboard.EventOwnersChanged) {
			t.Errorf("the owner of a chat's contact became an employee: %v", kinds)
		}
		kinds = s.eventsOf(func() {
			s.must(s.store.InTx(ctx, func(tx switchboard.Tx) error {
				zoe, err := s.store.Employee(ctx, tx, s.account, "zoe")
				if err != nil {
					return err
				}
				zoe.Owner = ""
				return s.store.SaveEmployee(ctx, tx, s.account, zoe)
			}))
		})
		if !slices.Contains(kinds, switchboard.EventOwnersChanged) {
			t.Errorf("the owner is no employee any more: %v", kinds)
		}
	})
}
