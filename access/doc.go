// Package access says who may see and do what (product section 4).
//
// The rule exists twice by hand: Can, a pure function, and SeesChat, the same rule as
// an SQL condition for lists, searches and counts. Visibility always stands in the
// WHERE clause, never behind a LIMIT. A third, naive model in the tests, typed from
// the product's tables, judges both on random worlds in both database engines.
//
// Guarantees: what is not allowed by a line of the table is refused; another account
// and a missing role see nothing (ROLE-2); administrators get nothing but settings
// from being administrators. Every refusal has a reason in words (ROLE-6), and what a
// viewer may not see is answered as if it did not exist (ROLE-4).
//
// The rights are those of the moment: callers load Viewer and Subject anew for every
// request and every live event (ROLE-5). Blocked employees have no session and so
// never become a Viewer.
//
// It imports the root package and the standard library only.
package access
