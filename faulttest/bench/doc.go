// Command bench measures speed, memory and size (`make bench`).
//
// Purpose: ratios that travel. The limit is the smallest honest way of a client's
// message on the same machine, database and driver: parse a webhook, dedupe, chat,
// message, raw body, one work row, commit, push to a live connection. It runs in a
// process of its own, interleaved with the product (the real binary), in one run; a
// figure is the product's share of the limit, as min / median / max of the rounds,
// with the absolute figures beside it. A limit that reaches less than 1850
// messages/s at 8 senders on PostgreSQL makes the ratios void, and the report says so.
//
// What is measured beside it: round trips, CPU of server and database, live delivery,
// the cost of batching, lists at 10,000 and 100,000 chats, CRM calls, start, memory and
// sizes. The limit's senders and the product's are the same code; the process that is
// not measured stands still (SIGSTOP).
//
// The command needs SWITCHBOARD_BINARY and the PostgreSQL of
// SWITCHBOARD_TEST_POSTGRES, keeps to loopback and a temporary folder, ends by itself
// within ten minutes, and ends what it started.
//
// May import: anything; nothing imports it.
package main
