// Package routing is a planted violation.
package routing

import _ "switchboard/store"
