import { beforeAll, describe, expect, it } from 'vitest';
import en from '../i18n/en.json';
import { texts, type Words } from '../i18n/i18n.svelte';
import type { Role, RoleRow } from '../nouns';
import { changesBetween, withRole } from './roles';

function roleRow(name: string, role?: Role, receives = false): RoleRow {
  const employee = { id: name, name, email: '', admin: false, active: true, activeInCRM: true, signedUp: true };
  return { employee, receives, ...(role ? { role } : {}) };
}

describe('roles', () => {
  beforeAll(() => texts.use('en', en as unknown as Words));

  it('that cannot receive switch the distribution off (QUEUE-3)', () => {
    const anna = roleRow('Anna', 'manager', true);
    expect(withRole(anna, 'quality_control').receives).toBe(false);
    expect(withRole(anna, undefined)).toEqual(roleRow('Anna'));
    expect(withRole(anna, 'supervisor').receives).toBe(true);
  });

  it('say what changes before it is saved (SET-6)', () => {
    const before = [roleRow('Anna', 'manager', true), roleRow('Boris', 'manager'), roleRow('Vera')];
    const after = [roleRow('Anna', 'quality_control'), roleRow('Boris'), roleRow('Vera', 'manager', true)];
    expect(changesBetween(before, after)).toEqual([
      'Quality control: Anna',
      'Will receive no new clients: Anna',
      'No more access: Boris',
      'Manager: Vera',
      'Will receive new clients: Vera',
    ]);
    expect(changesBetween(before, before)).toEqual([]);
  });
});
