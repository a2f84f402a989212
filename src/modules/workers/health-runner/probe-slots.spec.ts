import { describe, expect, it } from '@jest/globals';
import { ProbeSlots } from './probe-slots.js';

describe('ProbeSlots', () => {
  const started: string[] = [];
  const slots = (limit: number, perTarget: number) => {
    started.length = 0;
    const made = new ProbeSlots(limit, perTarget);
    return {
      slots: made,
      ask: (target: string, name: string) => made.acquire(target, () => started.push(name)),
    };
  };

  it('lets n start at a time, and the others in their order', () => {
    const { slots: own, ask } = slots(2, 2);
    for (const name of ['a', 'b', 'c', 'd']) ask(name, name);
    expect(started).toEqual(['a', 'b']);
    own.release('a');
    own.release('b');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    expect(own.size).toBe(2);
  });

  it('lets those of a busy target wait, and no others', () => {
    const { slots: own, ask } = slots(10, 1);
    ask('x', 'x1');
    ask('x', 'x2');
    ask('y', 'y1');
    expect(started).toEqual(['x1', 'y1']);
    own.release('x');
    expect(started).toEqual(['x1', 'y1', 'x2']);
  });

  it('starts nothing of what it was told to forget', () => {
    const { slots: own, ask } = slots(1, 1);
    ask('x', 'x1');
    ask('x', 'x2');
    own.clear();
    own.release('x');
    expect(started).toEqual(['x1']);
    expect(own.size).toBe(0);
  });
});
