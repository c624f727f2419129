// Package storetest opens fresh, migrated stores for tests: one on SQLite in a
// temporary folder, one on PostgreSQL in a database of its own.
//
// It imports store, work (whose tables are made first) and the root package.
package storetest
