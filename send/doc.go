// Package send brings queued messages to their transport and notes what became of
// them.
//
// Guarantees. A message is accepted once per client-made id. Within a chat messages go
// out in their order. A try is marked as under way and committed before the call; when
// its answer is lost, or the process dies in between, the message is "maybe sent" and
// is never repeated blindly (CHAT-1, P5), unless the transport delivers one id once.
// Late answers of a node that lost its try change nothing (fence). Limits of the
// channel and of the peer are rows in the database, right across nodes.
//
// States: see switchboard.Status. The queue is "send", the key is the chat.
//
// It imports the root package, channel and work.
package send
