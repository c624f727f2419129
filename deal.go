package switchboard

import "time"

// Deal is our mirror of a CRM deal.
type Deal struct {
	ID       DealID
	Contact  ContactID
	Name     string
	Pipeline PipelineID
	Stage    StageID
	Owner    OwnerID
	Open     bool
	// UpdatedAt is the CRM's time of the last change; older news is ignored.
	UpdatedAt time.Time
}

// Contact is our mirror of a CRM contact.
type Contact struct {
	ID        ContactID
	Name      string
	Phone     string // as the CRM has it
	Email     string
	Owner     OwnerID // the responsible; "" when nobody
	UpdatedAt time.Time
	CreatedAt time.Time
	Deleted   bool
}

// Owner is our mirror of a CRM user who may own records.
type Owner struct {
	ID     OwnerID
	UserID string // the CRM's user id, used by cards and webhooks
	Email  string // lower case
	Name   string
	Active bool
}

// Pipeline is our mirror of a CRM pipeline of deals.
type Pipeline struct {
	ID       PipelineID `json:"id"`
	Label    string     `json:"label"`
	Position int        `json:"position"`
	Stages   []Stage    `json:"stages"`
}

// Stage of a pipeline.
type Stage struct {
	ID       StageID `json:"id"`
	Label    string  `json:"label"`
	Position int     `json:"position"`
	// Offered is false for closed and read-only stages, which are no place for a
	// new deal (DEAL-4).
	Offered bool `json:"offered"`
	Closed  bool `json:"closed"`
}
