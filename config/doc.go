// Package config is the command line: commands, flags, environment and
// environment file in one documented struct, and their check.
//
// Purpose: Parse reads, Check turns text into typed settings. A flag wins over
// the environment, the environment over the file, the file over the default.
//
// Guarantees: every mistake is one sentence that names the variable and says
// what to write; all mistakes of one start are told together (Mistakes). A
// database password never stands in a sentence, a log or a help text. What
// would serve people's data unencrypted to the network is refused unless it is
// asked for in so many words.
//
// TrustedProxies also finds a caller's address behind the operator's proxies.
//
// May import: the standard library, kong, and the leaves secret and safehttp.
package config
