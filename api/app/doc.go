// Package app serves the app API of api/app.yaml: what the web app and the chat
// frame in a CRM speak. The route table is the permission list: every operation
// names who may call it, and every answer is filtered by package access under the
// viewer's present rights (ROLE-4). Foreign and missing answer alike.
//
// Every request passes one door: headers, origin, text, session, permission, body.
// Bodies are read strictly; errors become problems (RFC 9457) in one place, in the
// viewer's language; what nobody expected is logged once and shown by its id only.
// Changes of settings are audited with before and after, without secrets (SET-2).
//
// May import: the root package, access, channel (capabilities, set-up), routing (what
// would become of a client), i18n, secret, phone. The rest comes over interfaces
// declared here.
package app
