//go:build !plant_where

package access

// ownsChat is ROLE-1 in SQL, for a manager's row r of channel_role.
const ownsChat = `EXISTS (
			SELECT 1 FROM chat_owner o
			WHERE o.account_id = c.account_id AND o.employee_id = $2 AND o.chat_id = c.id)`
