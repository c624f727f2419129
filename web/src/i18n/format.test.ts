import { beforeAll, describe, expect, it } from 'vitest';
import en from './en.json';
import { dayLabel, fileSize, listTime, seconds, waitingTime } from './format';
import { texts, type Words } from './i18n.svelte';

const now = new Date(2026, 4, 20, 12, 0).getTime();
const at = (...parts: [number, number, number, number?, number?]) => new Date(...parts).toISOString();

describe('times', () => {
  beforeAll(() => texts.use('en', en as unknown as Words));

  it('of a list grow coarser with age', () => {
    expect(listTime(at(2026, 4, 20, 9, 5), now)).toBe('9:05 AM');
    expect(listTime(at(2026, 4, 18, 9), now)).toBe('Mon');
    expect(listTime(at(2026, 1, 3), now)).toBe('Feb 3');
    expect(listTime(at(2025, 1, 3), now)).toBe('2/3/25');
  });

  it('of another time zone’s clock a minute ahead are still today', () => {
    expect(listTime(at(2026, 4, 20, 12, 1), now)).toBe('12:01 PM');
  });

  it('of days are named', () => {
    expect(dayLabel(at(2026, 4, 20, 1), now)).toBe('Today');
    expect(dayLabel(at(2026, 4, 19, 23, 59), now)).toBe('Yesterday');
    expect(dayLabel(at(2024, 4, 19), now)).toBe('May 19, 2024');
  });

  it('of waiting are said from the first minute on', () => {
    const waited = (minutes: number) => waitingTime(new Date(now - minutes * 60_000).toISOString(), now);
    expect([0, 1, 59, 60, 60 * 24].map(waited)).toEqual(['', '1 min', '59 min', '1 h', '1 d']);
  });
});

describe('sizes', () => {
  it('of files are told in the unit that people use', () => {
    expect([0, 999, 482_113, 52_428_800].map(fileSize)).toEqual(['0 byte', '999 byte', '482 kB', '52.4 MB']);
  });

  it('of sounds are minutes and seconds', () => {
    expect([0, 7, 61.9, 600].map(seconds)).toEqual(['0:00', '0:07', '1:01', '10:00']);
  });
});
