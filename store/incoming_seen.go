//go:build !plant_dedupe

package store

// onSeenKey is what becomes of a message whose key is claimed already: nothing (P2).
const onSeenKey = ` ON CONFLICT DO NOTHING`
