import { describe, expect, it } from '@jest/globals';
import { ProbeSlots } from './probe-slots.js';

describe('ProbeSlots', () => {
  const started: string[] = [];
  const slots = (total: number, perTarget: number, perTenant = total) => {
    started.length = 0;
    const made = new ProbeSlots({ total, perTarget, perTenant });
    return {
      slots: made,
      ask: (target: string, name: string, tenant = 'acme') =>
        made.acquire({ tenant, target }, () => started.push(name)),
      end: (target: string, tenant = 'acme') => made.release({ tenant, target }),
    };
  };

  it('lets n start at a time, and the others in their order', () => {
    const { slots: own, ask, end } = slots(2, 2);
    for (const name of ['a', 'b', 'c', 'd']) ask(name, name);
    expect(started).toEqual(['a', 'b']);
    end('a');
    end('b');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    expect(own.size).toBe(2);
  });

  it('lets those of a busy target wait, and no others', () => {
    const { ask, end } = slots(10, 1);
    ask('x', 'x1');
    ask('x', 'x2');
    ask('y', 'y1');
    expect(started).toEqual(['x1', 'y1']);
    end('x');
    expect(started).toEqual(['x1', 'y1', 'x2']);
  });

  it('starts nothing of what it was told to forget', () => {
    const { slots: own, ask, end } = slots(1, 1);
    ask('x', 'x1');
    ask('x', 'x2');
    own.clear();
    end('x');
    expect(started).toEqual(['x1']);
    expect(own.size).toBe(0);
  });

  it('leaves room for others beside a tenant that would take it all', () => {
    const { ask, end } = slots(5, 5, 4);
    for (let n = 0; n < 100; n++) ask(`slow ${n}`, `greedy ${n}`, 'greedy');
    expect(started).toHaveLength(4);
    ask('y', 'other', 'other');
    expect(started.at(-1)).toBe('other');
    end('slow 0', 'greedy');
    expect(started.at(-1)).toBe('greedy 4');
  });

  it('gives what becomes free to the tenant with the fewest, and to those with as many in their order', () => {
    const { ask, end } = slots(3, 3);
    for (const n of [1, 2, 3, 4, 5]) ask('slow', `greedy ${n}`, 'greedy');
    ask('b', 'b 1', 'b');
    ask('b', 'b 2', 'b');
    ask('c', 'c 1', 'c');
    expect(started).toEqual(['greedy 1', 'greedy 2', 'greedy 3']);
    for (let n = 0; n < 3; n++) end('slow', 'greedy');
    expect(started.slice(3)).toEqual(['b 1', 'c 1', 'greedy 4']);
    end('c', 'c');
    expect(started.at(-1)).toBe('greedy 5');
    end('b', 'b');
    expect(started.at(-1)).toBe('b 2');
  });

  it('counts a target for all tenants, and lets nobody wait for the target of another', () => {
    const { ask, end } = slots(10, 1);
    ask('x', 'a', 'a');
    ask('x', 'b', 'b');
    ask('y', 'c', 'c');
    expect(started).toEqual(['a', 'c']);
    end('y', 'c');
    expect(started).toEqual(['a', 'c']);
    end('x', 'a');
    expect(started).toEqual(['a', 'c', 'b']);
  });

  it('serves a tenant that comes late at once, however long the others wait', () => {
    const { ask, end } = slots(2, 2);
    for (let n = 0; n < 1_000; n++) ask('slow', `greedy ${n}`, 'greedy');
    ask('y', 'late', 'late');
    end('slow', 'greedy');
    expect(started).toEqual(['greedy 0', 'greedy 1', 'late']);
  });
});
