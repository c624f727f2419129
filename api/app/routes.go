package app

import "switchboard/access"

// who may call an operation. What of it the viewer then sees is package access's
// matter.
type who int

const (
	public        who = iota // anybody
	signedIn                 // an employee, in the app or in a CRM's frame
	inFrame                  // an employee in a CRM's frame
	inApp                    // an employee in the app, not in a frame
	administrator            // an administrator in the app
)

// route is one operation of api/app.yaml.
type route struct {
	operation string
	pattern   string // of net/http's mux
	who       who
	body      any  // what a JSON body is decoded into, to check it first; nil when there is none
	open      bool // streams: no time limit, and a body of its own size
	slow      bool // asks the CRM or a messenger: more time
}

// routes is the permission list: every operation and who may call it.
var routes = []route{
	{operation: "start", pattern: "GET /api/app/start", who: public},
	{operation: "setUp", pattern: "POST /api/app/setup", who: public, body: SetUp{}},
	{operation: "signIn", pattern: "POST /api/app/sign-in", who: public, body: SignIn{}},
	{operation: "signOut", pattern: "POST /api/app/sign-out", who: public},
	{operation: "readInvitation", pattern: "GET /api/app/invitations/{token}", who: public},
	{operation: "acceptInvitation", pattern: "POST /api/app/invitations/{token}", who: public, body: AcceptInvitation{}},
	{operation: "openFrame", pattern: "POST /api/embed/session", who: public, body: OpenFrameJSONBody{}},
	{operation: "renewFrame", pattern: "POST /api/embed/renew", who: inFrame},

	{operation: "readSession", pattern: "GET /api/app/session", who: signedIn},
	{operation: "changeSession", pattern: "PATCH /api/app/session", who: signedIn, body: ChangeSessionJSONBody{}},
	{operation: "listChats", pattern: "GET /api/app/chats", who: signedIn},
	{operation: "startChat", pattern: "POST /api/app/chats", who: signedIn, body: StartChat{}},
	{operation: "readChat", pattern: "GET /api/app/chats/{chat}", who: signedIn},
	{operation: "explainChat", pattern: "GET /api/app/chats/{chat}/why", who: signedIn},
	{operation: "listMessages", pattern: "GET /api/app/chats/{chat}/messages", who: signedIn},
	{operation: "sendMessage", pattern: "POST /api/app/chats/{chat}/messages", who: signedIn, body: NewMessage{}},
	{operation: "retryMessage", pattern: "POST /api/app/chats/{chat}/messages/{message}/retry", who: signedIn},
	{operation: "clearUnanswered", pattern: "PUT /api/app/chats/{chat}/no-reply-needed", who: signedIn},
	{operation: "restoreUnanswered", pattern: "DELETE /api/app/chats/{chat}/no-reply-needed", who: signedIn},
	{operation: "chooseContact", pattern: "PUT /api/app/chats/{chat}/contact", who: signedIn, body: ChooseContactJSONBody{}},
	{operation: "uploadMedia", pattern: "POST /api/app/chats/{chat}/media", who: signedIn, open: true},
	{operation: "readMedia", pattern: "GET /api/app/chats/{chat}/media/{media}", who: signedIn, open: true},
	{operation: "live", pattern: "GET /api/app/live", who: signedIn, open: true},

	{operation: "readSettings", pattern: "GET /api/app/settings", who: administrator},
	{operation: "changeAccountSettings", pattern: "PATCH /api/app/settings", who: administrator, body: AccountSettingsChange{}},
	{operation: "listChannels", pattern: "GET /api/app/channels", who: administrator},
	{operation: "createChannel", pattern: "POST /api/app/channels", who: administrator, body: NewChannel{}, slow: true},
	{operation: "changeChannel", pattern: "PATCH /api/app/channels/{channel}", who: administrator, body: ChannelChange{}, slow: true},
	{operation: "changeChannelSettings", pattern: "PUT /api/app/channels/{channel}/settings", who: administrator, body: ChannelSettings{}},
	{operation: "readRoles", pattern: "GET /api/app/channels/{channel}/roles", who: administrator},
	{operation: "changeRoles", pattern: "PUT /api/app/channels/{channel}/roles", who: administrator, body: RolesChange{}},
	{operation: "connectCRM", pattern: "PUT /api/app/crm", who: administrator, body: ConnectCRMJSONBody{}, slow: true},
	{operation: "disconnectCRM", pattern: "DELETE /api/app/crm", who: administrator},
	{operation: "refreshCRM", pattern: "POST /api/app/crm/refresh", who: administrator, slow: true},
	{operation: "listEmployees", pattern: "GET /api/app/employees", who: administrator},
	{operation: "changeEmployee", pattern: "PATCH /api/app/employees/{employee}", who: administrator, body: ChangeEmployeeJSONBody{}},
	{operation: "invite", pattern: "POST /api/app/employees/{employee}/invitation", who: administrator},
	{operation: "listUnreadable", pattern: "GET /api/app/unreadable", who: administrator},
}

func routeOf(pattern string) (route, bool) {
	for _, r := range routes {
		if r.pattern == pattern {
			return r, true
		}
	}
	return route{}, false
}

// check says whether v may call the operation.
func (w who) check(v Viewer) error {
	_, framed := v.Frame()
	switch {
	case w == public:
		return nil
	case !v.IsSignedIn(), w == inFrame && !framed:
		return errUnauthorized
	case framed && (w == inApp || w == administrator):
		return errNotInFrame
	case w == administrator:
		return access.Check(v.Viewer, access.ManageSettings, access.Subject{Account: v.Account})
	}
	return nil
}
