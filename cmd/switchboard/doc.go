// Command switchboard is the whole product in one binary: `serve` runs it, `demo`
// shows a company at work, `migrate`, `doctor` and `admin` help the person who runs
// it.
//
// This package is wiring only: it opens what the packages need, hands each to the
// others as the narrow interface they declare, and ends everything in order. It may
// import everything; nobody imports it.
package main
