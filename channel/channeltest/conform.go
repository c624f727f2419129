package channeltest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"switchboard"
	"switchboard/channel"
)

// Subject is a connector under test with what plays its messenger.
type Subject struct {
	Connector channel.Connector
	// Channel opens the line under test.
	Channel switchboard.Channel
	// Hook is required of lines that take webhooks.
	Hook *Hook
	// Poll is required of lines that poll.
	Poll *Poll
	Send Sending
	// TooLong is how long a check may take; 0 means 30 s.
	TooLong time.Duration
}

// Hook describes a webhook's deliveries.
type Hook struct {
	// Header is what a genuine delivery carries.
	Header http.Header
	// Secret is the name of the header with the secret or signature.
	Secret string
	// WithoutSecret is the same channel, its secret never set: nothing is genuine then.
	WithoutSecret switchboard.Channel
	// Payloads are recorded deliveries by name.
	Payloads map[string][]byte
	// Unknown has a content type nobody knows yet, of a known person.
	Unknown []byte
	// Original is a message, Changed its edit: they may come in any order (R12).
	Original, Changed []byte
}

// Poll plays the messenger of a polling line.
type Poll struct {
	// Write makes the messenger hold n new messages for us.
	Write func(n int)
	// Repeat delivers all of them once more.
	Repeat func()
	// Confirmed waits until the messenger has nothing more for us.
	Confirmed func(ctx context.Context) error
}

// Sending plays the messenger of what goes out.
type Sending struct {
	// Address is of somebody who may be written to.
	Address string
	// Sent counts the messages that reached the client.
	Sent func() int
	// Calls counts the requests that tried to send; nil where sending is none.
	Calls func() int
	// Fail makes the next send end in a class.
	Fail map[channel.Class]func()
	// Never tells why sends cannot end in the classes that Fail lacks.
	Never map[channel.Class]string
	// LoseAnswer lets the next send reach the client and its answer never come; nil
	// where no answer can be lost, with the reason in Never[Unknown].
	LoseAnswer func()
}

var errNotApplicable = errors.New("not applicable")

// check is one requirement of every connector. It gives errNotApplicable when the
// connector lacks the ability, which its interfaces and capabilities say.
type check struct {
	name string
	run  func(ctx context.Context, s *Subject) error
}

// checks are the suite.
var checks = []check{
	{"DeclaresWhatItCanDo", declares},
	{"OpensWithoutACall", opens},
	{"KnowsGenuineDeliveries", verifies},
	{"DecodesPayloadsAlikeTwice", decodesTwice},
	{"KeepsUnknownTypes", keepsUnknown},
	{"TellsWhichMessageAnEditIsOf", editsName},
	{"SurvivesAnyBody", survives},
	{"ConfirmsOnlyWhatIsCommitted", confirms},
	{"DeliversRepeatedMessagesUnderTheirKeys", repeats},
	{"StopsPollingAtOnce", stops},
	{"KeepsTheTextLimit", keepsText},
	{"KeepsTheCaptionLimit", keepsCaption},
	{"KeepsTheMediaLimits", keepsMedia},
	{"ClassesEveryFailure", classes},
	{"SendsOnceWhenTheAnswerIsLost", sendsOnce},
}

// Conform runs the suite. fresh gives a subject of its own for each check.
func Conform(t *testing.T, fresh func(t *testing.T) *Subject) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			s := fresh(t)
			err := c.try(s)
			if errors.Is(err, errNotApplicable) {
				t.Skip(err)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// try runs one check and turns a panic into its error.
func (c check) try(s *Subject) (err error) {
	limit := s.TooLong
	if limit == 0 {
		limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return c.run(ctx, s)
}

// Check runs one check by its name and gives what it found, nil for nothing. It is
// how the suite itself is tested.
func Check(name string, s *Subject) error {
	for _, c := range checks {
		if c.name == name {
			return c.try(s)
		}
	}
	return fmt.Errorf("no check %s", name)
}

func (s *Subject) open() (channel.Line, error) {
	line, err := s.Connector.Open(s.Channel)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return line, nil
}

// ability opens the line as A; errNotApplicable when it is not one.
func ability[A any](s *Subject) (A, error) {
	var none A
	line, err := s.open()
	if err != nil {
		return none, err
	}
	a, ok := line.(A)
	if !ok {
		return none, fmt.Errorf("%w: the line is no %T", errNotApplicable, &none)
	}
	return a, nil
}

func declares(_ context.Context, s *Subject) error {
	caps := s.Connector.Capabilities()
	switch {
	case s.Connector.Transport() == "":
		return errors.New("no transport name")
	case caps.TextMax <= 0:
		return errors.New("no limit of text")
	case caps.TextUnit != channel.Runes && caps.TextUnit != channel.UTF16:
		return fmt.Errorf("unit %q", caps.TextUnit)
	case len(caps.Media) > 0 && caps.CaptionMax < 0:
		return errors.New("negative limit of captions")
	}
	for kind, most := range caps.Media {
		if most <= 0 {
			return fmt.Errorf("no limit of %s", kind)
		}
	}
	return nil
}

// opens: a line is made while nothing answers, and again at any time.
func opens(_ context.Context, s *Subject) error {
	before := 0
	if s.Send.Calls != nil {
		before = s.Send.Calls()
	}
	for range 2 {
		if _, err := s.open(); err != nil {
			return err
		}
	}
	if s.Send.Calls != nil && s.Send.Calls() != before {
		return errors.New("opening made a call")
	}
	return nil
}
