// Package channeltest has what tests of channels share: Fake, a messenger in memory
// with faults and a ledger, and Conform, the suite that every connector passes.
//
// Fake speaks a small JSON of its own ("fake"), polls and takes webhooks, and lets an
// employee write first (DEAL-6). It has no idempotency key on purpose: what is sent
// twice arrives twice, and the ledger shows it (P5). It keeps its state across lines,
// so a line may be closed and opened again, as after a restart.
//
// It imports the root package, package channel and the standard library.
package channeltest
