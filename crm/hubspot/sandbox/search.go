package sandbox

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxFilterGroups    = 5
	maxFiltersPerGroup = 6
	maxFilters         = 18
	maxSearchLimit     = 200
	maxSearchResults   = 10_000
	maxSearchQuery     = 3_000
	maxSearchLag       = 60 * time.Second
)

type searchInput struct {
	Groups     []filterGroup     `json:"filterGroups"`
	Sorts      []json.RawMessage `json:"sorts"`
	Query      string            `json:"query"`
	Properties []string          `json:"properties"`
	Limit      int               `json:"limit"`
	After      json.RawMessage   `json:"after"`
}

type filterGroup struct {
	Filters []filter `json:"filters"`
}

type searchOut struct {
	Total   int         `json:"total"`
	Results []recordOut `json:"results"`
	Paging  *pagingOut  `json:"paging,omitempty"`
}

// hit is a record with the values search knows of it.
type hit struct {
	r     *record
	props map[string]string
}

func (s *Server) searchRecords(c *call) answer {
	var in searchInput
	if bad := c.decode(&in); bad != nil {
		return bad.answer()
	}
	if bad := in.check(); bad != nil {
		return bad.answer()
	}
	offset, bad := in.offset()
	if bad != nil {
		return bad.answer()
	}
	groups, bad := compile(c.table, in.Groups)
	if bad != nil {
		return bad.answer()
	}
	order, bad := sortOf(c.table, in.Sorts)
	if bad != nil {
		return bad.answer()
	}
	hits := s.hits(c, groups, words(in.Query))
	slices.SortStableFunc(hits, order)
	return s.searchPage(in, hits, offset)
}

// hits scans the live records as search knows them: without the writes of the
// last seconds.
func (s *Server) hits(c *call, groups [][]test, query []string) []hit {
	moment := c.now.Add(-s.faults.searchLag())
	var out []hit
	for _, r := range c.table.order {
		if r.archived {
			continue
		}
		props := r.seenAt(moment)
		if props == nil || !matchesAny(groups, props) || !matchesQuery(c.table.kind, query, props) {
			continue
		}
		out = append(out, hit{r, props})
	}
	return out
}

func (s *Server) searchPage(in searchInput, hits []hit, offset int) answer {
	out := searchOut{Total: len(hits), Results: []recordOut{}}
	end := min(offset+in.Limit, len(hits))
	for _, h := range hits[min(offset, len(hits)):end] {
		shown := s.show(h.r, h.props, view{props: in.Properties})
		if t, ok := parseMoment(h.props[h.r.kind.modifiedProp]); ok {
			shown.UpdatedAt = stampTime(t)
		}
		out.Results = append(out.Results, shown)
	}
	if end < len(hits) {
		out.Paging = nextPage(strconv.Itoa(end))
	}
	a := ok(out)
	a.records = len(out.Results)
	return a
}

func (in *searchInput) check() *apiError {
	if len(in.Groups) > maxFilterGroups {
		return invalid("filterGroups: at most %d groups are allowed", maxFilterGroups)
	}
	total := 0
	for _, g := range in.Groups {
		if len(g.Filters) == 0 || len(g.Filters) > maxFiltersPerGroup {
			return invalid("filters: a group has 1 to %d filters", maxFiltersPerGroup)
		}
		total += len(g.Filters)
	}
	if total > maxFilters {
		return invalid("filters: at most %d filters are allowed in all", maxFilters)
	}
	if len([]rune(in.Query)) > maxSearchQuery {
		return invalid("query: at most %d characters are allowed", maxSearchQuery)
	}
	if in.Limit == 0 {
		in.Limit = defaultListLimit
	}
	if in.Limit < 1 || in.Limit > maxSearchLimit {
		return invalid("limit must be between 1 and %d", maxSearchLimit)
	}
	return nil
}

// offset reads after, which may be a string or a number.
func (in *searchInput) offset() (int, *apiError) {
	text := strings.Trim(string(in.After), `"`)
	if text == "" || text == "null" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, invalid("after is not a place in the results")
	}
	if n+in.Limit > maxSearchResults {
		return 0, invalid("Search gives at most %d results", maxSearchResults)
	}
	return n, nil
}

// sortOf reads the one allowed sort; none means by id, which is by creation.
func sortOf(t *table, sorts []json.RawMessage) (func(a, b hit) int, *apiError) {
	if len(sorts) == 0 {
		return func(a, b hit) int { return 0 }, nil
	}
	if len(sorts) > 1 {
		return nil, invalid("sorts: at most one sort is allowed")
	}
	name, down := readSort(sorts[0])
	def, ok := t.props[name]
	if !ok {
		return nil, invalid("sorts: property %q does not exist", clip(name))
	}
	return func(a, b hit) int {
		if down {
			a, b = b, a
		}
		return compareValues(def, a.props[name], b.props[name])
	}, nil
}

func readSort(raw json.RawMessage) (name string, down bool) {
	var short string
	if json.Unmarshal(raw, &short) == nil {
		return strings.TrimPrefix(short, "-"), strings.HasPrefix(short, "-")
	}
	var long struct {
		PropertyName string `json:"propertyName"`
		Direction    string `json:"direction"`
	}
	_ = json.Unmarshal(raw, &long)
	return long.PropertyName, strings.HasPrefix(strings.ToUpper(long.Direction), "DESC")
}

// compareValues orders two values of a property; no value comes first.
func compareValues(def property, a, b string) int {
	if a == "" || b == "" || a == b {
		return cmp.Compare(a, b)
	}
	switch def.Type {
	case "datetime":
		if len(a) == len(timeFormat) && len(b) == len(timeFormat) {
			return cmp.Compare(a, b) // both as values are kept
		}
	case "number":
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		return cmp.Compare(x, y)
	}
	if def.Type == "datetime" || def.Type == "date" {
		x, _ := parseMoment(a)
		y, _ := parseMoment(b)
		return x.Compare(y)
	}
	return cmp.Compare(strings.ToLower(a), strings.ToLower(b))
}

// matchesQuery: every word of the query begins some word of the record.
func matchesQuery(k *kind, query []string, props map[string]string) bool {
	for _, word := range query {
		found := slices.ContainsFunc(k.queryProps, func(name string) bool {
			return slices.ContainsFunc(words(props[name]), func(w string) bool { return strings.HasPrefix(w, word) })
		})
		if !found {
			return false
		}
	}
	return true
}
