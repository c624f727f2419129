// Package channel says what a transport must and may be able to do.
//
// A connector knows its messenger's protocol and nothing else: it verifies and
// decodes what comes in (pure: no database, no network) and performs one call for
// what goes out. Dedupe, order within a chat, limits per channel and peer, retries,
// "maybe sent" and storing belong to packages intake and send.
//
// Lifecycle: the registry makes one Connector per transport; Open makes one Line per
// channel of that transport, held by the node that owns the channel's lease when the
// transport polls. A Line may be closed and opened again at any time.
//
// It imports the root package and the standard library only.
package channel
