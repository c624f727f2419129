// Package pgtest finds or starts the PostgreSQL that tests run on.
//
// Purpose: New gives a test a fresh database and drops it when the test ends.
// The server is, in this order:
//
//  1. the one named by SWITCHBOARD_TEST_POSTGRES (a URL whose user may create
//     databases); cmd/pgrun sets it for a whole `make test`;
//  2. a temporary cluster of this test process, started from the server's own
//     programs (initdb, postgres), the newest version found.
//
// Where neither exists the test is skipped with a sentence, or fails when
// CI=true or SWITCHBOARD_REQUIRE_POSTGRES=1.
//
// Guarantees: durability settings are PostgreSQL's defaults (fsync and
// synchronous_commit on), so what is measured or killed here behaves like a
// real server. A temporary cluster listens on loopback only, runs as an
// unprivileged user even when the tests run as root, and is stopped and
// removed by a watchdog even when the test process is killed.
//
// Cluster is for fault tests that stop, kill and restart a server of their own.
//
// Works on Unix. May import: the standard library and pgx.
package pgtest
