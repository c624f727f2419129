package sandbox

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	stateName = "sandbox-state.jsonl"
	// compactAfter bounds what the file may grow by before it is rewritten.
	compactAfter = 256 << 20
)

// change is one line item of the state file. Exactly one part is set.
type change struct {
	Record    *recordLine   `json:"record,omitempty"`
	Link      *linkLine     `json:"link,omitempty"`
	Gone      *refLine      `json:"gone,omitempty"`
	Property  *propertyLine `json:"property,omitempty"`
	Owners    []Owner       `json:"owners,omitempty"`
	Pipelines []Pipeline    `json:"pipelines,omitempty"`
	Settings  *settingsLine `json:"settings,omitempty"`
	// Next are the ids to be given next: an erased id is never given again.
	Next map[string]int64 `json:"next,omitempty"`
}

type recordLine struct {
	Type     string            `json:"type"`
	ID       string            `json:"id"`
	Props    map[string]string `json:"props"`
	Created  int64             `json:"created"`
	Updated  int64             `json:"updated"`
	Archived int64             `json:"archived,omitempty"`
	Merged   string            `json:"merged,omitempty"`
}

type refLine struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// linkLine holds all types of one association; none means it was removed.
type linkLine struct {
	From  refLine `json:"from"`
	To    refLine `json:"to"`
	Types []int   `json:"types"`
	Back  []int   `json:"back"`
}

type propertyLine struct {
	Type string   `json:"type"`
	Def  property `json:"def"`
}

type settingsLine struct {
	AppURL       string   `json:"appURL"`
	AppSecret    string   `json:"appSecret"`
	CardPath     string   `json:"cardPath"`
	FrameOrigins []string `json:"frameOrigins"`
}

func (r *record) ref() refLine { return refLine{r.kind.name, r.id} }

func recordChange(r *record) change {
	line := &recordLine{Type: r.kind.name, ID: r.id, Props: r.props, Created: r.created.UnixMilli(),
		Updated: r.updated.UnixMilli(), Merged: r.mergedInto}
	if r.archived {
		line.Archived = r.archivedAt.UnixMilli()
	}
	return change{Record: line}
}

func linkChange(from, to *record) change {
	line := &linkLine{From: from.ref(), To: to.ref()}
	if l := from.links[to.kind]; l != nil {
		line.Types = slices.Clone(l.types[to.id])
	}
	if l := to.links[from.kind]; l != nil {
		line.Back = slices.Clone(l.types[from.id])
	}
	return change{Link: line}
}

func settingsChange(s Settings) change {
	return change{Settings: &settingsLine{s.AppURL, string(s.AppSecret), s.CardPath, s.FrameOrigins}}
}

func (st *state) changed(c change) {
	st.rev++
	if st.file != nil {
		st.pending = append(st.pending, c)
	}
}

// flush puts the pending changes on disk as one line, so that they are read
// back together or not at all.
func (st *state) flush() error {
	if len(st.pending) == 0 {
		return nil
	}
	line, err := json.Marshal(st.pending)
	st.pending = nil
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	if err := st.file.append(line); err != nil {
		return fmt.Errorf("keep state: %w", err)
	}
	if st.file.grown < compactAfter {
		return nil
	}
	return st.compact()
}

// stateFile is the append-only file of the account.
type stateFile struct {
	path  string
	f     *os.File
	size  int64
	grown int64 // bytes since the last compaction
}

func (sf *stateFile) append(line []byte) error {
	n, err := sf.f.Write(append(line, '\n'))
	if err != nil {
		return errors.Join(err, sf.f.Truncate(sf.size)) // no torn line in the middle
	}
	sf.size += int64(n)
	sf.grown += int64(n)
	return nil
}

// open reads the file in dir, if any, and starts a fresh compacted one.
func (st *state) open(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make state folder: %w", err)
	}
	path := filepath.Join(dir, stateName)
	if err := st.load(path); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	st.file = &stateFile{path: path}
	return st.compact()
}

func (st *state) load(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // a torn last line was never answered for
		}
		if err != nil {
			return err
		}
		if err := st.replay(line); err != nil {
			return err
		}
	}
}

func (st *state) replay(line []byte) error {
	var changes []change
	if err := json.Unmarshal(line, &changes); err != nil {
		return fmt.Errorf("decode state: %w", err)
	}
	for _, c := range changes {
		st.apply(c)
	}
	return nil
}

func (st *state) apply(c change) {
	switch {
	case c.Record != nil:
		st.applyRecord(c.Record)
	case c.Link != nil:
		st.applyLink(c.Link)
	case c.Gone != nil:
		st.applyGone(c.Gone)
	case c.Property != nil:
		st.applyProperty(c.Property)
	case c.Owners != nil:
		st.owners = c.Owners
	case c.Pipelines != nil:
		st.dealPipe = c.Pipelines
	case c.Next != nil:
		for name, next := range c.Next {
			if t := st.tableOf(name); t != nil {
				t.nextID = max(t.nextID, next)
			}
		}
	case c.Settings != nil:
		s := c.Settings
		st.settings = Settings{s.AppURL, Secret(s.AppSecret), s.CardPath, s.FrameOrigins}
	}
}

