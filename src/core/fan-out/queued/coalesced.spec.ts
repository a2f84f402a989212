import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Coalesced } from './coalesced.js';

/** Calls that end when they are told to. */
function calls() {
  const made: { values: readonly number[]; end(): void; fail(error: Error): void }[] = [];
  const coalesced = new Coalesced<number, string>(
    (values) =>
      new Promise((resolve, reject) =>
        made.push({ values, end: () => resolve(values.join()), fail: reject }),
      ),
  );
  return { made, coalesced };
}

const turns = async () => {
  for (let n = 0; n < 3; n++) await turn();
};

describe('coalesced calls', () => {
  it('are one for all values of a turn of the event loop', async () => {
    const { made, coalesced } = calls();
    const answers = [1, 2].map((value) => coalesced.of(value));
    await Promise.resolve();
    answers.push(coalesced.of(3));
    await turns();
    expect(made.map(({ values }) => values)).toEqual([[1, 2, 3]]);
    made[0]!.end();
    expect(await Promise.all(answers)).toEqual(['1,2,3', '1,2,3', '1,2,3']);
  });

  it('wait for the one before, and share the next one', async () => {
    const { made, coalesced } = calls();
    const first = coalesced.of(1);
    await turns();
    const later = [coalesced.of(2), coalesced.of(3)];
    await turns();
    expect(made.map(({ values }) => values)).toEqual([[1]]);
    made[0]!.end();
    expect(await first).toBe('1');
    await turns();
    expect(made.map(({ values }) => values)).toEqual([[1], [2, 3]]);
    made[1]!.end();
    expect(await Promise.all(later)).toEqual(['2,3', '2,3']);
  });

  it('go on after one that failed, which only its own values hear of', async () => {
    const { made, coalesced } = calls();
    const first = coalesced.of(1);
    await turns();
    const second = coalesced.of(2);
    made[0]!.fail(new Error('away'));
    await expect(first).rejects.toThrow('away');
    await turns();
    made[1]!.end();
    expect(await second).toBe('2');
  });
});
