package access

import "switchboard"

// Action is one thing an employee may do.
type Action string

// The actions, by the lines of the product's table.
const (
	Read      Action = "read" // list, open, see in live events
	Search    Action = "search"
	OpenMedia Action = "open_media"
	ReadNotes Action = "read_notes"
	ReadWhy   Action = "read_why" // QUEUE-9: why this employee

	Send          Action = "send"
	EditMessage   Action = "edit_message"   // own message
	DeleteMessage Action = "delete_message" // own message
	Retry         Action = "retry"
	React         Action = "react"
	SendTemplate  Action = "send_template"
	Schedule      Action = "schedule"
	StartChat     Action = "start_chat" // with a client somebody knows already

	StartNew Action = "start_new" // a chat with an address nobody knows (DEAL-6)

	AddNote     Action = "add_note"
	NoReply     Action = "no_reply_needed"
	CreateDeal  Action = "create_deal"
	ChangeStage Action = "change_stage"
	BlockClient Action = "block_client"

	ChangeResponsible Action = "change_responsible"
	ChooseContact     Action = "choose_contact" // among several without an owner

	ReadJournal  Action = "read_journal"  // undelivered things, fairness, analytics
	RetryJournal Action = "retry_journal" // retry or skip an undelivered thing

	ManageSettings Action = "manage_settings" // administrators; no role needed
)

// reach is over whose chats an action is allowed.
type reach int

const (
	nobodys reach = iota
	own
	everyones
)

func (r reach) allows(owns bool) bool { return r == everyones || r == own && owns }

// line is one row of the table.
type line map[switchboard.Role]reach

// The rows of product section 4. A chat without a responsible is nobody's own.
var (
	reading     = line{switchboard.QualityControl: everyones, switchboard.Manager: own, switchboard.Supervisor: everyones}
	working     = line{switchboard.QualityControl: nobodys, switchboard.Manager: own, switchboard.Supervisor: everyones}
	starting    = line{switchboard.QualityControl: nobodys, switchboard.Manager: everyones, switchboard.Supervisor: everyones}
	supervising = line{switchboard.QualityControl: nobodys, switchboard.Manager: nobodys, switchboard.Supervisor: everyones}
)

var table = map[Action]line{
	Read: reading, Search: reading, OpenMedia: reading, ReadNotes: reading, ReadWhy: reading,
	ReadJournal: reading,

	Send: working, EditMessage: working, DeleteMessage: working, Retry: working,
	React: working, SendTemplate: working, Schedule: working, StartChat: working,
	AddNote: working, NoReply: working, CreateDeal: working, ChangeStage: working,
	BlockClient: working, ChangeResponsible: working,

	StartNew: starting,

	ChooseContact: supervising, RetryJournal: supervising,
}

// isOnChat says whether the action's subject is a chat that may have to stay hidden.
func (a Action) isOnChat() bool { return a != ManageSettings && a != StartNew }

// Actions lists every action, for tests and the access map.
func Actions() []Action {
	return []Action{
		Read, Search, OpenMedia, ReadNotes, ReadWhy,
		Send, EditMessage, DeleteMessage, Retry, React, SendTemplate, Schedule, StartChat, StartNew,
		AddNote, NoReply, CreateDeal, ChangeStage, BlockClient, ChangeResponsible, ChooseContact,
		ReadJournal, RetryJournal, ManageSettings,
	}
}
