package sandbox

import (
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"
)

// state is the whole account. Every field is guarded by mu; a write collects
// its changes in pending and puts them on disk before it lets go of mu.
type state struct {
	mu       sync.RWMutex
	tables   map[*kind]*table
	owners   []Owner
	dealPipe []Pipeline
	leadPipe []Pipeline
	settings Settings
	started  time.Time // creation time of owners and pipelines

	pending []change
	file    *stateFile // nil in memory
	rev     uint64     // grows with every change; pages compare it
}

// table holds the records of one kind.
type table struct {
	kind   *kind
	byID   map[string]*record
	order  []*record // by id, ascending
	props  map[string]property
	unique map[string]map[string]*record // property -> key -> live record
	nextID int64
}

// record is one CRM object. props is replaced on every write, never changed,
// so that versions may share it.
type record struct {
	id         string
	kind       *kind
	props      map[string]string
	created    time.Time
	updated    time.Time
	archived   bool
	archivedAt time.Time
	mergedInto string // id of the survivor, when merged away
	versions   []version
	links      map[*kind]*links
}

// version is what search sees once the lag has passed since at.
type version struct {
	at    time.Time
	props map[string]string
}

// links are a record's associations with one other kind.
type links struct {
	order []string // ids, oldest link first
	types map[string][]int
}

func newState(now time.Time) *state {
	st := &state{tables: map[*kind]*table{}, started: now}
	for _, k := range allKinds {
		t := &table{kind: k, byID: map[string]*record{}, props: map[string]property{},
			unique: map[string]map[string]*record{}, nextID: k.firstID}
		for _, p := range schemaOf(k) {
			t.addProperty(p)
		}
		st.tables[k] = t
	}
	return st
}

func (t *table) addProperty(p property) {
	t.props[p.Name] = p
	if p.Unique {
		t.unique[p.Name] = map[string]*record{}
	}
}

// find gives a live record by id; a merged-away id leads to its survivor.
func (t *table) find(id string) *record {
	for range 8 {
		r := t.byID[id]
		if r == nil || r.mergedInto == "" {
			return live(r)
		}
		id = r.mergedInto
	}
	return nil
}

func live(r *record) *record {
	if r == nil || r.archived {
		return nil
	}
	return r
}

// findBy gives a live record by id or by a unique property.
func (t *table) findBy(idProperty, value string) *record {
	if idProperty == "" || idProperty == propObjectID {
		return t.find(value)
	}
	return t.unique[idProperty][uniqueKey(idProperty, value)]
}

func (t *table) isUnique(name string) bool {
	_, ok := t.unique[name]
	return ok || name == "" || name == propObjectID
}

// since is the position of the first record whose id is greater than after.
func (t *table) since(after string) int {
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return 0
	}
	return sort.Search(len(t.order), func(i int) bool { return numericID(t.order[i].id) > n })
}

func numericID(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

// put stores new values of a record, its versions and its unique keys.
func (t *table) put(r *record, props map[string]string, now time.Time) {
	for name, index := range t.unique {
		if old := r.props[name]; old != "" && index[uniqueKey(name, old)] == r {
			delete(index, uniqueKey(name, old))
		}
		if v := props[name]; v != "" && !r.archived {
			index[uniqueKey(name, v)] = r
		}
	}
	r.props, r.updated = props, now
	r.versions = append(prune(r.versions, now), version{now, props})
	if t.byID[r.id] == nil {
		t.insert(r)
	}
}

func (t *table) insert(r *record) {
	t.byID[r.id] = r
	id := numericID(r.id)
	t.nextID = max(t.nextID, id+1)
	at := len(t.order)
	if at > 0 && numericID(t.order[at-1].id) > id {
		at = t.since(r.id)
	}
	t.order = slices.Insert(t.order, at, r)
}

// maxVersions bounds what a record remembers for search's sake.
const maxVersions = 64

// prune drops versions that no allowed lag can show any more.
func prune(vs []version, now time.Time) []version {
	for len(vs) > 1 && (now.Sub(vs[1].at) > maxSearchLag || len(vs) >= maxVersions) {
		vs = vs[1:]
	}
	return vs
}

// seenAt gives the values that search knows at a moment, nil when it does not
// know the record yet.
func (r *record) seenAt(moment time.Time) map[string]string {
	for i := len(r.versions) - 1; i >= 0; i-- {
		if !r.versions[i].at.After(moment) {
			return r.versions[i].props
		}
	}
	return nil
}

func (t *table) newID() string {
	id := strconv.FormatInt(t.nextID, 10)
	t.nextID++
	return id
}

// archive hides a record and frees its unique values.
func (t *table) archive(r *record, now time.Time) {
	for name, index := range t.unique {
		if v := r.props[name]; v != "" && index[uniqueKey(name, v)] == r {
			delete(index, uniqueKey(name, v))
		}
	}
	r.archived, r.archivedAt = true, now
}

func (st *state) owner(id string) (Owner, bool) {
	i := slices.IndexFunc(st.owners, func(o Owner) bool { return o.ID == id })
	if i < 0 {
		return Owner{}, false
	}
	return st.owners[i], true
}

func (st *state) pipelines(k *kind) []Pipeline {
	switch k {
	case deals:
		return st.dealPipe
	case leads:
		return st.leadPipe
	}
	return nil
}

func findPipeline(list []Pipeline, id string) (Pipeline, bool) {
	i := slices.IndexFunc(list, func(p Pipeline) bool { return p.ID == id })
	if i < 0 {
		return Pipeline{}, false
	}
	return list[i], true
}

func (p Pipeline) stage(id string) (Stage, bool) {
	i := slices.IndexFunc(p.Stages, func(s Stage) bool { return s.ID == id })
	if i < 0 {
		return Stage{}, false
	}
	return p.Stages[i], true
}

// link sets the types of an association in both directions.
func (st *state) link(from, to *record, types []int) {
	var back []int
	for _, id := range types {
		if t, ok := findAssocType(from.kind, to.kind, id); ok {
			back = append(back, t.back)
		}
	}
	from.addLink(to, types)
	to.addLink(from, back)
	st.changed(linkChange(from, to))
}

func (r *record) addLink(other *record, types []int) {
	if r.links == nil {
		r.links = map[*kind]*links{}
	}
	l := r.links[other.kind]
	if l == nil {
		l = &links{types: map[string][]int{}}
		r.links[other.kind] = l
	}
	if _, ok := l.types[other.id]; !ok {
		l.order = append(l.order, other.id)
	}
	for _, id := range types {
		if !slices.Contains(l.types[other.id], id) {
			l.types[other.id] = append(l.types[other.id], id)
		}
	}
}

func (st *state) unlink(from, to *record) {
	from.dropLink(to)
	to.dropLink(from)
	st.changed(linkChange(from, to))
}

func (r *record) dropLink(other *record) {
	l := r.links[other.kind]
	if l == nil {
		return
	}
	if _, ok := l.types[other.id]; !ok {
		return
	}
	delete(l.types, other.id)
	l.order = slices.DeleteFunc(l.order, func(id string) bool { return id == other.id })
}

// linked gives the live records of a kind associated with r, oldest link first.
func (st *state) linked(r *record, k *kind) []*record {
	l := r.links[k]
	if l == nil {
		return nil
	}
	out := make([]*record, 0, len(l.order))
	for _, id := range l.order {
		if other := st.tables[k].byID[id]; live(other) != nil {
			out = append(out, other)
		}
	}
	return out
}
