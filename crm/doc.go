// Package crm says what a CRM must be able to do, and does with it what every CRM
// needs: the client saga (client -> contact -> deal, each step a row), the mirror of
// owners, pipelines, contacts and deals, and the timeline follower.
//
// Guarantees: one contact and one deal per new client whatever is retried, lost or
// crashes (DEAL-3); a create whose answer was lost is *unknown* and looked up before
// anything is sent again; every message reaches the timeline once per record, in
// order per contact (TIME-3). No call is made while a transaction is open.
//
// It imports the root package, routing, work and journal.
package crm