func (st *state) tableOf(name string) *table { return st.tables[kindOf(name)] }

func (st *state) byRef(ref refLine) *record {
	if t := st.tableOf(ref.Type); t != nil {
		return t.byID[ref.ID]
	}
	return nil
}

func (st *state) applyRecord(line *recordLine) {
	t := st.tableOf(line.Type)
	if t == nil {
		return
	}
	r := t.byID[line.ID]
	if r == nil {
		r = &record{id: line.ID, kind: t.kind, created: time.UnixMilli(line.Created).UTC()}
	}
	r.mergedInto = line.Merged
	if line.Archived > 0 { // before put: an archived record holds no unique value
		r.archived, r.archivedAt = true, time.UnixMilli(line.Archived).UTC()
	}
	t.put(r, line.Props, time.UnixMilli(line.Updated).UTC())
}

func (st *state) applyLink(line *linkLine) {
	from, to := st.byRef(line.From), st.byRef(line.To)
	if from == nil || to == nil {
		return
	}
	from.dropLink(to)
	to.dropLink(from)
	if len(line.Types)+len(line.Back) > 0 {
		from.addLink(to, line.Types)
		to.addLink(from, line.Back)
	}
}

func (st *state) applyGone(ref *refLine) {
	if r := st.byRef(*ref); r != nil {
		st.erase(r)
	}
}

func (st *state) applyProperty(line *propertyLine) {
	t := st.tableOf(line.Type)
	if t == nil {
		return
	}
	t.addProperty(line.Def)
}

// erase removes every trace of a record.
func (st *state) erase(r *record) {
	t := st.tables[r.kind]
	t.archive(r, r.updated)
	for k := range r.links {
		for _, id := range slices.Clone(r.links[k].order) {
			if other := st.tables[k].byID[id]; other != nil {
				other.dropLink(r)
			}
		}
	}
	delete(t.byID, r.id)
	t.order = slices.DeleteFunc(t.order, func(o *record) bool { return o == r })
}

// compact rewrites the file as the present state, by way of a rename.
func (st *state) compact() error {
	fresh, err := os.OpenFile(st.file.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("rewrite state: %w", err)
	}
	out := bufio.NewWriterSize(fresh, 1<<20)
	enc := json.NewEncoder(out)
	if err := st.snapshot(func(c change) error { return enc.Encode([]change{c}) }); err != nil {
		return errors.Join(err, fresh.Close())
	}
	if err := errors.Join(out.Flush(), fresh.Sync(), os.Rename(fresh.Name(), st.file.path)); err != nil {
		return errors.Join(fmt.Errorf("rewrite state: %w", err), fresh.Close())
	}
	if st.file.f != nil {
		_ = st.file.f.Close()
	}
	info, err := fresh.Stat()
	if err != nil {
		return fmt.Errorf("rewrite state: %w", err)
	}
	st.file.f, st.file.size, st.file.grown = fresh, info.Size(), 0
	return nil
}

// snapshot gives the state as changes: definitions, records, then links, each
// link once.
func (st *state) snapshot(emit func(change) error) error {
	if err := st.snapshotAccount(emit); err != nil {
		return err
	}
	for _, k := range allKinds {
		for _, r := range st.tables[k].order {
			if err := emit(recordChange(r)); err != nil {
				return err
			}
		}
	}
	for i, k := range allKinds {
		for _, r := range st.tables[k].order {
			if err := st.snapshotLinks(r, allKinds[i:], emit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (st *state) snapshotAccount(emit func(change) error) error {
	next := map[string]int64{}
	for k, t := range st.tables {
		next[k.name] = t.nextID
	}
	all := []change{settingsChange(st.settings), {Next: next}}
	if st.owners != nil {
		all = append(all, change{Owners: st.owners})
	}
	if st.dealPipe != nil {
		all = append(all, change{Pipelines: st.dealPipe})
	}
	for _, k := range allKinds {
		for _, p := range st.tables[k].props {
			if !p.Defined {
				all = append(all, change{Property: &propertyLine{k.name, p}})
			}
		}
	}
	for _, c := range all {
		if err := emit(c); err != nil {
			return err
		}
	}
	return nil
}

func (st *state) snapshotLinks(r *record, kinds []*kind, emit func(change) error) error {
	for _, k := range kinds {
		l := r.links[k]
		if l == nil {
			continue
		}
		for _, id := range l.order {
			other := st.tables[k].byID[id]
			if other == nil {
				continue
			}
			if err := emit(linkChange(r, other)); err != nil {
				return err
			}
		}
	}
	return nil
}
