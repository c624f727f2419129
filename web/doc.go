// Package web holds the built user interface: the full app, the chat window for a CRM frame and the site-chat widget.
//
// Files are built into dist by `make build` and embedded. Without a build the package still compiles, Built reports
// false and Handler says in words what to run. The interface talks to the application programming interface only.
//
// May import: the standard library.
package web
