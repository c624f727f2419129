// Package switchboard holds the product's nouns: what a company, its channels,
// clients, chats, messages and employees are. It has no behaviour that touches a
// disk, a network or a clock, and imports the standard library only; every other
// package imports this one and not its neighbours.
package switchboard
