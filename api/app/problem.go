package app

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"switchboard"
	"switchboard/i18n"
)

// statusOf is the one mapping of the house's codes to HTTP.
var statusOf = map[switchboard.Code]int{
	switchboard.CodeInvalid:      http.StatusBadRequest,
	switchboard.CodeNotFound:     http.StatusNotFound,
	switchboard.CodeForbidden:    http.StatusForbidden,
	switchboard.CodeConflict:     http.StatusConflict,
	switchboard.CodeUnauthorized: http.StatusUnauthorized,
	switchboard.CodeTooMany:      http.StatusTooManyRequests,
	switchboard.CodeUnavailable:  http.StatusServiceUnavailable,
	switchboard.CodeTooLarge:     http.StatusRequestEntityTooLarge,
}

// errUnauthorized is the answer to everything that needs a session.
var errUnauthorized = &switchboard.Error{Code: switchboard.CodeUnauthorized, Message: string(i18n.Unauthorized)}

// problemOf gives what people are told of an error; known is false for one that
// nobody expected, whose cause they are not shown.
func problemOf(ctx context.Context, err error) (p Problem, known bool) {
	var e *switchboard.Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e = &switchboard.Error{Code: switchboard.CodeUnavailable, Message: string(i18n.Unavailable)}
	default:
		return Problem{Status: http.StatusInternalServerError, Code: "internal", Title: say(ctx, i18n.Internal, nil)}, false
	}
	status, known := statusOf[e.Code]
	if !known {
		status = http.StatusInternalServerError
	}
	params := map[string]string{}
	if e.Field != "" {
		params["field"] = e.Field
	}
	for name, value := range e.Params {
		params[name] = value
	}
	p = Problem{Status: status, Code: codeOf(e), Title: say(ctx, i18n.Key(e.Message), params), Field: ref(e.Field)}
	if len(e.Params) > 0 {
		p.Params = &e.Params
	}
	return p, known
}

// codeOf is the stable name of a problem: the key of its sentence, which is finer
// than the class.
func codeOf(e *switchboard.Error) string {
	if e.Message == "" {
		return string(e.Code)
	}
	return e.Message
}

// problems answers with problems (RFC 9457); the one place where errors become HTTP.
type problems struct {
	log    *slog.Logger
	random io.Reader
}

// answer writes err as a problem. What nobody expected is logged once, with an id that
// the answer carries.
func (p problems) answer(w http.ResponseWriter, r *http.Request, err error) {
	problem, known := problemOf(r.Context(), err)
	if !known {
		id := p.correlation()
		problem.Params = &map[string]string{"id": id}
		p.log.Error("request failed", "id", id, "method", r.Method, "route", r.Pattern, "error", err)
	}
	if wait := retryAfter(err); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	writeProblem(w, problem)
}

func (p problems) correlation() string {
	var b [8]byte
	if _, err := io.ReadFull(p.random, b[:]); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(b[:])
}

// retryAfter gives the seconds to wait that an error names.
func retryAfter(err error) string {
	var e *switchboard.Error
	if !errors.As(err, &e) || e.Code != switchboard.CodeTooMany && e.Code != switchboard.CodeUnavailable {
		return ""
	}
	return e.Params["seconds"]
}

func writeProblem(w http.ResponseWriter, p Problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the peer may be gone
}
