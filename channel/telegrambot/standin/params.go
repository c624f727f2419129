package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const (
	maxBody = 60 << 20
	maxForm = 64 << 10
)

// upload is one file of a multipart request.
type upload struct {
	name string
	mime string
	data []byte
}

// params are a call's parameters.
type params struct {
	values map[string]any // JSON values, or text when form
	form   bool
	files  map[string]upload
}

func (p *params) call(token, method string) Call {
	c := Call{Bot: token, Method: method, Values: p.values, Form: p.form}
	for name := range p.files {
		c.Files = append(c.Files, name)
	}
	return c
}

// parse reads JSON, form or multipart parameters, or those of the query.
func parse(r *http.Request) (*params, error) {
	p := &params{values: map[string]any{}, files: map[string]upload{}}
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	switch kind {
	case "application/json":
		return p, p.readJSON(r.Body)
	case "multipart/form-data":
		return p, p.readMultipart(r)
	}
	if err := r.ParseForm(); err != nil {
		return nil, fmt.Errorf("read form: %w", err)
	}
	p.form = true
	for name, values := range r.Form {
		p.values[name] = values[0]
	}
	return p, nil
}

func (p *params) readJSON(body io.Reader) error {
	raw, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &p.values); err != nil {
		return errors.New("can't parse JSON object")
	}
	return nil
}

func (p *params) readMultipart(r *http.Request) error {
	p.form = true
	reader, err := r.MultipartReader()
	if err != nil {
		return fmt.Errorf("read multipart: %w", err)
	}
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read part: %w", err)
		}
		if part.FileName() == "" {
			text, err := io.ReadAll(io.LimitReader(part, maxForm))
			if err != nil {
				return fmt.Errorf("read field: %w", err)
			}
			p.values[part.FormName()] = string(text)
			continue
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return fmt.Errorf("read file: %w", err)
		}
		p.files[part.FormName()] = upload{part.FileName(), part.Header.Get("Content-Type"), data}
	}
}

func (p *params) text(name string) string {
	switch v := p.values[name].(type) {
	case string:
		return v
	case float64:
		return strconv.FormatInt(int64(v), 10)
	}
	return ""
}

func (p *params) number(name string) (int64, bool) {
	switch v := p.values[name].(type) {
	case float64:
		return int64(v), v == math.Trunc(v)
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func (p *params) float(name string) (float64, bool) {
	switch v := p.values[name].(type) {
	case float64:
		return v, true
	case string:
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil
	}
	return 0, false
}

// object reads a parameter that is JSON, also when it came as text.
func (p *params) object(name string, into any) bool {
	v, there := p.values[name]
	if !there {
		return false
	}
	raw := []byte(p.text(name))
	if _, isText := v.(string); !isText {
		var err error
		if raw, err = json.Marshal(v); err != nil {
			return false
		}
	}
	return json.Unmarshal(raw, into) == nil
}
