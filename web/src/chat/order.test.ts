import { describe, expect, it } from 'vitest';
import { message, row } from '../test/rows';
import { firstUnansweredSeq, steadyOrder } from './order';
import { summary, textLength } from './words';

describe('order under the mouse', () => {
  const rows = ['a', 'b', 'c', 'd'].map((id) => row(id, 1));
  const ids = (list: { id: string }[]) => list.map((one) => one.id).join('');

  it('stays as it was when a row moves up', () => {
    const moved = ['c', 'a', 'b', 'd'].map((id) => row(id, 1));
    expect(ids(steadyOrder(moved, ['a', 'b', 'c', 'd']))).toBe('abcd');
  });

  it('lets gone rows leave and new ones wait', () => {
    expect(ids(steadyOrder([row('new', 9), ...rows.slice(1)], ['a', 'b', 'c', 'd']))).toBe('bcd');
  });

  it('lets older pages follow at the end', () => {
    expect(ids(steadyOrder([...rows, row('e', 0)], ['a', 'b', 'c', 'd']))).toBe('abcde');
  });
});

describe('first unanswered message', () => {
  it('is found from the end, passing events over (UNANS-1)', () => {
    const list = [
      message(1),
      message(2, { direction: 'out' }),
      message(3),
      message(4, { kind: 'service' }),
      message(5),
    ];
    expect(firstUnansweredSeq(list, 2)).toBe(3);
    expect(firstUnansweredSeq(list, 1)).toBe(5);
    expect(firstUnansweredSeq([], 3)).toBeUndefined();
  });
});

describe('words of a message', () => {
  it('are counted in the transport’s unit (CHAT-6)', () => {
    expect(textLength('a😊', 'runes')).toBe(2);
    expect(textLength('a😊', 'utf16')).toBe(3);
  });

  it('stand in one line of a list', () => {
    expect(summary({ kind: 'text', text: ' two\n lines ' })).toBe('two lines');
  });
});
