package switchboard

// Tx is one open transaction. Only store (which makes it) and work (which puts jobs
// into it) look inside; everybody else just passes it on, so that facts and the work
// they cause commit together. Nothing calls a network while a Tx is open.
type Tx interface {
	// Raw gives the driver's transaction: pgx.Tx or *sql.Tx.
	Raw() any
}

// Key names one ordered queue of work: items of one key are done one after another.
// Rows to do live in the domain's own tables; the job only says "drain this key".
type Key struct {
	Account AccountID `json:"account"`
	Queue   string    `json:"queue"` // "client", "send", "timeline", ...
	Key     string    `json:"key"`   // client id, chat id, connection id, ...
}
