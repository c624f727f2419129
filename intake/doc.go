// Package intake is the door: what a messenger delivered is checked, bounded,
// deduplicated and stored, and only then answered.
//
// Guarantees. Receive returns without an error only after everything of the batch is
// on disk in one transaction: raw body, dedupe key, message, counters, event, and the
// job that must follow (P1). A delivery repeated any number of times is stored once
// (P2). Numbers within a chat have no gaps (P3). Edits, deletions and statuses that
// come before their message wait for it. An authentic body that cannot be read is
// kept and listed.
//
// Batching is natural: whatever queued while the previous commit ran becomes the next
// transaction, without a timer; one that fails is replayed one by one, so a bad
// delivery hurts nobody else. Messages of settled chats take the short way (one
// statement on PostgreSQL); whatever needs a decision takes the long one, where the
// job is inserted before the rows.
//
// It imports the root package and channel.
package intake
