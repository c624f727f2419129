// Package live tells open screens what changed.
//
// A Hub per process follows the journal of every account that somebody watches: one
// feed per account reads each run of events once, in one snapshot together with the
// rows that the events name, and judges for each watcher by package access and the
// rights of that snapshot what he is told. Frames are encoded once per look (mine or
// not, language) and shared.
//
// Guarantees. A screen that loaded its lists as of event N and applies everything
// told after N shows what a fresh load would (P9). Nothing of a chat reaches who may
// not see it now: who gains a chat gets its row, who loses it is told its id and
// nothing more (OWNER-1, ROLE-5). When names or rights that screens show changed, when
// the number asked for is too old, or when a watcher does not keep up, he is told to
// reset: load anew. A session that ends, or whose employee is blocked, is cut within a
// second. Everything is bounded; state is only what the database has, so screens may
// come back to another node.
//
// Order: numbers never go back. Events of one number come together; only the last of
// them marks the number, so a cut in between repeats them.
//
// It imports the root package and access.
package live
