package app

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"switchboard"
	"switchboard/i18n"
)

// maxRoles bounds a channel's roles.
const maxRoles = 2000

// ReadRoles lists everybody with the role on a channel, those without one too (ROLE-3).
func (a *accountsAPI) ReadRoles(ctx context.Context, r ReadRolesRequestObject) (ReadRolesResponseObject, error) {
	var answer Roles
	err := a.Store.View(ctx, func(tx switchboard.Tx) (err error) {
		answer, err = a.roles(ctx, tx, switchboard.ChannelID(r.Channel))
		return err
	})
	return ReadRoles200JSONResponse(answer), err
}

func (a *accountsAPI) roles(ctx context.Context, tx switchboard.Tx, id switchboard.ChannelID) (Roles, error) {
	account := ViewerOf(ctx).Account
	answer := Roles{ChannelId: string(id), Rows: []RoleRow{}}
	if _, err := a.Store.Channel(ctx, tx, account, id); err != nil {
		return answer, err
	}
	held, err := a.Store.Roles(ctx, tx, account, id)
	if err != nil {
		return answer, fmt.Errorf("read roles: %w", err)
	}
	all, signIns, err := a.people(ctx, tx, account)
	if err != nil {
		return answer, err
	}
	for _, e := range all {
		i := slices.IndexFunc(held, func(r switchboard.RoleAssignment) bool { return r.Employee == e.ID })
		if i < 0 {
			answer.Rows = append(answer.Rows, RoleRow{Employee: employeeOf(e, signIns)})
			continue
		}
		answer.Rows = append(answer.Rows, RoleRow{Employee: employeeOf(e, signIns), Role: ref(Role(held[i].Role)), Receives: held[i].Receives})
	}
	return answer, nil
}

// auditedRole is a role as the audit shows it.
type auditedRole struct {
	Employee switchboard.EmployeeID `json:"employee"`
	Role     switchboard.Role       `json:"role"`
	Receives bool                   `json:"receives"`
}

// ChangeRoles makes the request the whole list of a channel's roles.
func (a *accountsAPI) ChangeRoles(ctx context.Context, r ChangeRolesRequestObject) (ChangeRolesResponseObject, error) {
	account, channel := ViewerOf(ctx).Account, switchboard.ChannelID(r.Channel)
	var answer Roles
	err := a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if _, err := a.Store.Channel(ctx, tx, account, channel); err != nil {
			return err
		}
		roles, err := a.readRoles(ctx, tx, *r.Body)
		if err != nil {
			return err
		}
		before, err := a.auditedRoles(ctx, tx, channel)
		if err != nil {
			return err
		}
		if err := a.Store.SetRoles(ctx, tx, account, channel, roles); err != nil {
			return fmt.Errorf("set roles: %w", err)
		}
		after, err := a.auditedRoles(ctx, tx, channel)
		if err != nil {
			return err
		}
		if !slices.Equal(before, after) {
			if err := a.audit(ctx, tx, "roles", r.Channel, before, after); err != nil {
				return err
			}
		}
		answer, err = a.roles(ctx, tx, channel)
		return err
	})
	return ChangeRoles200JSONResponse(answer), err
}

// readRoles checks a list of roles: known employees, each once, and nobody of quality
// control receives (QUEUE-3).
func (a *accountsAPI) readRoles(ctx context.Context, tx switchboard.Tx, body RolesChange) ([]switchboard.RoleAssignment, error) {
	if len(body.Rows) > maxRoles {
		return nil, invalid("rows")
	}
	all, err := a.Store.Employees(ctx, tx, ViewerOf(ctx).Account)
	if err != nil {
		return nil, fmt.Errorf("read employees: %w", err)
	}
	seen := map[switchboard.EmployeeID]bool{}
	roles := make([]switchboard.RoleAssignment, 0, len(body.Rows))
	for _, row := range body.Rows {
		role := switchboard.RoleAssignment{Employee: switchboard.EmployeeID(row.EmployeeId), Role: switchboard.Role(row.Role), Receives: row.Receives}
		e, known := employeeByID(all, role.Employee)
		switch {
		case !known:
			return nil, switchboard.Invalid("employeeId", string(i18n.EmployeeUnknown))
		case seen[e.ID]:
			return nil, &switchboard.Error{Code: switchboard.CodeInvalid, Message: string(i18n.EmployeeTwice), Field: "employeeId",
				Params: map[string]string{"name": e.Name}}
		case !role.Role.Valid():
			return nil, invalid("role")
		case role.Receives && !role.Role.CanReceive():
			return nil, switchboard.Invalid("receives", string(i18n.QualityControlCannotReceive))
		}
		seen[e.ID] = true
		roles = append(roles, role)
	}
	return roles, nil
}

func (a *accountsAPI) auditedRoles(ctx context.Context, tx switchboard.Tx, channel switchboard.ChannelID) ([]auditedRole, error) {
	held, err := a.Store.Roles(ctx, tx, ViewerOf(ctx).Account, channel)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	list := []auditedRole{}
	for _, r := range held {
		list = append(list, auditedRole{r.Employee, r.Role, r.Receives})
	}
	slices.SortFunc(list, func(x, y auditedRole) int { return cmp.Compare(x.Employee, y.Employee) })
	return list, nil
}
