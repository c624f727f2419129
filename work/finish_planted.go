//go:build plant_strand

package work

import (
	"time"

	"switchboard"
)

// finish of this build has a planted bug: it looks, sees nothing and returns, without
// the closing transaction.
func (d *drain) finish() (ended bool, err error) {
	var due *time.Time
	err = d.client.config.Store.InTx(d.ctx, func(tx switchboard.Tx) error {
		due, err = d.queue.Pending(d.ctx, tx, d.key)
		return err
	})
	return due == nil || err != nil, err
}
