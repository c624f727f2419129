//go:build plant_ack

package reliability

const plant = "plant_ack"
