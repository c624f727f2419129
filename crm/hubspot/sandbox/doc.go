// Package sandbox is a stand-in HubSpot: somebody else's CRM, on its own port,
// for demonstrations and for tests over real HTTP.
//
// It speaks version 2026-03 of the object, association, owner, pipeline,
// property and account endpoints, keeps what it is told, and behaves like the
// service where integrations stumble: search that lags behind writes, unique
// properties with the documented 409 text, partly failed batches (207), rate
// limits with their policies, locked records, replies that never arrive.
// People use it through its pages: lists, contact and deal records with their
// activity, and a card that opens the connected app's chat in a frame after a
// v3-signed fetch.
//
// Guarantees:
//   - Every JSON answer agrees with crm/hubspot/contract, unless a fault
//     was asked for that spoils the body or answers 504 (not in the contract).
//   - What was answered is kept: with Config.Dir set it also survives the
//     death of the process (each change is appended to a file before the
//     answer is sent; a torn last line is dropped at the next start).
//   - Every API call is written down in a ledger with its outcome and fault.
//   - Bodies, batches, pages, the ledger in memory and held connections are
//     bounded. All methods are safe for concurrent use.
//
// Lifecycle: New reads or seeds the state, Handler serves, Close ends held
// requests and the files. The clock and the client of the signed fetch are
// passed in.
//
// May import: the standard library, and nothing of the product: the sandbox
// must not share the product's mistakes.
package sandbox
