package access_test

import (
	"strings"

	"switchboard"
	. "switchboard/access"
)

// The action table of product section 4, typed as it stands there: own / other's /
// without responsible. Where managers may act in first-to-answer mode only, the cell
// is n here, because every channel gives its clients away in turn.
var section4 = []struct {
	actions                             string
	qualityControl, manager, supervisor string
}{
	{"read search open_media read_notes read_why",
		"y / y / y", "y / n / n", "y / y / y"},
	{"send edit_message delete_message retry react send_template schedule start_chat",
		"n / n / n", "y / n / n", "y / y / y"},
	{"start_new",
		"n / n / n", "y / y / y", "y / y / y"},
	{"add_note no_reply_needed create_deal change_stage block_client",
		"n / n / n", "y / n / n", "y / y / y"},
	{"change_responsible",
		"n / n / n", "y / n / n", "y / y / y"},
	{"choose_contact",
		"n / n / n", "n / n / n", "y / y / y"},
	{"read_journal",
		"y / y / y", "y / n / n", "y / y / y"},
	{"retry_journal",
		"n / n / n", "n / n / n", "y / y / y"},
}

// The rows of a random world, as a database would hold them.
type (
	roleRow  struct{ account, channel, employee, role string }
	chatRow  struct{ account, id, channel string }
	ownerRow struct{ account, employee, chat string }
	world    struct {
		roles  []roleRow
		chats  []chatRow
		owners []ownerRow
	}
)

// allowed is the naive model: it walks the rows and reads the answer in section4.
func (w world) allowed(account, employee string, action Action, chat chatRow) bool {
	if account != chat.account {
		return false
	}
	cell := ""
	for _, r := range w.roles {
		if r.account == account && r.channel == chat.channel && r.employee == employee {
			cell = cellOf(action, r.role)
		}
	}
	if cell == "" {
		return false
	}
	column := 2
	for _, o := range w.owners {
		if o.account != account || o.chat != chat.id {
			continue
		}
		if o.employee == employee {
			column = 0
			break
		}
		column = 1
	}
	return strings.Split(cell, " / ")[column] == "y"
}

func cellOf(action Action, role string) string {
	for _, row := range section4 {
		for _, name := range strings.Fields(row.actions) {
			if name != string(action) {
				continue
			}
			switch role {
			case "quality_control":
				return row.qualityControl
			case "manager":
				return row.manager
			case "supervisor":
				return row.supervisor
			}
		}
	}
	return ""
}

// viewer and subject are what the product hands to Can.
func (w world) viewer(account, employee string, admin bool) Viewer {
	v := Viewer{
		Account: switchboard.AccountID(account), Employee: switchboard.EmployeeID(employee), Admin: admin,
		Roles: map[switchboard.ChannelID]switchboard.Role{},
	}
	for _, r := range w.roles {
		if r.account == account && r.employee == employee {
			v.Roles[switchboard.ChannelID(r.channel)] = switchboard.Role(r.role)
		}
	}
	return v
}

func (w world) subject(chat chatRow) Subject {
	s := Subject{Account: switchboard.AccountID(chat.account), Channel: switchboard.ChannelID(chat.channel)}
	for _, o := range w.owners {
		if o.account == chat.account && o.chat == chat.id {
			s.Owners = append(s.Owners, switchboard.EmployeeID(o.employee))
		}
	}
	return s
}
