package access_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"switchboard"
	. "switchboard/access"
)

const (
	quality    = switchboard.QualityControl
	manager    = switchboard.Manager
	supervisor = switchboard.Supervisor
)

func anna(role switchboard.Role) Viewer {
	return Viewer{
		Account: "acme", Employee: "anna",
		Roles: map[switchboard.ChannelID]switchboard.Role{"shop": role},
	}
}

func chatOf(name string, owners ...switchboard.EmployeeID) Subject {
	return Subject{Account: "acme", Channel: "shop", Owners: owners, ResponsibleName: name}
}

var chats = map[string]Subject{
	"own":             chatOf("Anna", "anna"),
	"other's":         chatOf("Boris", "boris"),
	"without":         chatOf(""),
	"own by deal":     chatOf("Boris", "boris", "anna"),
	"of an outsider":  chatOf("Zoe"),
	"other's by deal": chatOf("", "boris"),
}

// column of the table in section 4 for each chat above.
var column = map[string]int{
	"own": 0, "other's": 1, "without": 2, "own by deal": 0, "of an outsider": 1, "other's by deal": 1,
}

func TestEveryCellOfTheTableIsAnswered(t *testing.T) {
	for _, action := range Actions() {
		if action == ManageSettings {
			continue
		}
		for _, role := range []switchboard.Role{quality, manager, supervisor} {
			for name, chat := range chats {
				chat.Author = "anna"
				cell := cellOf(action, string(role))
				if cell == "" {
					t.Fatalf("%s is not in the table of section 4", action)
				}
				want := cell[4*column[name]] == 'y'
				got, reason := Can(anna(role), action, chat)
				if got != want {
					t.Errorf("%s %s a chat %s: %v, section 4 says %v", role, action, name, got, want)
				}
				if got == (reason.Key != "") {
					t.Errorf("%s %s a chat %s: allowed %v with reason %q (ROLE-6)", role, action, name, got, reason.Key)
				}
			}
		}
	}
}

func TestRefusesInWords(t *testing.T) {
	boris := map[string]string{"name": "Boris"}
	admin := anna(switchboard.NoRole)
	admin.Admin = true
	stranger := anna(supervisor)
	stranger.Account = "other"
	theirs := chats["own"]
	theirs.Author = "boris"
	for _, c := range []struct {
		name   string
		viewer Viewer
		action Action
		chat   Subject
		want   Reason
	}{
		{"ROLE-6 quality control reads only", anna(quality), Send, chats["other's"], Reason{Key: KeyReadsOnly}},
		{"ROLE-6 responsible is Boris", anna(manager), Send, chats["other's"], Reason{KeyResponsible, boris}},
		{"ROLE-6 nor may it be seen", anna(manager), Read, chats["other's"], Reason{KeyResponsible, boris}},
		{"ROLE-6 responsible outside", anna(manager), Send, chats["of an outsider"], Reason{KeyResponsible, map[string]string{"name": "Zoe"}}},
		{"ROLE-6 a deal's owner", anna(manager), Send, chats["other's by deal"], Reason{Key: KeySomebodyElse}},
		{"ROLE-6 nobody responsible", anna(manager), Send, chats["without"], Reason{Key: KeyNobody}},
		{"ROLE-6 supervisors only", anna(manager), ChooseContact, chats["own"], Reason{Key: KeySupervisorsOnly}},
		{"ROLE-2 no role", anna(switchboard.NoRole), Read, chats["own"], Reason{Key: KeyNoRole}},
		{"ROLE-2 unknown role", anna("seller"), Read, chats["own"], Reason{Key: KeyNoRole}},
		{"ROLE-2 role on another channel", anna(supervisor), Read, Subject{Account: "acme", Channel: "bot"}, Reason{Key: KeyNoRole}},
		{"ROLE-4 another account", stranger, Read, chats["own"], Reason{Key: KeyNotFound}},
		{"ROLE-4 nobody signed in", Viewer{}, Read, Subject{Owners: []switchboard.EmployeeID{""}}, Reason{Key: KeyNotFound}},
		{"ROLE-4 unknown action", anna(supervisor), "fly", chats["own"], Reason{Key: KeyNotFound}},
		{"ROLE-8 somebody else's message", anna(manager), EditMessage, theirs, Reason{Key: KeyNotYourMessage}},
		{"ROLE-8 also for supervisors", anna(supervisor), DeleteMessage, theirs, Reason{Key: KeyNotYourMessage}},
		{"administrators read no chats", admin, Read, chats["own"], Reason{Key: KeyNoRole}},
		{"settings need an administrator", anna(supervisor), ManageSettings, Subject{Account: "acme"}, Reason{Key: KeyNotAdministrator}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ok, reason := Can(c.viewer, c.action, c.chat)
			if ok {
				t.Error("allowed")
			}
			if diff := cmp.Diff(c.want, reason); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestAdministratorsManageSettingsOfTheirAccountOnly(t *testing.T) {
	admin := anna(switchboard.NoRole)
	admin.Admin = true
	if ok, reason := Can(admin, ManageSettings, Subject{Account: "acme"}); !ok {
		t.Errorf("refused: %v", reason)
	}
	if ok, _ := Can(admin, ManageSettings, Subject{Account: "other"}); ok {
		t.Error("manages another account")
	}
}

func TestForeignAndMissingLookAlike(t *testing.T) {
	stranger := anna(supervisor)
	stranger.Account = "other"
	for name, c := range map[string]struct {
		viewer Viewer
		action Action
		chat   Subject
	}{
		"ROLE-4 other account":      {stranger, Send, chats["own"]},
		"ROLE-4 other's chat":       {anna(manager), Send, chats["other's"]},
		"ROLE-4 other's why":        {anna(manager), ReadWhy, chats["other's"]},
		"ROLE-4 supervisors' work":  {anna(manager), RetryJournal, chats["other's"]},
		"ROLE-2 no role":            {anna(switchboard.NoRole), Read, chats["own"]},
		"ROLE-2 start without role": {anna(switchboard.NoRole), StartNew, chats["own"]},
	} {
		if err := Check(c.viewer, c.action, c.chat); err != switchboard.ErrNotFound {
			t.Errorf("%s: %v, want exactly ErrNotFound", name, err)
		}
	}
}

func TestRefusalOfWhatIsSeenSaysWhy(t *testing.T) {
	var e *switchboard.Error
	err := Check(anna(quality), Send, chats["other's"])
	if !errors.As(err, &e) || e.Code != switchboard.CodeForbidden || e.Message != "access.quality_control_reads_only" {
		t.Errorf("got %v", err)
	}
	err = Check(anna(manager), ManageSettings, Subject{Account: "acme"})
	if !errors.As(err, &e) || e.Code != switchboard.CodeForbidden || e.Message != "access.not_administrator" {
		t.Errorf("got %v", err)
	}
	if err := Check(anna(manager), Send, chats["own"]); err != nil {
		t.Errorf("own chat: %v", err)
	}
}

func TestScopeListsChannelsByWhatTheirRoleSees(t *testing.T) {
	got := ScopeOf(map[switchboard.ChannelID]switchboard.Role{
		"d": manager, "a": supervisor, "c": quality, "b": manager, "e": switchboard.NoRole, "f": "seller",
	})
	want := Scope{Whole: []switchboard.ChannelID{"a", "c"}, Own: []switchboard.ChannelID{"b", "d"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}
