package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Record is a copy of a CRM record, for tests and seeding.
type Record struct {
	ID         string
	Type       string
	Properties map[string]string
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Archived   bool
}

func (r *record) copy() Record {
	return Record{r.id, r.kind.name, maps.Clone(r.props), r.created, r.updated, r.archived}
}

// Faults gives the present misbehaviour.
func (s *Server) Faults() Faults { return s.faults.now() }

// SetFaults replaces the misbehaviour, or says what is wrong with it.
func (s *Server) SetFaults(f Faults) error { return s.faults.set(f) }

// ClearFaults returns to what Config asked for.
func (s *Server) ClearFaults() { _ = s.faults.set(s.faults.initial) }

// AddRule appends one rule.
func (s *Server) AddRule(r Rule) error {
	f := s.Faults()
	f.Rules = append(f.Rules, r)
	return s.SetFaults(f)
}

// FailNext plans a fault for the next n calls of a method to a path.
func (s *Server) FailNext(n int, kind, method, path string) error {
	return s.AddRule(Rule{Kind: kind, Method: method, Path: path, Next: n})
}

// SetDown takes the service down (Down503, DownCut) or up (DownNot).
func (s *Server) SetDown(how string) error {
	f := s.Faults()
	f.Down = how
	return s.SetFaults(f)
}

// SetSearchLag sets how long writes stay invisible to search, up to a minute.
func (s *Server) SetSearchLag(lag time.Duration) error {
	f := s.Faults()
	f.SearchLagMillis = lag.Milliseconds()
	return s.SetFaults(f)
}

// Calls gives the ledger's lines after a number, oldest first.
func (s *Server) Calls(after int64) []Call { return s.ledger.after(after, s.cfg.LedgerSize) }

// Counters gives figures of the calls so far.
func (s *Server) Counters() Counters {
	c := s.limits.counters(s.now())
	c.Calls = s.ledger.count()
	return c
}

// ResetCounters zeroes the counters and peaks; the ledger stays.
func (s *Server) ResetCounters() { s.limits.reset() }

// Changed is closed at the next call, answer or change of state. Take it
// before looking, so that nothing is missed.
func (s *Server) Changed() <-chan struct{} { return s.signal.wait() }

// Await returns when the condition holds, or the context's error.
func (s *Server) Await(ctx context.Context, holds func() bool) error {
	for {
		changed := s.Changed()
		if holds() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("await: %w", ctx.Err())
		}
	}
}

// Records gives copies of the live records of a kind ("contacts"), by id.
func (s *Server) Records(kindName string) []Record {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	var out []Record
	if t := s.st.tableOf(kindName); t != nil {
		for _, r := range t.order {
			if !r.archived {
				out = append(out, r.copy())
			}
		}
	}
	return out
}

// Record gives a copy of a live record.
func (s *Server) Record(kindName, id string) (Record, bool) {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	t := s.st.tableOf(kindName)
	if t == nil {
		return Record{}, false
	}
	r := t.find(id)
	if r == nil {
		return Record{}, false
	}
	return r.copy(), true
}

// Linked gives copies of the live records of a kind associated with a record.
func (s *Server) Linked(kindName, id, toKind string) []Record {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	t, to := s.st.tableOf(kindName), kindOf(toKind)
	if t == nil || to == nil {
		return nil
	}
	var out []Record
	if r := t.find(id); r != nil {
		for _, other := range s.st.linked(r, to) {
			out = append(out, other.copy())
		}
	}
	return out
}

// Link is an association to make in Create, of the default type.
type Link struct{ Type, ID string }

var errUnknownRecord = errors.New("no such record")

// Create makes a record as a user would by hand.
func (s *Server) Create(kindName string, props map[string]string, to ...Link) (string, error) {
	var id string
	err := s.edit(func() error {
		t := s.st.tableOf(kindName)
		if t == nil {
			return fmt.Errorf("create %q: %w", kindName, errUnknownRecord)
		}
		in := createInput{Properties: props}
		for _, l := range to {
			types := assocTypes[pair{t.kind, kindOf(l.Type)}]
			if len(types) == 0 {
				return fmt.Errorf("link %s to %q: %w", kindName, l.Type, errUnknownRecord)
			}
			in.Associations = append(in.Associations, assocInput{idInput{l.ID}, []typeSpec{{"HUBSPOT_DEFINED", types[0].id}}})
		}
		r, bad := s.create(t, in, s.now())
		if bad != nil {
			return fmt.Errorf("create %s: %s", kindName, bad.Message)
		}
		id = r.id
		return nil
	})
	return id, err
}

