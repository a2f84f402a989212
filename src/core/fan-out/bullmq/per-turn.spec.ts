import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { PerTurn } from './per-turn.js';

function pieces() {
  const handedOver: (readonly number[])[] = [];
  return { handedOver, perTurn: new PerTurn<number>((values) => handedOver.push(values)) };
}

describe('values that are handed over per turn', () => {
  it('go together when they come in one turn of the event loop', async () => {
    const { handedOver, perTurn } = pieces();
    const added = [perTurn.add(1), perTurn.add(2)];
    await Promise.resolve();
    added.push(perTurn.add(3));
    expect(handedOver).toEqual([]);
    await Promise.all(added);
    expect(handedOver).toEqual([[1, 2, 3]]);
  });

  it('do not wait for those of the turn before', async () => {
    const { handedOver, perTurn } = pieces();
    await perTurn.add(1);
    await perTurn.add(2);
    expect(handedOver).toEqual([[1], [2]]);
  });

  it('go in pieces, each of which goes out before the next is made', async () => {
    const { handedOver, perTurn } = pieces();
    const order: string[] = [];
    const added = Array.from({ length: 40 }, (_, value) =>
      perTurn.add(value).then(() => {
        if (value % 16 === 0) process.nextTick(() => order.push(`out ${value}`));
        order.push(`made ${value}`);
      }),
    );
    await Promise.all(added);
    await turn();
    expect(handedOver.map(({ length }) => length)).toEqual([16, 16, 8]);
    expect(order.indexOf('out 0')).toBeLessThan(order.indexOf('made 16'));
    expect(order.indexOf('out 16')).toBeLessThan(order.indexOf('made 32'));
  });
});
