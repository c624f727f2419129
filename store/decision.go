package store

import (
	"context"
	"encoding/json"
	"time"

	"switchboard"
)

var (
	readWork = query("read a client's work", `
		SELECT channel_id, employee_id, due_at, attempts, last_error FROM client_work WHERE account_id = $1 AND client_id = $2`)
	delayWork = query("put a client's work off", `
		UPDATE client_work SET due_at = $3, attempts = attempts + $4, last_error = $5 WHERE account_id = $1 AND client_id = $2`)
	hurryWork   = query("make a client's work due", `UPDATE client_work SET due_at = $3 WHERE account_id = $1 AND client_id = $2`)
	workPending = query("say when a client's work is due", `SELECT due_at FROM client_work WHERE account_id = $1 AND client_id = $2`)
	workMissing = query("list clients with work due", `
		SELECT account_id, client_id FROM client_work WHERE due_at <= $1 ORDER BY due_at LIMIT $2`)
	roleHolders = query("list who has a role on a channel", `
		SELECT r.employee_id, r.role, r.receives, r.position, e.owner_id, e.active, e.active_in_crm
		FROM channel_role r JOIN employee e ON e.account_id = r.account_id AND e.id = r.employee_id
		WHERE r.account_id = $1 AND r.channel_id = $2 ORDER BY r.position, r.employee_id`)
	lockQueue = hot("read a channel's queue and lock it", `
		SELECT state FROM queue WHERE account_id = $1 AND channel_id = $2 FOR UPDATE`, `
		SELECT state FROM queue WHERE account_id = $1 AND channel_id = $2`)
	readQueue   = query("read a channel's queue", `SELECT state FROM queue WHERE account_id = $1 AND channel_id = $2`)
	moveQueue   = query("move a channel's queue", `UPDATE queue SET state = $3 WHERE account_id = $1 AND channel_id = $2`)
	addDecision = query("keep a decision", `
		INSERT INTO decision (account_id, id, client_id, channel_id, employee_id, outcome, provisional, settings_version, input, decision, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	readDecision = query("read a decision", `
		SELECT client_id, channel_id, employee_id, outcome, provisional, settings_version, input, decision, at
		FROM decision WHERE account_id = $1 AND id = $2`)
	noteDecision = query("note a client's decision", `
		UPDATE client SET decision_id = $3, state = $4, contact_id = $5, provisional = $6 WHERE account_id = $1 AND id = $2`)
	addStep = query("add a step of a client's saga", `
		INSERT INTO client_step (account_id, client_id, step, state, employee_id, updated_at) VALUES ($1, $2, $3, 'todo', $4, $5)
		ON CONFLICT (account_id, client_id, step) DO UPDATE SET state = 'todo', employee_id = EXCLUDED.employee_id, attempts = 0,
			last_error = '', updated_at = EXCLUDED.updated_at`)
	openSteps = query("list the open steps of a client's saga", `
		SELECT step, state, employee_id, remote_id, attempts, last_error FROM client_step
		WHERE account_id = $1 AND client_id = $2 AND state <> 'done'
		ORDER BY CASE step WHEN 'contact' THEN 1 WHEN 'owner' THEN 2 ELSE 3 END`)
	setStep = query("move a step of a client's saga", `
		UPDATE client_step SET state = $4, remote_id = CASE WHEN $5 = '' THEN remote_id ELSE $5 END, last_error = $6,
			attempts = attempts + $7, updated_at = $8
		WHERE account_id = $1 AND client_id = $2 AND step = $3`)
	countTurns = query("count a channel's turns per employee", `
		SELECT employee_id, count(*) FROM decision
		WHERE account_id = $1 AND channel_id = $2 AND outcome IN ('create', 'assign') AND employee_id <> '' GROUP BY employee_id`)
)

// PendingClientWork reads a client's work; switchboard.ErrNotFound when there is none.
func (s *Store) PendingClientWork(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID) (w switchboard.PendingWork, err error) {
	var due int64
	w.Account, w.Client = account, client
	err = scan(s.on(tx).one(ctx, readWork, account, client), &w.Channel, &w.Employee, &due, &w.Attempts, &w.LastError)
	w.Due = at(due)
	return w, err
}

// DelayClientWork puts work off with the reason people are shown; failed counts an
// attempt.
func (s *Store) DelayClientWork(ctx context.Context, tx switchboard.Tx, w switchboard.ClientWork, due time.Time, failed bool, reason string) error {
	_, err := s.on(tx).exec(ctx, delayWork, w.Account, w.Client, ms(due), bit(failed), reason)
	return err
}

// HurryClientWork makes work due now; a person's Retry.
func (s *Store) HurryClientWork(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID) error {
	_, err := s.on(tx).exec(ctx, hurryWork, account, client, ms(s.clock()))
	return err
}

// EndClientWork removes done work.
func (s *Store) EndClientWork(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID) error {
	_, err := s.on(tx).exec(ctx, dropClientWork, account, client)
	return err
}

// ClientPending says when a client's work is due; nil when there is none.
func (s *Store) ClientPending(ctx context.Context, tx switchboard.Tx, key switchboard.Key) (*time.Time, error) {
	return s.due(ctx, tx, workPending, key.Account, key.Key)
}

// ClientMissing lists clients with work due, for the sweep.
func (s *Store) ClientMissing(ctx context.Context, limit int) ([]switchboard.Key, error) {
	return s.dueKeys(ctx, workMissing, "client", limit)
}

// RoleHolders lists who has a role on a channel, in the order of their positions.
func (s *Store) RoleHolders(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) ([]switchboard.RoleHolder, error) {
	r, err := s.on(tx).many(ctx, roleHolders, account, channel)
	return collect(r, err, func(r row) (h switchboard.RoleHolder, err error) {
		var receives, active, inCRM int64
		err = r.Scan(&h.Employee, &h.Role, &receives, &h.Position, &h.Owner, &active, &inCRM)
		h.Channel, h.Receives, h.Active, h.ActiveInCRM = channel, receives == 1, active == 1, inCRM == 1
		return h, err
	})
}

// LockTurn reads a channel's turn and keeps others from moving it until the end of tx.
func (s *Store) LockTurn(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) (switchboard.Turn, error) {
	return s.turn(ctx, tx, lockQueue, account, channel)
}

// Turn reads a channel's turn. tx may be nil.
func (s *Store) Turn(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, channel switchboard.ChannelID) (switchboard.Turn, error) {
	return s.turn(ctx, tx, readQueue, account, channel)
}

func (s *Store) turn(ctx context.Context, tx switchboard.Tx, q *Query, account switchboard.AccountID, channel switchboard.ChannelID) (switchboard.Turn, error) {
	var text string
	err := scan(s.on(tx).one(ctx, q, account, channel), &text)
	return switchboard.Turn(text), err
}

// SaveDecision stores a decision, moves the channel's turn and the client (State,
// Contact, Provisional), all in the transaction that locked them.
func (s *Store) SaveDecision(ctx context.Context, tx switchboard.Tx, d switchboard.DecisionRecord, turn switchboard.Turn, c switchboard.Client) error {
	q := s.on(tx)
	if _, err := q.exec(ctx, addDecision, d.Account, d.ID, d.Client, d.Channel, d.Employee, d.Outcome, bit(d.Provisional),
		d.SettingsVersion, string(d.Input), string(d.Decision), ms(d.At)); err != nil {
		return err
	}
	if _, err := q.exec(ctx, moveQueue, d.Account, d.Channel, string(turn)); err != nil {
		return err
	}
	if _, err := q.exec(ctx, noteDecision, c.Account, c.ID, d.ID, c.State, c.Contact, c.Provisional); err != nil {
		return err
	}
	s.Emit(tx, switchboard.Event{Account: c.Account, Kind: switchboard.EventClientChanged, Client: c.ID, Ref: string(d.ID)})
	return s.RefreshOwners(ctx, tx, c.Account, c.ID)
}

// SaveClient moves a client without a new decision.
func (s *Store) SaveClient(ctx context.Context, tx switchboard.Tx, c switchboard.Client, decision switchboard.DecisionID) error {
	if _, err := s.on(tx).exec(ctx, noteDecision, c.Account, c.ID, decision, c.State, c.Contact, c.Provisional); err != nil {
		return err
	}
	s.Emit(tx, switchboard.Event{Account: c.Account, Kind: switchboard.EventClientChanged, Client: c.ID})
	return s.RefreshOwners(ctx, tx, c.Account, c.ID)
}

// Decision reads a stored decision. tx may be nil.
func (s *Store) Decision(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, id switchboard.DecisionID) (d switchboard.DecisionRecord, err error) {
	var provisional, when int64
	var input, decision string
	d.Account, d.ID = account, id
	err = scan(s.on(tx).one(ctx, readDecision, account, id), &d.Client, &d.Channel, &d.Employee, &d.Outcome, &provisional,
		&d.SettingsVersion, &input, &decision, &when)
	d.Provisional, d.Input, d.Decision, d.At = provisional == 1, []byte(input), []byte(decision), at(when)
	return d, err
}

// AddSteps adds the steps of a client's saga.
func (s *Store) AddSteps(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID, employee switchboard.EmployeeID, names ...switchboard.StepName) error {
	for _, name := range names {
		if _, err := s.on(tx).exec(ctx, addStep, account, client, name, employee, ms(s.clock())); err != nil {
			return err
		}
	}
	return nil
}

// OpenSteps lists a client's steps that are not done, in order. tx may be nil.
func (s *Store) OpenSteps(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID, client switchboard.ClientID) ([]switchboard.Step, error) {
	r, err := s.on(tx).many(ctx, openSteps, account, client)
	return collect(r, err, func(r row) (st switchboard.Step, err error) {
		st.Account, st.Client = account, client
		return st, r.Scan(&st.Name, &st.State, &st.Employee, &st.Remote, &st.Attempts, &st.Error)
	})
}

// MoveStep notes what became of a step; a step that is sent counts an attempt.
func (s *Store) MoveStep(ctx context.Context, tx switchboard.Tx, st switchboard.Step) error {
	_, err := s.on(tx).exec(ctx, setStep, st.Account, st.Client, st.Name, st.State, st.Remote, st.Error,
		bit(st.State == switchboard.StepSent), ms(s.clock()))
	return err
}

// Turns counts how many clients each employee was given on a channel (QUEUE-2).
func (s *Store) Turns(ctx context.Context, account switchboard.AccountID, channel switchboard.ChannelID) (map[switchboard.EmployeeID]int64, error) {
	r, err := s.on(nil).many(ctx, countTurns, account, channel)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	turns := map[switchboard.EmployeeID]int64{}
	for r.Next() {
		var id switchboard.EmployeeID
		var n int64
		if err := r.Scan(&id, &n); err != nil {
			return nil, err
		}
		turns[id] = n
	}
	return turns, r.Err()
}

func toJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}
