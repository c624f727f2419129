// Package contract holds the machine-readable description of the part of
// HubSpot's API that the product uses: version 2026-03, 51 paths and the
// batch of webhook events that HubSpot posts to us.
//
// The document is written by this project from documented facts; it is not a
// HubSpot document. It is stricter than the service where our own rules are
// stricter: a deal always carries pipeline and stage, a lead and a
// communication always carry an association, a batch has at most 100 records.
//
// Guarantees: the bytes never change at run time; every request of
// crm/hubspot and every answer of crm/hubspot/sandbox is checked against them
// in tests.
//
// May import: the standard library.
package contract
