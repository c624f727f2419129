//go:build !plant_ack && !plant_dedupe

package reliability

// plant is the planted bug that the binary is built with.
const plant = ""