// Update changes values of a record as a user would by hand.
func (s *Server) Update(kindName, id string, props map[string]string) error {
	return s.editRecord(kindName, id, func(t *table, r *record) error {
		if bad := s.update(t, r, props, s.now()); bad != nil {
			return fmt.Errorf("update %s: %s", kindName, bad.Message)
		}
		return nil
	})
}

// Archive hides a record as a user would by hand.
func (s *Server) Archive(kindName, id string) error {
	return s.editRecord(kindName, id, func(_ *table, r *record) error {
		s.archive(r, s.now())
		return nil
	})
}

// Merge moves the second record into the first as a user would by hand.
func (s *Server) Merge(kindName, firstID, secondID string) error {
	return s.editRecord(kindName, firstID, func(t *table, first *record) error {
		second := t.find(secondID)
		if second == nil || second == first {
			return fmt.Errorf("merge %s: %w", kindName, errUnknownRecord)
		}
		s.merge(first, second, s.now())
		return nil
	})
}

func (s *Server) editRecord(kindName, id string, change func(*table, *record) error) error {
	return s.edit(func() error {
		t := s.st.tableOf(kindName)
		if t == nil {
			return fmt.Errorf("edit %q: %w", kindName, errUnknownRecord)
		}
		r := t.find(id)
		if r == nil {
			return fmt.Errorf("edit %s: %w", kindName, errUnknownRecord)
		}
		return change(t, r)
	})
}

// edit runs a change under the state's lock and keeps it.
func (s *Server) edit(change func() error) error {
	s.st.mu.Lock()
	defer s.st.mu.Unlock()
	err := change()
	if kept := s.st.flush(); kept != nil {
		err = errors.Join(err, kept)
	}
	s.signal.fire()
	return err
}

// Owners gives the CRM's users.
func (s *Server) Owners() []Owner {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	return slices.Clone(s.st.owners)
}

// SetOwners replaces the CRM's users. Removed people belong into the list as
// archived: old records still name them.
func (s *Server) SetOwners(list []Owner) error {
	for _, o := range list {
		if numericID(o.ID) == 0 || o.UserID == 0 {
			return errors.New("an owner needs a numeric id and a userId")
		}
	}
	return s.edit(func() error {
		s.st.owners = slices.Clone(list)
		s.st.changed(change{Owners: s.st.owners})
		return nil
	})
}

// Pipelines gives the deal pipelines.
func (s *Server) Pipelines() []Pipeline {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	return clonePipelines(s.st.dealPipe)
}

func clonePipelines(list []Pipeline) []Pipeline {
	out := slices.Clone(list)
	for i := range out {
		out[i].Stages = slices.Clone(out[i].Stages)
	}
	return out
}

// SetPipelines replaces the deal pipelines.
func (s *Server) SetPipelines(list []Pipeline) error {
	for _, p := range list {
		if p.ID == "" || len(p.Stages) == 0 {
			return errors.New("a pipeline needs an id and stages")
		}
	}
	return s.edit(func() error {
		s.st.dealPipe = clonePipelines(list)
		s.st.changed(change{Pipelines: s.st.dealPipe})
		return nil
	})
}

// Settings gives the card's settings.
func (s *Server) Settings() Settings {
	s.st.mu.RLock()
	defer s.st.mu.RUnlock()
	return s.st.settings
}

// SetSettings replaces the card's settings.
func (s *Server) SetSettings(set Settings) error {
	set.AppURL = strings.TrimRight(strings.TrimSpace(set.AppURL), "/")
	if set.AppURL != "" && originOf(set.AppURL) == "" {
		return errors.New("the app's address must be an http or https URL")
	}
	setIfZero(&set.CardPath, DefaultCardPath)
	if !strings.HasPrefix(set.CardPath, "/") {
		return errors.New("the card's path must begin with a slash")
	}
	return s.edit(func() error {
		s.st.settings = set
		s.st.changed(settingsChange(set))
		return nil
	})
}

// originOf gives scheme://host[:port] of an http(s) URL, or nothing.
func originOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}
