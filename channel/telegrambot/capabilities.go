package telegrambot

import (
	"time"

	"switchboard"
	"switchboard/channel"
)

// Limits of the Bot API.
const (
	textMax    = 4096 // UTF-16 units
	captionMax = 1024 // UTF-16 units
	photoBytes = 10 << 20
	fileBytes  = 50 << 20
	// fetchBytes is the largest file getFile gives.
	fetchBytes = 20 << 20
)

// Capabilities of the Bot API: a bot may not write first, and hears neither of
// delivery nor of reading.
func (*Connector) Capabilities() channel.Capabilities {
	return channel.Capabilities{
		TextMax: textMax, TextUnit: channel.UTF16, CaptionMax: captionMax,
		Media: map[switchboard.Kind]int64{
			switchboard.KindImage:    photoBytes,
			switchboard.KindVideo:    fileBytes,
			switchboard.KindVoice:    fileBytes,
			switchboard.KindAudio:    fileBytes,
			switchboard.KindDocument: fileBytes,
			switchboard.KindSticker:  fileBytes,
		},
		Quote: true, Sent: true,
		PerSecond: 30, PeerEvery: time.Second,
	}
}
