// Package crmtest is the suite that every CRM connector must pass, against a stand-in
// of its CRM over real HTTP, with faults.
//
// A connector's test calls Run with a Factory that makes the connector and a Stand:
// the stand-in as its users and its network see it. The suite knows no CRM.
//
// What it proves: one contact and one deal whatever is retried, lost or refused
// (DEAL-3); hits of the phone search are re-verified (DEAL-2); changes are never missed
// and need no clock of ours (OWNER-1); each timeline entry stands once (TIME-3); calls
// stay within what was promised (performance: 4 per new client, 12 per 1000 entries);
// errors have their class and hold no personal data (P13). Each check of a fault also
// fails when the fault never fired.
//
// May import: the root package, crm and the test libraries.
package crmtest
