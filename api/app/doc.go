// Package app serves the app API of api/app.yaml: what the web app and the chat
// frame in a CRM speak. The route table is the permission list: every operation
// names who may call it, and every answer is filtered by package access under the
// viewer's present rights (ROLE-4). Foreign and missing answer alike.
//
// It imports the root package, access and the interfaces it declares itself.
package app
