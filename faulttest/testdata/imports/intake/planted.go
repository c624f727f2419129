// Package intake is a planted violation.
package intake

import _ "github.com/riverqueue/river"
