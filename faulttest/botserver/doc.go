// Command botserver runs the stand-ins of Telegram and HubSpot as one process, for
// end-to-end tests in other languages:
//
//	botserver [-language ru]
//
// It listens on loopback ports of its own, prints one line of JSON with its addresses
//
//	{"controlURL", "telegramURL", "crmURL", "crmToken", "appSecret"}
//
// and ends when its standard input closes, so that it never outlives its test. The
// control port plays people (see control.go) and makes PostgreSQL databases, which are
// dropped at the end. What bots sent is waited for, not polled.
//
// May import: the stand-ins, pgx and the standard library.
package main
