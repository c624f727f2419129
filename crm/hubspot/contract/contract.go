package contract

import _ "embed"

// OpenAPI is the contract as an OpenAPI 3.0.3 document in JSON.
//
//go:embed hubspot-contract.openapi.json
var OpenAPI []byte
