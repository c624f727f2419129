//go:build !plant_strand

package work

import "errors"

// finish ends a drain that found nothing to do. It says false when rows came in
// meanwhile and the drain has to go on.
func (d *drain) finish() (ended bool, err error) {
	err = d.close(d.look)
	var pending *pendingError
	switch {
	case errors.Is(err, errMore):
		d.contradictions++
		return false, nil
	case errors.As(err, &pending):
		return true, d.fail(err)
	default:
		return true, err
	}
}
