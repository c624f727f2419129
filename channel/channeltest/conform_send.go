package channeltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"switchboard"
	"switchboard/channel"
)

// heavyBytes: files larger than this are only tried one byte over their limit.
const heavyBytes = 12 << 20

func (s *Subject) text(text string) channel.Outbound {
	return channel.Outbound{
		ID: "0197f3c2-52b1-7c1e-9a55-0d1f6f2f7d10", Chat: "0197f3c2-52b1-7c1e-9a55-0d1f6f2f7d11",
		Address: s.Send.Address, Kind: switchboard.KindText, Text: text, At: time.Now(),
	}
}

func (s *Subject) file(kind switchboard.Kind, caption string, size int64) channel.Outbound {
	m := s.text(caption)
	m.Kind = kind
	m.Content.Media = []switchboard.Attachment{{ID: "file", Name: "file.bin", MIME: "application/octet-stream", Size: size}}
	m.Open = func(context.Context, switchboard.MediaID) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, size)), nil
	}
	return m
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// goes sends and wants the message to reach the client.
func (s *Subject) goes(ctx context.Context, m channel.Outbound, what string) error {
	line, err := s.open()
	if err != nil {
		return err
	}
	before := s.Send.Sent()
	if _, err := line.Send(ctx, m); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if n := s.Send.Sent() - before; n != 1 {
		return fmt.Errorf("%s: %d messages reached the client, want 1", what, n)
	}
	return nil
}

// refused sends and wants a permanent refusal and nothing at the client.
func (s *Subject) refused(ctx context.Context, m channel.Outbound, what string) error {
	line, err := s.open()
	if err != nil {
		return err
	}
	before := s.Send.Sent()
	_, err = line.Send(ctx, m)
	if err == nil || channel.ClassOf(err) != channel.Permanent {
		return fmt.Errorf("%s: got %v, want class permanent", what, err)
	}
	if n := s.Send.Sent() - before; n != 0 {
		return fmt.Errorf("%s: %d messages reached the client", what, n)
	}
	return reasoned(err)
}

// reasoned: people are told why.
func reasoned(err error) error {
	var failed *channel.SendError
	if !errors.As(err, &failed) || failed.Reason == "" {
		return fmt.Errorf("no reason for people in %v", err)
	}
	return nil
}

// letters are texts of n units, of one unit each and of the widest characters.
func letters(unit channel.Unit, n int) []string {
	const wide = "\U0001F600"
	if unit == channel.Runes {
		return []string{strings.Repeat("x", n), strings.Repeat(wide, n)}
	}
	return []string{strings.Repeat("x", n), strings.Repeat(wide, n/2) + strings.Repeat("x", n%2)}
}

func keepsText(ctx context.Context, s *Subject) error {
	caps := s.Connector.Capabilities()
	for _, text := range letters(caps.TextUnit, caps.TextMax) {
		if err := s.goes(ctx, s.text(text), "text at the limit"); err != nil {
			return err
		}
	}
	for _, text := range letters(caps.TextUnit, caps.TextMax+1) {
		if err := s.refused(ctx, s.text(text), "text over the limit"); err != nil {
			return err
		}
	}
	return s.refused(ctx, s.text(" \n"), "no text")
}

func keepsCaption(ctx context.Context, s *Subject) error {
	caps := s.Connector.Capabilities()
	if caps.CaptionMax == 0 {
		return fmt.Errorf("%w: no captions", errNotApplicable)
	}
	kind := switchboard.KindDocument
	if caps.Media[kind] == 0 {
		return fmt.Errorf("%w: no documents", errNotApplicable)
	}
	at, over := letters(caps.TextUnit, caps.CaptionMax), letters(caps.TextUnit, caps.CaptionMax+1)
	for i := range at {
		if err := s.goes(ctx, s.file(kind, at[i], 10), "caption at the limit"); err != nil {
			return err
		}
		if err := s.refused(ctx, s.file(kind, over[i], 10), "caption over the limit"); err != nil {
			return err
		}
	}
	return nil
}

func keepsMedia(ctx context.Context, s *Subject) error {
	caps := s.Connector.Capabilities()
	for _, kind := range []switchboard.Kind{
		switchboard.KindImage, switchboard.KindVideo, switchboard.KindVoice,
		switchboard.KindAudio, switchboard.KindDocument, switchboard.KindSticker,
	} {
		most := caps.Media[kind]
		if most == 0 {
			if err := s.refused(ctx, s.file(kind, "", 10), string(kind)+", which it does not take"); err != nil {
				return err
			}
			continue
		}
		if most <= heavyBytes {
			if err := s.goes(ctx, s.file(kind, "", most), string(kind)+" at the limit"); err != nil {
				return err
			}
		}
		if err := s.refused(ctx, s.file(kind, "", most+1), string(kind)+" over the limit"); err != nil {
			return err
		}
	}
	return nil
}

func classes(ctx context.Context, s *Subject) error {
	for _, class := range []channel.Class{
		channel.Permanent, channel.Retry, channel.Throttled, channel.Auth, channel.Unknown, channel.PeerGone,
	} {
		arrange := s.Send.Fail[class]
		if arrange == nil && s.Send.Never[class] == "" {
			return fmt.Errorf("class %s is neither tried nor said to be impossible", class)
		}
		if arrange == nil {
			continue
		}
		arrange()
		if err := s.ends(ctx, class); err != nil {
			return err
		}
	}
	return s.goes(ctx, s.text("after all failures"), "the next message")
}

func (s *Subject) ends(ctx context.Context, class channel.Class) error {
	line, err := s.open()
	if err != nil {
		return err
	}
	calls := 0
	if s.Send.Calls != nil {
		calls = s.Send.Calls()
	}
	_, err = line.Send(ctx, s.text("message of class "+string(class)))
	var failed *channel.SendError
	if !errors.As(err, &failed) || failed.Class != class {
		return fmt.Errorf("got %v, want class %s", err, class)
	}
	if class == channel.Throttled && (failed.After <= 0 || failed.Scope == "") {
		return fmt.Errorf("throttled for %v, scope %q", failed.After, failed.Scope)
	}
	if s.Send.Calls != nil && s.Send.Calls()-calls > 1 {
		return fmt.Errorf("class %s: %d calls for one send", class, s.Send.Calls()-calls)
	}
	return reasoned(err)
}

func sendsOnce(ctx context.Context, s *Subject) error {
	if s.Send.LoseAnswer == nil {
		if s.Send.Never[channel.Unknown] == "" {
			return errors.New("no way to lose an answer, and no reason why it cannot happen")
		}
		return fmt.Errorf("%w: %s", errNotApplicable, s.Send.Never[channel.Unknown])
	}
	line, err := s.open()
	if err != nil {
		return err
	}
	before := s.Send.Sent()
	s.Send.LoseAnswer()
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	_, err = line.Send(short, s.text("answer lost"))
	if got := channel.ClassOf(err); err == nil || got != channel.Unknown {
		return fmt.Errorf("got %v, want class unknown", err)
	}
	if n := s.Send.Sent() - before; n != 1 {
		return fmt.Errorf("%d messages reached the client, want 1", n)
	}
	return nil
}
