// Package contracttest holds HTTP traffic against HubSpot's contract, in tests.
//
// RoundTripper stands on the caller's side, Handler on the server's. Both pass the
// traffic on unchanged and report to the test what does not agree: an address the
// contract does not have, a request body, an answer's status or body. What is not a
// whole JSON document (a page, a cut answer) is a planned fault, not an answer: it is
// passed on and not judged. Judged tells how much was.
//
// Both are safe for several goroutines, and silent once the test has ended.
//
// May import: the contract and kin-openapi.
package contracttest
