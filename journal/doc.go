// Package journal follows an account's events.
//
// Every change writes its event in its own transaction, numbered 1, 2, 3 ... within
// the account (switchboard.Event). Whatever is derived from events - timeline,
// webhooks, pushes - is a Follower: a name, a key and a durable cursor, the number of
// the last event it is done with. Following costs a message no extra write, and the
// backlog is head minus cursor.
//
// A round has two transactions. In Handle the follower reads what it needs, commits
// rows that say what it is about to do (intents), and makes its calls with no
// transaction open. The function that Handle returns then stores the results in one
// transaction with the cursor, which moves by compare-and-set: who finds it moved
// stores nothing.
//
// Guarantees. Results of each event are stored exactly once, in the order of numbers,
// whatever crashes between any two steps and however many processes follow under one
// name and key. Handle may see an event again after a crash; its intents then tell
// that a call may have been made, and it settles that before calling again. No event
// is passed over in silence: one that can never be handled is parked with its reason,
// and a hole in the journal is an error. Rounds are bounded.
//
// Not here: when a round runs and how failures are spaced, which is a job's matter
// (package work), and the SQL, which is store's.
//
// It imports the root package and the standard library only.
package journal
