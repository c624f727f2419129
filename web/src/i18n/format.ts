// Times, sizes and durations in the active language.
import { t, texts } from './i18n.svelte';

const day = 86_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();

function format(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = texts.language + JSON.stringify(options);
  const known = formats.get(key) ?? new Intl.DateTimeFormat(region(), options);
  formats.set(key, known);
  return known;
}

/** The reader's own region of the active language: the clock of en-GB is not that of en-US. */
function region(): string {
  const spoken = typeof navigator === 'undefined' ? [] : (navigator.languages ?? []);
  return spoken.find((tag) => tag.startsWith(texts.language)) ?? texts.language;
}

function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

/** Days from one local date to another; half a day of slack for the changes to and from summer time. */
function daysBetween(earlier: number, later: number): number {
  return Math.round((startOfDay(later) - startOfDay(earlier)) / day);
}

/** For a list: the hour today, the weekday this week, else the date. */
export function listTime(at: string, now: number): string {
  const time = Date.parse(at);
  const days = daysBetween(time, now);
  if (days <= 0) return clockTime(at);
  if (days < 7) return format({ weekday: 'short' }).format(time);
  const isThisYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return format(isThisYear ? { day: 'numeric', month: 'short' } : { dateStyle: 'short' }).format(time);
}

export function clockTime(at: string): string {
  return format({ hour: 'numeric', minute: '2-digit' }).format(Date.parse(at));
}

export function fullTime(at: string): string {
  return format({ dateStyle: 'long', timeStyle: 'medium' }).format(Date.parse(at));
}

export function shortDateTime(at: string): string {
  return format({ day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' }).format(Date.parse(at));
}

/** The pill between days of a thread. */
export function dayLabel(at: string, now: number): string {
  const time = Date.parse(at);
  const days = daysBetween(time, now);
  if (days === 0) return t('day.today');
  if (days === 1) return t('day.yesterday');
  const isThisYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return format({ day: 'numeric', month: 'long', ...(isThisYear ? {} : { year: 'numeric' }) }).format(time);
}

/** A key that is equal for two times of one local day. */
export function dayKey(at: string): number {
  return startOfDay(Date.parse(at));
}

/** How long somebody has been waiting; empty below a minute. */
export function waitingTime(since: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(since)) / 60_000);
  if (minutes < 1) return '';
  if (minutes < 60) return t('waiting.minutes', { count: minutes });
  if (minutes < 60 * 24) return t('waiting.hours', { count: Math.floor(minutes / 60) });
  return t('waiting.days', { count: Math.floor(minutes / 60 / 24) });
}

export function fileSize(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(bytes, 1)) / 3)));
  return new Intl.NumberFormat(texts.language, {
    style: 'unit',
    unit: units[power],
    unitDisplay: 'short',
    maximumFractionDigits: power < 2 ? 0 : 1,
  }).format(bytes / 1000 ** power);
}

export function seconds(total: number): string {
  return `${Math.floor(total / 60)}:${String(Math.floor(total % 60)).padStart(2, '0')}`;
}
