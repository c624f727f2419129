// Package standin is a local server that speaks Telegram's Bot API over real HTTP, for
// tests, the demo and end-to-end runs. It plays Telegram and its users: several bots by
// token, long poll, webhooks with their secret, files, users who write, edit, block.
//
// Kept as Telegram does it: updates wait until an offset above theirs confirms them; a
// webhook and a poll exclude each other (409), so do two polls; message ids count per
// chat; a bot may not write first; a parameter that is missing or too long is refused.
// Not kept: accounts, groups' members, anything a bot of ours does not call.
//
// Faults come by plan and by chance with a seed. What bots sent stands in a ledger that
// only grows, so that what was sent twice is seen twice. State lives in memory.
//
// It is somebody else's system: it imports the standard library only.
package standin
