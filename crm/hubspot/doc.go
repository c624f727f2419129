// Package hubspot connects an account to HubSpot: a thin REST client on one
// date-based API version, for a static token (service key or project app).
//
// Guarantees:
//   - One contact and one deal per client, whatever is repeated (DEAL-3): both carry
//     a unique property of ours, creates are upserts or are settled by reading that
//     property, and a create whose answer was lost is crm.Lost, never a failure.
//   - What a person typed into the CRM is never overwritten: adopting a record fills
//     only what is empty.
//   - Hits of the phone search are believed only after both numbers are the same in
//     E.164 (DEAL-2).
//   - Changes are listed without a clock of ours, by the CRM's own times, with an
//     overlap for the lag of its search; nothing is skipped.
//   - Each timeline entry of a call gets an outcome of its own; it is repeated only
//     when it certainly was not written (TIME-3).
//   - Every call passes the connection's limiter; answers are bounded; errors, and
//     what is observed, hold neither the token nor personal data (P13).
//
// A Client holds no connection and needs no closing; it is safe for several
// goroutines. Copies made by WithLane and WithPortal share what is learned about
// limits. Nothing is called inside a transaction, and nothing is repeated by itself
// except where a method's comment says so: repeating is the caller's (job's) work.
//
// VerifySignature checks requests that HubSpot signs (v3 only).
//
// May import: the root package, crm, phone, secret and the standard library. The
// network is passed in (safehttp in production).
package hubspot
