package access

import "switchboard"

// Key names why something is refused.
type Key string

// The keys; each has a sentence in package i18n under "access.<key>" (ROLE-6).
const (
	KeyNotFound         Key = "not_found" // also: another account's
	KeyNoRole           Key = "no_role"   // on this channel (ROLE-2)
	KeyReadsOnly        Key = "quality_control_reads_only"
	KeyResponsible      Key = "responsible_is_other" // {name}
	KeySomebodyElse     Key = "somebody_else_responsible"
	KeyNobody           Key = "nobody_responsible"
	KeySupervisorsOnly  Key = "supervisors_only"
	KeyNotYourMessage   Key = "not_your_message"
	KeyNotAdministrator Key = "not_administrator"
)

// Keys lists every key, for the test that each has its sentence.
func Keys() []Key {
	return []Key{
		KeyNotFound, KeyNoRole, KeyReadsOnly, KeyResponsible, KeySomebodyElse, KeyNobody,
		KeySupervisorsOnly, KeyNotYourMessage, KeyNotAdministrator,
	}
}

// Reason is why something is refused; the zero Reason belongs to what is allowed.
type Reason struct {
	Key    Key
	Params map[string]string // values of the sentence's placeholders
}

// Message is the key of the sentence.
func (r Reason) Message() string { return "access." + string(r.Key) }

// refusal finds the words for what a line of the table refuses to a role.
func refusal(role switchboard.Role, a Action, s Subject) Reason {
	switch {
	case role == switchboard.QualityControl:
		return Reason{Key: KeyReadsOnly}
	case table[a][role] == nobodys:
		return Reason{Key: KeySupervisorsOnly}
	case s.ResponsibleName != "":
		return Reason{Key: KeyResponsible, Params: map[string]string{"name": s.ResponsibleName}}
	case len(s.Owners) > 0:
		return Reason{Key: KeySomebodyElse}
	}
	return Reason{Key: KeyNobody}
}
