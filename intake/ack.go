//go:build !plant_ack

package intake

// acknowledgeFirst is what is answered before the commit: nothing (P1).
func acknowledgeFirst([]*delivery) {}
