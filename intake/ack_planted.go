//go:build plant_ack

package intake

// acknowledgeFirst of this build has a planted bug: everybody is answered before the
// commit.
func acknowledgeFirst(group []*delivery) {
	for _, w := range group {
		close(w.ready)
	}
}
