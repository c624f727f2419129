// Package newclient holds what is promised about new clients, on the real store of
// both engines with the real jobs, saga, timeline and HubSpot client in one process,
// against the stand-in HubSpot over real HTTP: one person is one contact and one deal
// (P7), turns are fair (QUEUE-2), known clients take none (QUEUE-8), whatever the CRM
// loses, refuses or hides.
//
// Every run also holds each call against the contract of HubSpot's API, refuses calls
// made while a transaction is open, and searches the logs, at debug level, for texts,
// names, phones and secrets (P13).
//
// May import: anything; nothing imports it.
package newclient
