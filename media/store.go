package media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Stored is what is known about a blob once it is kept.
type Stored struct {
	Key    string // 32 lower-case hexadecimal digits
	Size   int64  // bytes
	SHA256 string // lower-case hexadecimal
	MIME   string // read from the content, without parameters
}

// Store keeps blobs. Its methods may be called from several goroutines.
type Store interface {
	// Put reads r to its end and keeps it. More than limit bytes are a
	// *TooLargeError; an error of r is returned wrapped. Nothing is kept on error.
	Put(ctx context.Context, r io.Reader, limit int64) (Stored, error)
	// Open gives a blob for reading, or ErrNotFound.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)
	// Delete removes a blob. A missing one is no error: deletes are repeated.
	Delete(ctx context.Context, key string) error
}

// ErrNotFound is the answer for missing blobs and for keys that cannot exist.
var ErrNotFound = errors.New("no such file")

// TooLargeError says that a blob is larger than its bound.
type TooLargeError struct{ MaxBytes int64 }

// Error names the bound.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the file is larger than %d bytes", e.MaxBytes)
}

var keyForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
