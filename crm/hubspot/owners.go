package hubspot

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"switchboard"
	"switchboard/crm"
)

const (
	ownersPage  = 100
	maxOwnPages = 200 // of owners: a bound, not an expectation
)

type ownersAnswer struct {
	Results []owner `json:"results"`
	Paging  paging  `json:"paging"`
}

func (a *ownersAnswer) complete() bool { return a.Results != nil }

type owner struct {
	ID        text   `json:"id"`
	Type      string `json:"type"`
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
	UserID    text   `json:"userId"`
	AnyUserID text   `json:"userIdIncludingInactive"`
	Archived  bool   `json:"archived"`
}

func (o owner) noun() switchboard.Owner {
	name := strings.TrimSpace(o.FirstName + " " + o.LastName)
	return switchboard.Owner{
		ID: switchboard.OwnerID(o.ID), UserID: string(cmp.Or(o.UserID, o.AnyUserID)),
		Email: strings.ToLower(o.Email), Name: cmp.Or(name, o.Email), Active: !o.Archived,
	}
}

// Owners lists the people who may own records; archived ones are not Active. Two
// calls, and one more for each further hundred.
func (c *Client) Owners(ctx context.Context) ([]switchboard.Owner, error) {
	byID := map[switchboard.OwnerID]switchboard.Owner{}
	for _, archived := range []bool{true, false} { // the active row of an id wins
		if err := c.owners(ctx, archived, byID); err != nil {
			return nil, err
		}
	}
	list := make([]switchboard.Owner, 0, len(byID))
	for _, o := range byID {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b switchboard.Owner) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

func (c *Client) owners(ctx context.Context, archived bool, into map[switchboard.OwnerID]switchboard.Owner) error {
	after := text("")
	for range maxOwnPages {
		var a ownersAnswer
		if err := c.do(ctx, ownersCall(archived, ownersPage, string(after)), &a); err != nil {
			return err
		}
		for _, o := range a.Results {
			if o.ID != "" && o.Type == "PERSON" {
				into[switchboard.OwnerID(o.ID)] = o.noun()
			}
		}
		if a.Paging.Next.After == "" || a.Paging.Next.After == after {
			return nil
		}
		after = a.Paging.Next.After
	}
	return &crm.Error{Class: crm.Refused, Reason: "the account has too many owners"}
}

func ownersCall(archived bool, limit int, after string) call {
	path := "/crm/owners/" + Version
	q := url.Values{"limit": {strconv.Itoa(limit)}, "archived": {strconv.FormatBool(archived)}}
	if after != "" {
		q.Set("after", after)
	}
	return call{method: http.MethodGet, route: path, path: path, query: q}
}

type pipelinesAnswer struct {
	Results []pipeline `json:"results"`
}

func (a *pipelinesAnswer) complete() bool { return a.Results != nil }

type pipeline struct {
	ID           text    `json:"id"`
	Label        string  `json:"label"`
	DisplayOrder int     `json:"displayOrder"`
	Archived     bool    `json:"archived"`
	Stages       []stage `json:"stages"`
}

type stage struct {
	ID               text            `json:"id"`
	Label            string          `json:"label"`
	DisplayOrder     int             `json:"displayOrder"`
	Archived         bool            `json:"archived"`
	Metadata         map[string]text `json:"metadata"`
	WritePermissions string          `json:"writePermissions"`
}

// Pipelines lists the pipelines of deals with their stages, archived ones left out.
// One call.
func (c *Client) Pipelines(ctx context.Context) ([]switchboard.Pipeline, error) {
	var a pipelinesAnswer
	if err := c.do(ctx, pipelinesCall(), &a); err != nil {
		return nil, err
	}
	list := make([]switchboard.Pipeline, 0, len(a.Results))
	for _, p := range a.Results {
		if !p.Archived && p.ID != "" {
			list = append(list, p.noun())
		}
	}
	slices.SortStableFunc(list, func(a, b switchboard.Pipeline) int { return cmp.Compare(a.Position, b.Position) })
	c.shared.rememberStages(list)
	return list, nil
}

func pipelinesCall() call {
	path := "/crm/pipelines/" + Version + "/" + dealsType
	return call{method: http.MethodGet, route: path, path: path}
}

func (p pipeline) noun() switchboard.Pipeline {
	out := switchboard.Pipeline{ID: switchboard.PipelineID(p.ID), Label: p.Label, Position: p.DisplayOrder}
	for _, s := range p.Stages {
		if s.Archived || s.ID == "" {
			continue
		}
		closed := s.closed()
		writable := s.WritePermissions != "READ_ONLY" && s.WritePermissions != "INTERNAL_ONLY"
		out.Stages = append(out.Stages, switchboard.Stage{
			ID: switchboard.StageID(s.ID), Label: s.Label, Position: s.DisplayOrder,
			Closed: closed, Offered: writable && !closed, // DEAL-4
		})
	}
	slices.SortStableFunc(out.Stages, func(a, b switchboard.Stage) int { return cmp.Compare(a.Position, b.Position) })
	return out
}

// closed reads isClosed; where the account does not say, a probability of all or
// nothing means closed.
func (s stage) closed() bool {
	if said, ok := s.Metadata["isClosed"]; ok {
		return said == "true"
	}
	probability, err := strconv.ParseFloat(string(s.Metadata["probability"]), 64)
	return err == nil && (probability >= 1 || probability <= 0)
}

type stageKey struct {
	pipeline switchboard.PipelineID
	stage    switchboard.StageID
}

// rememberStages keeps which stages are closed, for deals that do not say it.
func (l *learned) rememberStages(list []switchboard.Pipeline) {
	closed := map[stageKey]bool{}
	for _, p := range list {
		for _, s := range p.Stages {
			closed[stageKey{p.ID, s.ID}] = s.Closed
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = closed
}

func (l *learned) stageClosed(p switchboard.PipelineID, s switchboard.StageID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed[stageKey{p, s}]
}
