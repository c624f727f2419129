// Package sandbox is a planted violation.
package sandbox

import _ "switchboard/secret"
