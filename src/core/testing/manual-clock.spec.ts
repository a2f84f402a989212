import { describe, expect, it } from '@jest/globals';
import { ManualClock } from './manual-clock.js';

describe('ManualClock', () => {
  it('fires what falls due in order, each at its own instant, also what is set on the way', async () => {
    const clock = new ManualClock(0);
    const fired: [string, number][] = [];
    clock.setTimer(() => fired.push(['late', clock.now()]), 30);
    clock.setTimer(() => {
      fired.push(['early', clock.now()]);
      clock.setTimer(() => fired.push(['nested', clock.now()]), 5);
    }, 10);
    clock.setTimer(() => fired.push(['same instant', clock.now()]), 10);
    await clock.advance(29);
    expect(fired).toEqual([
      ['early', 10],
      ['same instant', 10],
      ['nested', 15],
    ]);
    expect(clock.now()).toBe(29);
    await clock.advance(1);
    expect(fired.at(-1)).toEqual(['late', 30]);
  });

  it('lets promises that a timer sets off run before time moves on', async () => {
    const clock = new ManualClock(0);
    const seen: number[] = [];
    clock.setTimer(
      () => void Promise.resolve().then(async () => seen.push(await Promise.resolve(clock.now()))),
      10,
    );
    clock.setTimer(() => seen.push(clock.now()), 20);
    await clock.advance('20ms');
    expect(seen).toEqual([10, 20]);
  });

  it('lets what hands back control to the event loop, time and again, come to its end before time moves on', async () => {
    const clock = new ManualClock(0);
    const seen: number[] = [];
    const slow = async (): Promise<void> => {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      seen.push(clock.now());
    };
    clock.setTimer(() => void slow(), 10);
    clock.setTimer(() => seen.push(clock.now()), 20);
    await clock.advance('20ms');
    expect(seen).toEqual([10, 20]);
  });

  it('waits for no end of what never stops to take turns', async () => {
    const clock = new ManualClock(0);
    let stopped = false;
    const spin = (): void => void (stopped || setImmediate(spin));
    clock.setTimer(spin, 10);
    await clock.advance('20ms');
    expect(clock.now()).toBe(20);
    stopped = true;
  });

  it('moves on by as much as it was told in all when it is told again before it has moved', async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    for (const at of [10, 20, 30]) clock.setTimer(() => fired.push(clock.now()), at);
    await Promise.all([clock.advance(15), clock.advance(5), clock.advance(9)]);
    expect(fired).toEqual([10, 20]);
    expect(clock.now()).toBe(29);
  });

  it('fires no cancelled timer', async () => {
    const clock = new ManualClock(0);
    clock.setTimer(() => expect('this').toBe('never called'), 10).cancel();
    await clock.advance('1s');
  });

  it('fires late what fell due while it was blocked', async () => {
    const clock = new ManualClock(0);
    const fired: number[] = [];
    clock.setTimer(() => fired.push(clock.now()), 10);
    clock.block('2s');
    expect(fired).toEqual([]);
    await clock.advance(0);
    expect(fired).toEqual([2_000]);
  });

  it('does not go back when something blocks it for longer than it was to move', async () => {
    const clock = new ManualClock(0);
    clock.setTimer(() => clock.block('2s'), 10);
    await clock.advance('1s');
    expect([clock.now(), clock.monotonic()]).toEqual([2_010, 2_010]);
  });
});
