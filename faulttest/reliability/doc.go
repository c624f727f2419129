// Package reliability runs the real binary on both engines and kills, freezes and
// starves it, while visitors, Telegram users and employees write down, outside the
// process, what they said, what was confirmed to them and what reached them.
//
// Afterwards a checker compares these ledgers with the database, the CRM and every
// reader, and prints four figures: lost, duplicated, reordered and leaked. All must be
// 0, and "maybe sent" stays within the sends that were under way at kills. A run in
// which a planned fault did not happen fails, and prints its seed either way.
//
// Zero failures in N runs prove a rate below 3/N, no more.
//
// SWITCHBOARD_FAULT=full runs everything at full length; otherwise the short form runs.
// SWITCHBOARD_BINARY names the binary; without it one is built.
//
// May import: anything; nothing imports it.
package reliability
