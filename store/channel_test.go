package store_test

import (
	"testing"

	"switchboard"
	"switchboard/store"
	"switchboard/store/storetest"
)

// SET-2: a channel that was looked up a moment ago is not remembered over its change.
func TestAChangedChannelIsSeenAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.Store) {
		h := newHouse(t, db)
		ch, err := db.Channel(t.Context(), nil, h.account, h.channel)
		if err != nil {
			t.Fatal(err)
		}
		for _, state := range []switchboard.ChannelState{switchboard.ChannelActive, switchboard.ChannelDisabled, switchboard.ChannelActive} {
			ch.State = state
			h.inTx(func(tx switchboard.Tx) error { return db.ChangeChannel(t.Context(), tx, ch) })
			for range 2 {
				if got, err := db.ChannelByKey(t.Context(), ch.Key); err != nil || got.State != state {
					t.Errorf("found %q, %v; it is %q", got.State, err, state)
				}
			}
		}
		if _, err := db.ChannelByKey(t.Context(), "unknown"); switchboard.CodeOf(err) != switchboard.CodeNotFound {
			t.Errorf("an unknown key: %v", err)
		}
	})
}
