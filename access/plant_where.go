//go:build plant_where

package access

// ownsChat without its condition: a planted bug. The tests of this package must fail
// when built with this tag; a suite that stays green cannot see a leak.
const ownsChat = `1 = 1`
