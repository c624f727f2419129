package sandbox

import (
	"slices"
	"strconv"
	"strings"
)

const (
	defaultOwnersLimit = 100
	maxOwnersLimit     = 500
)

// ownerOut is an owner as the API shows it. A removed user has no userId any
// more, only userIdIncludingInactive.
type ownerOut struct {
	ID        string  `json:"id"`
	Email     string  `json:"email"`
	Type      string  `json:"type"`
	FirstName string  `json:"firstName"`
	LastName  string  `json:"lastName"`
	UserID    *int64  `json:"userId,omitempty"`
	AnyUserID int64   `json:"userIdIncludingInactive"`
	CreatedAt string  `json:"createdAt"`
	UpdatedAt string  `json:"updatedAt"`
	Archived  bool    `json:"archived"`
	Teams     []teams `json:"teams,omitempty"`
}

type teams struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Primary bool   `json:"primary"`
}

func (s *Server) showOwner(o Owner) ownerOut {
	out := ownerOut{ID: o.ID, Email: o.Email, Type: "PERSON", FirstName: o.FirstName, LastName: o.LastName,
		AnyUserID: o.UserID, Archived: o.Archived,
		CreatedAt: stampTime(s.st.started), UpdatedAt: stampTime(s.st.started)}
	if !o.Archived {
		out.UserID = &o.UserID
	}
	return out
}

func (s *Server) listOwners(c *call) answer {
	limit, bad := c.limit(defaultOwnersLimit, maxOwnersLimit)
	if bad != nil {
		return bad.answer()
	}
	archived, email := c.query.Get("archived") == "true", c.query.Get("email")
	after := numericID(c.query.Get("after"))
	sorted := slices.SortedFunc(slices.Values(s.st.owners), func(a, b Owner) int {
		return int(numericID(a.ID) - numericID(b.ID))
	})
	rows := []ownerOut{}
	out := map[string]any{}
	for _, o := range sorted {
		if o.Archived != archived || numericID(o.ID) <= after || (email != "" && !strings.EqualFold(email, o.Email)) {
			continue
		}
		if len(rows) == limit {
			out["paging"] = nextPage(rows[limit-1].ID)
			break
		}
		rows = append(rows, s.showOwner(o))
	}
	out["results"] = rows
	a := ok(out)
	a.records = len(rows)
	return a
}

func (s *Server) readOwner(c *call) answer {
	archived, id := c.query.Get("archived") == "true", c.PathValue("id")
	byUser := c.query.Get("idProperty") == "userId"
	for _, o := range s.st.owners {
		key := o.ID
		if byUser {
			key = strconv.FormatInt(o.UserID, 10)
		}
		if key == id && o.Archived == archived {
			return ok(s.showOwner(o))
		}
	}
	return notFound("Owner").answer()
}
