import type { ChatRow, Message } from '../nouns';

/** The rows in the order held since the mouse came in: known ones keep their places, gone ones leave, new ones wait. */
export function steadyOrder(rows: readonly ChatRow[], held: readonly string[]): ChatRow[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const lastHeld = held.reduce((last, id, index) => (byId.has(id) ? index : last), -1);
  const kept = held.slice(0, lastHeld + 1).flatMap((id) => byId.get(id) ?? []);
  const heldIds = new Set(held);
  const keptLast = kept.at(-1);
  // Older pages that were loaded meanwhile follow at the end; only what moved up from below waits.
  const from = keptLast ? rows.indexOf(keptLast) : -1;
  return [...kept, ...rows.slice(from + 1).filter((row) => !heldIds.has(row.id))];
}

/** The number of the first of the newest `unanswered` messages that count as such (UNANS-1). */
export function firstUnansweredSeq(messages: readonly Message[], unanswered: number): number | undefined {
  const counted = messages.filter((message) => message.direction === 'in' && message.kind !== 'service');
  return counted.at(-Math.min(unanswered, counted.length))?.seq;
}
