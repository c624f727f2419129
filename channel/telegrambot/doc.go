// Package telegrambot connects bots of Telegram's Bot API 10.1: by long poll (needs no
// public address) or by webhook with its secret header.
//
// # Coming in
//
// Only private chats count; groups and channels are reported as ignored (CHAT-8). A
// message is known by its chat and message id, never by its update id, which starts
// anew after a silent week; for the same reason an offset is sent once, to confirm, and
// forgotten. The offset moves after the sink's commit (P1). An update whose content is
// not known, or not as documented, is an unsupported message named by its field; one
// whose frame cannot be read becomes an unreadable batch of its own and stops nothing;
// one that spoils the whole answer is singled out, and kept after three tries.
// Albums come as single messages. Telegram tells nothing of deletions.
//
// # Going out
//
// One call sends one message, and there is no idempotency key, so the class of a
// failure decides whether it may be repeated (CHAT-1):
//
//   - refused or failed before a connection was there: Retry. After that: Unknown, for
//     what was written may have arrived.
//   - an answer of the API with 500 or 503: Retry; it says itself that it failed.
//     With 502 and 504, and with the words restart, closing, aborted or timeout:
//     Unknown; that server had handed the message on, and bots that repeated on "502
//     Bad Gateway" are known to have sent twice.
//   - an answer that is not the API's: 2xx (cut, HTML) and 5xx: Unknown, for the same
//     reason; but 503, 3xx and 4xx: Retry, because whoever answered did not pass the
//     request on. 413: Permanent.
//   - 401 and 404: Auth. 403: PeerGone. 429: Throttled, for the chat at first and for
//     the whole bot when two chats are throttled at once, since Telegram does not say.
//   - 400: Permanent; with migrate_to_chat_id: Retry, and the receipt has the address.
//   - our own file fails while it is sent: Retry; the request was not completed.
//   - "ok" was read but not the message id: sent.
//
// # Why a client of our own
//
// Fifteen methods are all we call. github.com/go-telegram/bot v1.21.0 was run against
// the same local server. Of three updates, the second with a number out of range, its
// handler got none in 8 s and 7 polls, and would have got none for good: all updates of
// an answer are decoded as one value. It moves its offset before the handler returns.
// A gateway's page became an error without HTTP status that quotes the page; a lost
// answer and a refused connection differ in nothing but the text. Raw updates and
// unknown fields are gone after decoding. Classes and raw bodies would have had to be
// rebuilt beside it.
//
// Tokens are in every URL of this API: errors carry neither URLs nor bodies (P13).
//
// It imports the root package, packages channel, safehttp (for what it refused) and
// secret, and the standard library; the HTTP client is given.
package telegrambot
