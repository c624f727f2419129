// Package phone turns what people write as a phone number into E.164 ("+79161234567").
//
// Purpose: one person's number is one text, however it was written, so that
// clients and CRM contacts are found by it (DEAL-2, DEAL-9). The raw text is
// kept by the caller; this package only derives.
//
// Guarantees: pure and safe for several goroutines; a result is a valid number
// of a country's numbering plan or none at all; parsing a result gives the
// same result; extensions are dropped; Brazilian mobile numbers without their
// ninth digit and Mexican ones with the old "1" become today's form.
//
// May import: the standard library and nyaruka/phonenumbers.
package phone
