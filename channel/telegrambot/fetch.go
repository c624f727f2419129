package telegrambot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"switchboard"
)

// fetchTime bounds a download, which ends with Close.
const fetchTime = 10 * time.Minute

// Fetch gives a file's bytes. Telegram gives no file over 20 MB to bots.
func (l *line) Fetch(ctx context.Context, source string, maxBytes int64) (io.ReadCloser, error) {
	var file struct {
		Size int64  `json:"file_size"`
		Path string `json:"file_path"`
	}
	asking, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if err := l.api.call(asking, "getFile", map[string]string{"file_id": source}, &file); err != nil {
		return nil, fmt.Errorf("get file: %w", fetchError(err))
	}
	if file.Size > maxBytes {
		return nil, switchboard.Errorf(switchboard.CodeTooLarge, "media_too_large", "%d bytes", file.Size)
	}
	if file.Path == "" || path.IsAbs(file.Path) || strings.Contains(file.Path, "..") {
		return nil, switchboard.Errorf(switchboard.CodeNotFound, "media_gone", "no usable file path")
	}
	loading, end := context.WithTimeout(ctx, fetchTime)
	body, err := l.api.download(loading, file.Path)
	if err != nil {
		end()
		return nil, fmt.Errorf("download file: %w", fetchError(err))
	}
	return &cappedBody{body: body, left: maxBytes, end: end}, nil
}

func fetchError(err error) error {
	var failed *callError
	if !errors.As(err, &failed) {
		return err
	}
	description := ""
	if failed.refusal != nil {
		description = strings.ToLower(failed.refusal.Description)
	}
	switch code := failed.code(); {
	case strings.Contains(description, "too big"):
		return &switchboard.Error{Code: switchboard.CodeTooLarge, Message: "media_too_large", Err: err}
	case strings.Contains(description, "temporarily"):
		return &switchboard.Error{Code: switchboard.CodeUnavailable, Message: "media_later", Err: err}
	case code == http.StatusBadRequest, code == http.StatusNotFound && failed.refusal == nil:
		return &switchboard.Error{Code: switchboard.CodeNotFound, Message: "media_gone", Err: err}
	}
	return &switchboard.Error{Code: switchboard.CodeUnavailable, Message: "media_later", Err: err}
}

// download opens a file; its URL holds the token and goes nowhere else.
func (a *api) download(ctx context.Context, filePath string) (io.ReadCloser, error) {
	escaped := (&url.URL{Path: filePath}).EscapedPath()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/file/bot"+a.token.Reveal()+"/"+escaped, nil)
	if err != nil {
		return nil, &callError{method: "download", err: errors.New("bad base URL")}
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, &callError{method: "download", err: a.hide(err)}
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, &callError{method: "download", status: resp.StatusCode, err: errors.New("no file")}
	}
	return resp.Body, nil
}

// cappedBody ends with an error past its limit.
type cappedBody struct {
	body io.ReadCloser
	left int64
	end  context.CancelFunc
}

func (b *cappedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, switchboard.Errorf(switchboard.CodeTooLarge, "media_too_large", "file is over the limit")
	}
	return n, err //nolint:wrapcheck // io.EOF must stay itself
}

// Close ends the download.
func (b *cappedBody) Close() error {
	defer b.end()
	return b.body.Close() //nolint:wrapcheck // nothing to add
}
