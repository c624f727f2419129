package switchboard

import "time"

// TimelineMessage is a message as the timeline follower and its writer see it.
type TimelineMessage struct {
	Number  int64 // of its event: the order of writing
	Chat    ChatID
	Client  ClientID
	Seq     int64
	Message MessageID
	At      time.Time
}

// TimelineIntent is an entry to write with what it says.
type TimelineIntent struct {
	TimelineMessage
	Contact   ContactID
	Deals     []DealID
	Sent      bool // a call is under way or its answer was lost: settle before writing
	EntryAt   time.Time
	Attempts  int64
	Direction Direction
	Kind      Kind
	Text      string
	Content   Content
	Author    string  // the employee's name, outgoing only
	Owner     OwnerID // of the author
	Name      string  // the client's
	Channel   string  // the channel's name
	Transport Transport
}

// TimelineResult is what became of one intent.
type TimelineResult struct {
	Chat   ChatID
	Seq    int64
	State  StepState // StepTodo: again at Due; StepSent: unknown
	Remote string
	Due    time.Time
	Reason string
}
