// What a change of roles does, said before it is saved (SET-6).
import { t, type TextKey } from '../i18n/i18n.svelte';
import type { Role, RoleRow } from '../nouns';

/** Quality control cannot receive new clients, and nobody can without a role (QUEUE-3). */
export function canReceive(role: Role | undefined): boolean {
  return role === 'manager' || role === 'supervisor';
}

export function withRole(row: RoleRow, role: Role | undefined): RoleRow {
  const { employee, receives } = row;
  return { employee, ...(role ? { role } : {}), receives: receives && canReceive(role) };
}

const roleChange: Record<Role, TextKey> = {
  quality_control: 'roles.becomeQualityControl',
  manager: 'roles.becomeManager',
  supervisor: 'roles.becomeSupervisor',
};

/** One line per sort of change, each with the names it concerns. */
export function changesBetween(before: readonly RoleRow[], after: readonly RoleRow[]): string[] {
  const old = new Map(before.map((row) => [row.employee.id, row]));
  const names = new Map<TextKey, string[]>();
  const note = (key: TextKey, row: RoleRow) => names.set(key, [...(names.get(key) ?? []), row.employee.name]);
  for (const row of after) {
    const was = old.get(row.employee.id);
    if (row.role !== was?.role) note(row.role ? roleChange[row.role] : 'roles.loseAccess', row);
    if (row.receives && !was?.receives) note('roles.startReceiving', row);
    if (!row.receives && was?.receives) note('roles.stopReceiving', row);
  }
  return [...names].map(([key, list]) => t(key, { names: list.join(', '), count: list.length }));
}
