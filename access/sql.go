package access

import "switchboard"

// SeesChat is CanSee as an SQL condition over a chat: put it into a WHERE. It expects
//
//	chat c                (account_id, id, channel_id)       in the query's FROM
//	channel_role r, chat_owner o                              read by the condition
//	$1 account id, $2 employee id                             of the viewer
//
// It is true for chats the employee may see and false, never NULL, for all others; it
// contains the account, so a query cannot forget it. One text for both engines.
//
// chat_owner(account_id, employee_id, chat_id) holds Subject.Owners; channel_role
// (account_id, channel_id, employee_id, role) holds Viewer.Roles. Both are looked up by
// their whole key.
const SeesChat = `(c.account_id = $1 AND EXISTS (
	SELECT 1 FROM channel_role r
	WHERE r.account_id = c.account_id AND r.channel_id = c.channel_id AND r.employee_id = $2
	AND (r.role IN ('` + string(switchboard.QualityControl) + `', '` + string(switchboard.Supervisor) + `')
		OR r.role = '` + string(switchboard.Manager) + `' AND ` + ownsChat + `)))`
