package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"switchboard"
	"switchboard/access"
	"switchboard/channel"
	"switchboard/i18n"
	"switchboard/media"
)

const (
	// maxUploadBytes bounds an upload, whatever the messenger would take.
	maxUploadBytes = 100 << 20
	// uploadTime bounds one upload or download.
	uploadTime = 15 * time.Minute
)

var errNotForChannel = switchboard.Invalid("media", string(i18n.FileNotForChannel))

// UploadMedia keeps a file to send; its type is read from the bytes.
func (a *chatsAPI) UploadMedia(ctx context.Context, r UploadMediaRequestObject) (UploadMediaResponseObject, error) {
	v, chat := ViewerOf(ctx), switchboard.ChatID(r.Chat)
	if r.Params.Name == "" || len(r.Params.Name) > 4*255 {
		return nil, invalid("name")
	}
	subject, err := a.check(ctx, nil, v, access.Send, chat)
	if err != nil {
		return nil, err
	}
	caps, err := a.capabilitiesOf(ctx, v.Account, subject.Channel)
	if err != nil {
		return nil, err
	}
	stored, err := a.put(ctx, r.Body, caps)
	if err != nil {
		return nil, err
	}
	file := switchboard.Media{Account: v.Account, ID: switchboard.MediaID(switchboard.NewUUID(a.Clock(), a.Random)), Channel: subject.Channel,
		Chat: chat, State: switchboard.MediaReady, Blob: stored.Key, Name: media.SafeName(r.Params.Name), MIME: stored.MIME, Size: stored.Size}
	if err := a.keep(ctx, v, &file, caps); err != nil {
		_ = a.chats.Blobs.Delete(context.WithoutCancel(ctx), stored.Key) // nothing names it
		return nil, err
	}
	declared := switchboard.Attachment{ID: file.ID, Name: file.Name}
	return UploadMedia201JSONResponse(wireFile(declared, file, LanguageOf(ctx))), nil
}

func (a *chatsAPI) capabilitiesOf(ctx context.Context, account switchboard.AccountID, id switchboard.ChannelID) (channel.Capabilities, error) {
	ch, err := a.chats.Store.Channel(ctx, nil, account, id)
	if err != nil {
		return channel.Capabilities{}, fmt.Errorf("read channel: %w", err)
	}
	connector, err := a.Channels.Connector(ch.Transport)
	if err != nil {
		return channel.Capabilities{}, err
	}
	return connector.Capabilities(), nil
}

// put streams the body into the media store.
func (a *chatsAPI) put(ctx context.Context, body io.Reader, caps channel.Capabilities) (media.Stored, error) {
	limit := int64(0)
	for _, most := range caps.Media {
		limit = max(limit, most)
	}
	if limit == 0 {
		return media.Stored{}, errNotForChannel
	}
	if control := visitOf(ctx).control; control != nil {
		_ = control.SetReadDeadline(time.Now().Add(uploadTime)) // the connection's own clock
	}
	stored, err := a.chats.Blobs.Put(ctx, body, min(limit, maxUploadBytes))
	var large *media.TooLargeError
	if errors.As(err, &large) {
		return stored, errTooLarge
	}
	if err != nil {
		return stored, switchboard.Errorf(switchboard.CodeUnavailable, string(i18n.NotStored), "keep an upload: %w", err)
	}
	return stored, nil
}

// keep notes the file under the rights of this moment, as the best kind that the
// messenger takes.
func (a *chatsAPI) keep(ctx context.Context, v Viewer, file *switchboard.Media, caps channel.Capabilities) error {
	if file.Size == 0 {
		return switchboard.Invalid("media", string(i18n.FileEmpty))
	}
	for _, kind := range []switchboard.Kind{kindOf(file.MIME), switchboard.KindDocument} {
		if most, takes := caps.Media[kind]; takes && file.Size <= most {
			file.Kind = kind
			break
		}
	}
	if file.Kind == "" {
		return errNotForChannel
	}
	return a.chats.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if _, err := a.check(ctx, tx, v, access.Send, file.Chat); err != nil {
			return err
		}
		return a.chats.Store.AddMedia(ctx, tx, *file)
	})
}

// kindOf reads a kind of message from a sniffed type.
func kindOf(mime string) switchboard.Kind {
	family, _, _ := strings.Cut(mime, "/")
	switch {
	case mime == "image/jpeg" || mime == "image/png" || mime == "image/webp" || mime == "image/gif":
		return switchboard.KindImage
	case family == "video":
		return switchboard.KindVideo
	case family == "audio":
		return switchboard.KindAudio
	}
	return switchboard.KindDocument
}

// ReadMedia answers a file of a chat that the viewer may see.
func (a *chatsAPI) ReadMedia(ctx context.Context, r ReadMediaRequestObject) (ReadMediaResponseObject, error) {
	v := ViewerOf(ctx)
	file, err := a.chats.Store.SeenMedia(ctx, v.Account, v.Viewer.Employee, switchboard.ChatID(r.Chat), switchboard.MediaID(r.Media))
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	if file.State != switchboard.MediaReady {
		return nil, switchboard.ErrNotFound
	}
	blob, err := a.chats.Blobs.Open(ctx, file.Blob)
	if errors.Is(err, media.ErrNotFound) {
		return nil, switchboard.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	return fileAnswer{file: file, blob: blob, visit: visitOf(ctx)}, nil
}

// fileAnswer sends a file, whole or in ranges, so that nothing in it runs: its type
// comes from its bytes, only safe ones are shown in place, and the page it could
// become is sandboxed (S8).
type fileAnswer struct {
	file  switchboard.Media
	blob  io.ReadSeekCloser
	visit visit
}

// VisitReadMediaResponse writes the answer.
func (f fileAnswer) VisitReadMediaResponse(w http.ResponseWriter) error {
	defer f.blob.Close()
	if f.visit.control != nil {
		_ = f.visit.control.SetWriteDeadline(time.Now().Add(uploadTime))
	}
	kind, disposition := media.Delivery(f.file.MIME, f.file.Name)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", `"`+f.file.Blob+`"`)
	http.ServeContent(w, f.visit.request, "", time.Time{}, f.blob)
	return nil
}
