//go:build plant_dedupe

package reliability

const plant = "plant_dedupe"
