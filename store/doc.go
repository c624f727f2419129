// Package store holds the product's only SQL: pools, transactions, queries and
// migrations, on SQLite and on PostgreSQL with one SQL text.
//
// Guarantees. A write transaction commits facts, the journal's events and the work
// they cause together, or nothing. SQLite has one writer connection, so writers wait
// for each other in Go, not in the engine; reads use a pool of their own. Events get
// gapless numbers per account in commit order: InTx keeps them until the end of the
// callback and takes the counter last. Subscribers are told of new events after the
// commit only.
//
// Conventions. Times are milliseconds since 1970 in INTEGER columns, ids are text,
// every key is led by account_id, booleans are 0 and 1. Every statement is a named
// Query; storetest prepares each on both engines.
//
// It imports the root package and its drivers; everybody else sees it through
// interfaces of their own.
package store
