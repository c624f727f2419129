//go:build !plant_decide_first

package crm

import (
	"context"

	"switchboard"
)

// lookFirst asks the CRM who the person is: always before anything is decided (DEAL-2).
func (s *Saga) lookFirst(ctx context.Context, r run) ([]Found, []switchboard.Deal, error) {
	return s.lookUp(ctx, r)
}
