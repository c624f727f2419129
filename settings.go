package switchboard

// AccountSettings apply to all channels at once (SET-1, «Дополнительные настройки»).
type AccountSettings struct {
	// Timeline: save messages to the timeline of lead, contact and deal (TIME-1).
	Timeline bool `json:"timeline"`
	// NotifySupervisors about all messages (NOTIFY-1).
	NotifySupervisors bool `json:"notifySupervisors"`
	// Country is the default region, ISO 3166 alpha-2, of phones written without
	// one (DEAL-9).
	Country string `json:"country"`
	// EightToSeven reads a leading 8 of eleven digits as +7 (DEAL-9).
	EightToSeven bool `json:"eightToSeven"`
	// Locale of texts that reach the CRM: "ru" or "en".
	Locale string `json:"locale"`
}

// Target says what a new client becomes in the CRM (DEAL-4).
type Target string

// The targets offered so far.
const (
	TargetUnset Target = ""     // not chosen yet: nothing is created or distributed
	TargetDeal  Target = "deal" // a contact and a deal in Pipeline and Stage
)

// ChannelSettings are set for each channel separately (SET-1).
type ChannelSettings struct {
	Target   Target     `json:"target"`
	Pipeline PipelineID `json:"pipeline"`
	Stage    StageID    `json:"stage"`
}
