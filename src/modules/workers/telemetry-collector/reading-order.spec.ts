import { describe, expect, it } from '@jest/globals';
import { type InstanceId, newId } from '../../ids/typed-id.js';
import { ReadingOrder } from './reading-order.js';

describe('ReadingOrder', () => {
  const [a, b, c, d] = Array.from({ length: 4 }, () => ({ instanceId: newId('instance') }));
  const items = [a!, b!, c!, d!];
  const idsOf = (found: { instanceId: InstanceId }[]) => found.map(({ instanceId }) => instanceId);

  it('keeps the order of what was read', () => {
    expect(new ReadingOrder().of(items)).toEqual(items);
  });

  it('begins with those that had no turn, and ends with those that failed', () => {
    const order = new ReadingOrder();
    order.learn(new Set(idsOf([c!, d!])), [a!, c!, d!]);
    expect(order.of(items)).toEqual([c, d, b, a]);
  });

  it('gives each its turn when there is time for two, one of which hangs', () => {
    const order = new ReadingOrder();
    const read = new Set<InstanceId>();
    for (let tick = 0; tick < 6; tick++) {
      const [first, second, ...left] = order.of(items);
      const had = [first!, second!];
      const failed = had.filter((one) => one === a);
      for (const { instanceId } of had) if (instanceId !== a!.instanceId) read.add(instanceId);
      order.learn(new Set(idsOf(left)), [...failed, ...left]);
    }
    expect([...read].sort()).toEqual(idsOf([b!, c!, d!]).sort());
  });

  it('forgets a failure once the instance was read', () => {
    const order = new ReadingOrder();
    order.learn(new Set(), [a!]);
    order.learn(new Set(), []);
    expect(order.of(items)).toEqual(items);
  });

  it('gives each its turn when there is time for a third of them', () => {
    const order = new ReadingOrder();
    const read: InstanceId[] = [];
    for (let tick = 0; tick < 3; tick++) {
      const [first, ...left] = idsOf(order.of([a!, b!, c!]));
      read.push(first!);
      order.learn(
        new Set(left),
        left.map((instanceId) => ({ instanceId })),
      );
    }
    expect(read).toEqual(idsOf([a!, b!, c!]));
  });
});
