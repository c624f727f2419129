// Command pgrun runs a command beside one temporary PostgreSQL server:
//
//	go run ./store/pgtest/cmd/pgrun -- go test ./...
//
// The command finds the server's URL in SWITCHBOARD_TEST_POSTGRES. pgrun ends
// with the command's exit code and leaves nothing behind. A URL that is
// already set is used as it is. Where this machine has no PostgreSQL the
// command runs without one (tests skip with a sentence), or pgrun fails when
// CI=true or SWITCHBOARD_REQUIRE_POSTGRES=1.
//
// May import: the standard library and store/pgtest.
package main
