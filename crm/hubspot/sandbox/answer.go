package sandbox

import (
	"fmt"
	"net/http"
	"strconv"
)

// answer is what an endpoint gives back; it is written out by serve, which
// may spoil it first.
type answer struct {
	status int
	body   any // nil means none
	header map[string]string
	// records counts what the call touched, for the ledger.
	records int
	ids     []string
}

// apiError is HubSpot's error body with its status.
type apiError struct {
	status int
	header map[string]string

	Status        string              `json:"status"`
	Message       string              `json:"message"`
	CorrelationID string              `json:"correlationId"`
	Category      string              `json:"category"`
	SubCategory   string              `json:"subCategory,omitempty"`
	Errors        []errorDetail       `json:"errors,omitempty"`
	Context       map[string][]string `json:"context,omitempty"`
	Links         map[string]string   `json:"links,omitempty"`
}

type errorDetail struct {
	Message string              `json:"message"`
	Code    string              `json:"code,omitempty"`
	In      string              `json:"in,omitempty"`
	Context map[string][]string `json:"context,omitempty"`
}

func (e *apiError) Error() string { return strconv.Itoa(e.status) + " " + e.Category }

func fail(status int, category, format string, args ...any) *apiError {
	return &apiError{status: status, Status: "error", Category: category, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "VALIDATION_ERROR", format, args...)
}

// invalidProperty is the answer to a value that the schema does not allow.
func invalidProperty(code, name, format string, args ...any) *apiError {
	detail := errorDetail{
		Message: fmt.Sprintf(format, args...), Code: code, In: name,
		Context: map[string][]string{"propertyName": {name}},
	}
	e := invalid("Property values were not valid: %s", detail.Message)
	e.Errors = []errorDetail{detail}
	return e
}

func notFound(what string) *apiError {
	return fail(http.StatusNotFound, "OBJECT_NOT_FOUND", "%s was not found", what)
}

func (e *apiError) answer() answer {
	return answer{status: e.status, body: e, header: e.header}
}

// rateLimitError is the body of a 429.
type rateLimitError struct {
	Status        string `json:"status"`
	Message       string `json:"message"`
	ErrorType     string `json:"errorType"`
	CorrelationID string `json:"correlationId"`
	PolicyName    string `json:"policyName"`
	RequestID     string `json:"requestId"`
}

func rateLimited(policy string) answer {
	words := map[string]string{
		policyBurst:  "You have reached your ten_secondly_rolling limit.",
		policySearch: "You have reached your secondly limit.",
		policyDaily:  "You have reached your daily limit.",
	}
	return answer{status: http.StatusTooManyRequests, body: &rateLimitError{
		Status: "error", Message: words[policy], ErrorType: "RATE_LIMIT", PolicyName: policy,
	}}
}

// stamp writes the call's correlation id into an error body.
func stamp(body any, id string) {
	switch e := body.(type) {
	case *apiError:
		e.CorrelationID = id
	case *rateLimitError:
		e.CorrelationID, e.RequestID = id, id
	}
}

func ok(body any) answer { return answer{status: http.StatusOK, body: body, records: 1} }
func noContent() answer  { return answer{status: http.StatusNoContent, records: 1} }
func created(body any) answer {
	return answer{status: http.StatusCreated, body: body, records: 1}
}
