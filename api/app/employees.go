package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"switchboard"
	"switchboard/i18n"
)

var (
	errLastAdministrator = &switchboard.Error{Code: switchboard.CodeConflict, Message: string(i18n.LastAdministrator)}
	errBlocked           = &switchboard.Error{Code: switchboard.CodeConflict, Message: string(i18n.EmployeeBlocked)}
)

// ListEmployees lists everybody of the account.
func (a *accountsAPI) ListEmployees(ctx context.Context, _ ListEmployeesRequestObject) (ListEmployeesResponseObject, error) {
	account := ViewerOf(ctx).Account
	answer := ListEmployees200JSONResponse{Employees: []Employee{}}
	err := a.Store.View(ctx, func(tx switchboard.Tx) error {
		all, signIns, err := a.people(ctx, tx, account)
		for _, e := range all {
			answer.Employees = append(answer.Employees, employeeOf(e, signIns))
		}
		return err
	})
	return answer, err
}

func (a *accountsAPI) people(ctx context.Context, tx switchboard.Tx, account switchboard.AccountID) ([]switchboard.Employee, map[switchboard.EmployeeID]time.Time, error) {
	all, err := a.Store.Employees(ctx, tx, account)
	if err != nil {
		return nil, nil, fmt.Errorf("read employees: %w", err)
	}
	signIns, err := a.Store.SignIns(ctx, tx, account)
	if err != nil {
		return nil, nil, fmt.Errorf("read sign-ins: %w", err)
	}
	return all, signIns, nil
}

func employeeOf(e switchboard.Employee, signIns map[switchboard.EmployeeID]time.Time) Employee {
	last, signedUp := signIns[e.ID]
	inCRM := e.Owner != ""
	return Employee{Id: string(e.ID), Name: e.Name, Email: e.Email, Admin: e.Admin, Active: e.Active, ActiveInCRM: e.ActiveInCRM,
		InCRM: &inCRM, SignedUp: signedUp, LastSignInAt: stampRef(last)}
}

// rights is what an administrator changes of an employee, as the audit shows it.
type rights struct {
	Admin  bool `json:"admin"`
	Active bool `json:"active"`
}

// ChangeEmployee makes somebody administrator or not, blocks or unblocks. Who is
// blocked is signed out at once (ROLE-5). The last administrator stays.
func (a *accountsAPI) ChangeEmployee(ctx context.Context, r ChangeEmployeeRequestObject) (ChangeEmployeeResponseObject, error) {
	account := ViewerOf(ctx).Account
	var answer Employee
	err := a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		if _, err := a.Store.LockAccount(ctx, tx, account); err != nil { // two administrators cannot remove each other
			return fmt.Errorf("lock account: %w", err)
		}
		e, err := a.Store.LockEmployee(ctx, tx, account, switchboard.EmployeeID(r.Employee))
		if err != nil {
			return err
		}
		before := rights{e.Admin, e.Active}
		after := rights{value(r.Body.Admin, e.Admin), value(r.Body.Active, e.Active)}
		if before != after {
			if e, err = a.changeRights(ctx, tx, e, before, after); err != nil {
				return err
			}
		}
		signIns, err := a.Store.SignIns(ctx, tx, account)
		answer = employeeOf(e, signIns)
		return err
	})
	return ChangeEmployee200JSONResponse(answer), err
}

func (a *accountsAPI) changeRights(ctx context.Context, tx switchboard.Tx, e switchboard.Employee, before, after rights) (switchboard.Employee, error) {
	account := ViewerOf(ctx).Account
	if before == (rights{true, true}) && after != before {
		others, err := a.Store.OtherAdmins(ctx, tx, account, e.ID)
		if err != nil {
			return e, fmt.Errorf("count administrators: %w", err)
		}
		if others == 0 {
			return e, errLastAdministrator
		}
	}
	e.Admin, e.Active = after.Admin, after.Active
	if err := a.Store.SaveEmployee(ctx, tx, account, e); err != nil {
		return e, fmt.Errorf("save employee: %w", err)
	}
	if !after.Active {
		if err := a.Store.EndSessions(ctx, tx, account, e.ID); err != nil {
			return e, fmt.Errorf("end sessions: %w", err)
		}
	}
	return e, a.audit(ctx, tx, "employee", string(e.ID), before, after)
}

// value gives an optional field, or what is there already.
func value[T any](given *T, there T) T {
	if given == nil {
		return there
	}
	return *given
}

// Invite makes a link that is shown this once (SET-0).
func (a *accountsAPI) Invite(ctx context.Context, r InviteRequestObject) (InviteResponseObject, error) {
	account := ViewerOf(ctx).Account
	var answer Invite201JSONResponse
	err := a.Store.InTx(ctx, func(tx switchboard.Tx) error {
		e, err := a.Store.LockEmployee(ctx, tx, account, switchboard.EmployeeID(r.Employee))
		if err != nil {
			return err
		}
		if !e.Active {
			return errBlocked
		}
		token, expires, err := a.Auth.Invite(ctx, tx, account, e.ID)
		if err != nil {
			return fmt.Errorf("invite: %w", err)
		}
		// Behind #, which browsers tell neither servers nor other sites.
		answer.Url, answer.ExpiresAt = trimmed(a.Public)+"/invitation#"+token.Reveal(), stamp(expires)
		return a.audit(ctx, tx, "invitation", string(e.ID), nil, nil)
	})
	return answer, err
}

// employeeByID finds one of a list.
func employeeByID(all []switchboard.Employee, id switchboard.EmployeeID) (switchboard.Employee, bool) {
	i := slices.IndexFunc(all, func(e switchboard.Employee) bool { return e.ID == id })
	if i < 0 {
		return switchboard.Employee{}, false
	}
	return all[i], true
}
