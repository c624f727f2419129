// Package media keeps files: what clients and employees send each other.
//
// Purpose: Store is the blob interface; Disk keeps blobs in a folder. A blob
// is written once under a key of its own, read any number of times, deleted.
// Who may read a blob is decided by the caller (ROLE-4).
//
// Guarantees: after Put returns, the bytes are on disk under their final name,
// whole, with size, SHA-256 and the type read from the content (never from
// what a sender claims). A failed or cut Put leaves no blob. A key made of
// anything but what Put returned reaches no file. The bound of a Put is
// checked while reading; nothing is held in memory beyond a small buffer.
//
// Delivery decides how a browser gets a blob: pictures, sound and video that
// cannot carry scripts inline, everything else as an attachment (S8).
//
// May import: the standard library and gabriel-vasile/mimetype.
package media
