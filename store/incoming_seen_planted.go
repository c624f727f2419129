//go:build plant_dedupe

package store

// onSeenKey of this build has a planted bug: a claimed key is claimed again, so every
// delivery is stored.
const onSeenKey = ` ON CONFLICT (account_id, channel_id, key) DO UPDATE SET chat_id = EXCLUDED.chat_id, message_id = EXCLUDED.message_id`
