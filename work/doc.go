// Package work does what is commanded: send this message, make this client exist in the
// CRM, move this follower on. It is the only package that knows River, and with
// package store the only one that writes SQL: the few statements about River's own
// table river_job, in postgres.go and sqlite.go.
//
// # Model
//
// Work is ordered per key: account, queue and, say, a chat. The items are rows of the
// domain, which also hold their attempts, due time and last error. A job says only
// "drain this key", and is unique per key while it is unfinished. River claims, wakes,
// schedules and elects a leader; a drain calls Queue.Step until nothing is left.
//
//	Insert --> available --> running --step, step, step--> row deleted   nothing left
//	                            |
//	                            +--> row replaced: available, now        5 s are over, or Stop
//	                            +--> row replaced: scheduled or          Wait, a failure, or
//	                                 available, later                    the next row is due later
//
// # Guarantees
//
//   - Items of one key are done one after another, by one process at a time.
//   - An item whose producer called Insert before it, in one transaction, is done
//     without any sweep. For others, Hint makes it soon and the sweep makes it certain.
//   - A step may run again after a crash: its rows say what was done.
//   - A process that was frozen or cut off while another took its job over commits no
//     end of that job and no transaction of a Step that calls Check, and exits with
//     ExitTakenOver.
//   - Logs carry ids, never the text of an error of a Step: the domain's rows hold that.
//
// # How the lost wake-up is closed
//
// A drain that looks, sees nothing and then returns can miss a row whose producer found
// the drain still running. So a drain ends in one transaction of its own: (1) one
// statement deletes the job's row where id, state, attempted_at and attempted_by are
// still those of this run; no row = somebody took over; (2) Queue.Pending looks again;
// rows there = roll back and go on.
//
// On PostgreSQL River's InsertManyTx is INSERT ... ON CONFLICT (unique_key) DO UPDATE
// SET kind = river_job.kind. DO UPDATE locks the conflicting row until the producer's
// transaction ends. Either the producer is first: the DELETE waits for it, finds the row
// still running, and Pending, a statement of its own under READ COMMITTED, sees the
// producer's rows. Or the drain is first: the insert waits for it, finds the row gone
// and inserts a new job. InsertManyFastTx (COPY, and DO NOTHING elsewhere) locks nothing
// on conflict and must not be used: that is the planted bug plant_fastinsert.
//
// On SQLite each of these transactions is the only writer from its BEGIN IMMEDIATE on, so
// the two happen one after the other. The insert has the same conflict clause and both
// kinds of insert are safe. A drain that returns without the closing transaction
// strands items on both engines: the planted bug plant_strand.
//
// Producers lock in one order: keys sorted, all keys of a transaction in one Insert,
// before any other row.
//
// # Why rows are deleted and replaced
//
// After a drain returns, River writes about its job once more, up to 250 ms later, and
// checks only that the id is running. Were the row put back for a later run (River's
// snooze), that write could hit the next run of it, on another node too, and end it
// unseen; a Wake that came before that write would be lost. A new row has a new id, and
// is made in the transaction that checked the fence. It also keeps the table as small
// as the work at hand: locking, completing and keeping each job measured 600 to 1140
// drains/s on PostgreSQL, deleting it in one statement 820 to 1220 in the same rounds.
//
// A time within 5 s is stored as available and later, because River's scheduler looks
// every 5 s, 5 s ahead; River's own short snoozes do the same.
//
// # Waking
//
// A drain asleep for want of due rows is woken by any Insert. One that waits for a
// failure or a limit to pass is not: new items wait with it, in order. Wake, for a
// person's Retry, wakes it, and leaves a note in the row of a running drain, which the
// drain's end obeys.
//
// Failures of Step, panics too, put the key to sleep for 1, 2, 4 ... 60 s by failures in
// a row, counted in the job's metadata.
//
// # How soon
//
// River announces inserts by NOTIFY within the transaction, but at most once in 2 ms and
// queue; nudge.go repeats what that holds back. On SQLite, where one process has the
// file, listener.go announces in memory: the fetch waits for the one connection that
// the inserting transaction has, and so comes right after its commit. Measured from
// before the insert's transaction to the step, on a busy 2-core machine: p50 3.3 ms on
// PostgreSQL, 2.8 ms on SQLite; drains of new keys, each inserted in a transaction of its
// own by 8 producers: 820 to 1220/s and 280 to 690/s.
//
// Polling is behind that. With eight queues an idle process takes, of one core, 29 % on
// SQLite polling every 10 ms, 16 % every 20 ms, 6 to 7 % every 100 ms, which is why it
// polls every 500 ms there; on PostgreSQL every 100 ms takes 3 to 4 %.
//
// # Nodes
//
// Each process renews a lease. On every node a housekeeper makes the running jobs of dead
// nodes available again, 10 to 12 s after their last sign of life; River's own rescue
// after 45 s is behind it. attempted_by and attempted_at stay, so the old owner's fence
// still fails. A node whose own renewals had a gap judges others only after a whole
// lease time: after an outage everybody's lease is over.
//
// Hold keeps a named lease with a fencing token for owners that live long; Every runs
// small jobs on one node at a time, the sweep among them.
//
// # Lifecycle
//
// Migrate (before our own migrations), New, Every, Start, Stop. New suffices to Insert.
// No network call and no call that takes a connection from the pool happens here while a
// transaction is open, and a Step must keep to that too.
//
// May import: the root package, River and its drivers, pgx.
package work
