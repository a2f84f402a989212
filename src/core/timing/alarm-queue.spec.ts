import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock } from '../testing/manual-clock.js';
import { Alarm } from './alarm.js';
import { SystemClock } from './clock.js';

/** Alarms by name, and a log of what rang at which millisecond after the start. */
class Bench {
  readonly clock = new ManualClock(0);
  readonly setTimer = jest.spyOn(this.clock, 'setTimer');
  readonly rung: [string, number][] = [];
  private readonly alarms = new Map<string, Alarm>();

  alarm(name: string, then: () => void = () => {}): Alarm {
    const ring = (): void => {
      this.rung.push([name, this.clock.monotonic()]);
      then();
    };
    if (!this.alarms.has(name)) this.alarms.set(name, new Alarm(this.clock, ring));
    return this.alarms.get(name)!;
  }
}

describe('The alarms of a clock', () => {
  let bench: Bench;
  beforeEach(() => void (bench = new Bench()));
  afterEach(() => void jest.restoreAllMocks());

  it('ring in the order of their instants, however they were set', async () => {
    for (const at of [50, 20, 40, 10, 30]) bench.alarm(`${at}`).set(at);
    await bench.clock.advance(100);
    expect(bench.rung).toEqual([10, 20, 30, 40, 50].map((at) => [`${at}`, at]));
  });

  it('ring in the order in which they were set when they are of one instant', async () => {
    for (const name of ['a', 'b', 'c', 'd']) bench.alarm(name).set(10);
    bench.alarm('b').set(10);
    await bench.clock.advance(100);
    expect(bench.rung.map(([name]) => name)).toEqual(['a', 'c', 'd', 'b']);
  });

  it('ring in the order of their instants when they are late as well', async () => {
    for (const at of [50, 20, 40]) bench.alarm(`${at}`).set(at);
    bench.clock.block('1s');
    await bench.clock.advance(0);
    expect(bench.rung).toEqual([20, 40, 50].map((at) => [`${at}`, 1_000]));
  });

  it('ring at the instant that was set last, be it sooner or later, and not at all when they are cleared', async () => {
    for (const [name, first, second] of [
      ['sooner', 50, 20],
      ['later', 20, 50],
    ] as const) {
      bench.alarm(name).set(first);
      bench.alarm(name).set(second);
    }
    bench.alarm('none').set(20);
    bench.alarm('none').clear();
    bench.alarm('none').clear();
    await bench.clock.advance(100);
    expect(bench.rung).toEqual([
      ['sooner', 20],
      ['later', 50],
    ]);
  });

  it('ring on time for waits beyond 2^31-1 ms', async () => {
    bench.alarm('month').set(30 * 86_400_000);
    bench.alarm('never').set(Infinity);
    await bench.clock.advance('31d');
    expect(bench.rung).toEqual([['month', 30 * 86_400_000]]);
  });

  it('can clear one another while they ring, and themselves', async () => {
    const a = bench.alarm('a', () => ['a', 'b', 'd'].forEach((name) => bench.alarm(name).clear()));
    for (const name of ['b', 'c', 'd']) bench.alarm(name).set(10);
    a.set(5);
    bench.clock.block(20);
    await bench.clock.advance(100);
    expect(bench.rung.map(([name]) => name)).toEqual(['a', 'c']);
  });

  it('can set one another while they ring, and themselves', async () => {
    const a = bench.alarm('a', () => {
      if (bench.rung.length > 1) return;
      bench.alarm('b').set(40);
      bench.alarm('c').set(30);
      a.set(50);
    });
    a.set(10);
    bench.alarm('b').set(10);
    await bench.clock.advance(100);
    expect(bench.rung).toEqual([
      ['a', 10],
      ['c', 30],
      ['b', 40],
      ['a', 50],
    ]);
  });

  it('let the others that are due ring, and the event loop turn, before one that sets itself for the past', async () => {
    let turns = 0;
    const greedy = bench.alarm('greedy', () => {
      if (bench.rung.length < 5) greedy.set(-1_000);
      setImmediate(() => turns++);
    });
    greedy.set(10);
    bench.alarm('b').set(10);
    bench.alarm('c').set(15);
    bench.clock.block(20);
    await bench.clock.advance(0);
    expect(bench.rung.map(([name]) => name)).toEqual(['greedy', 'b', 'c', 'greedy', 'greedy']);
    expect(turns).toBe(3);
  });

  it('ring, and go on ringing, when one throws', async () => {
    const faulty = bench.alarm('faulty', () => {
      throw new Error('of the ring');
    });
    faulty.set(10);
    bench.alarm('b').set(10);
    bench.alarm('c').set(20);
    await expect(bench.clock.advance(10)).rejects.toThrow('of the ring');
    await bench.clock.advance(100);
    expect(bench.rung).toEqual([
      ['faulty', 10],
      ['b', 10],
      ['c', 20],
    ]);
  });

  it('of one instant all ring before what they set off by promises goes on', async () => {
    const done: string[] = [];
    for (const name of ['a', 'b'])
      bench.alarm(
        name,
        () => void Promise.resolve().then(() => done.push(`${name} after ${bench.rung.length}`)),
      );
    for (const name of ['a', 'b']) bench.alarm(name).set(10);
    await bench.clock.advance(10);
    expect(done).toEqual(['a after 2', 'b after 2']);
  });

  it('ring within the time that a test lets pass when one that rings blocks it beyond their instants', async () => {
    bench.alarm('blocks', () => bench.clock.block('2s')).set(10);
    bench.alarm('b').set(10);
    bench.alarm('c').set(500);
    await bench.clock.advance('1s');
    expect(bench.rung).toEqual([
      ['blocks', 10],
      ['b', 2_010],
      ['c', 2_010],
    ]);
  });

  it('all ring, in order, at the first look after the wall clock was set back', async () => {
    bench.alarm('day').set(86_400_000);
    bench.alarm('hour').set(3_600_000);
    bench.alarm('never').set(Infinity);
    await bench.clock.advance('30m');
    // Less than what has passed since they were set.
    bench.clock.setWall(bench.clock.now() - 600_000);
    await bench.clock.advance('1m');
    expect(bench.rung.map(([name]) => name)).toEqual(['hour', 'day', 'never']);
    expect(bench.rung[0]![1]).toBeLessThanOrEqual(31 * 60_000);
  });

  it('take a wall clock that goes back by less than a second for one that is not set', async () => {
    bench.alarm('a').set(10_000);
    bench.clock.setWall(-900);
    await bench.clock.advance('1m');
    expect(bench.rung).toEqual([['a', 10_900]]);
  });

  it('do not hear of a wall clock that was set back while there were none', async () => {
    bench.alarm('a').set(10);
    await bench.clock.advance(10);
    bench.clock.setWall(-3_600_000);
    bench.alarm('b').set(-3_600_000 + 20_000);
    bench.alarm('c').set(-3_600_000 + 10_000);
    await bench.clock.advance('1m');
    expect(bench.rung.slice(1)).toEqual([
      ['c', 10_010],
      ['b', 20_010],
    ]);
  });

  it('ring within a minute when the wall clock was set forward, and on time when set after that', async () => {
    bench.alarm('a').set(3_600_000);
    bench.clock.setWall(1_800_000);
    bench.alarm('b').set(1_810_000);
    await bench.clock.advance('10s');
    bench.clock.setWall(3_700_000);
    await bench.clock.advance('1m');
    expect(bench.rung[0]).toEqual(['b', 10_000]);
    expect(bench.rung[1]![1]).toBeLessThanOrEqual(70_000);
  });

  it('wait on when the timer fires before the wall clock has got there', () => {
    let fire = (): void => {};
    bench.setTimer.mockImplementation((callback) => {
      fire = callback;
      return { cancel: () => {} };
    });
    bench.alarm('a').set(10);
    bench.alarm('b').set(11);
    for (const at of [9, 10, 11]) {
      bench.clock.block(at - bench.clock.now());
      fire();
    }
    expect(bench.setTimer.mock.calls.map(([, delay]) => delay)).toEqual([10, 1, 1]);
    expect(bench.rung).toEqual([
      ['a', 10],
      ['b', 11],
    ]);
  });

  it('share one timer, which is set again only for one that is sooner', async () => {
    for (let i = 0; i < 1_000; i++) bench.alarm(`${i}`).set(1_000 + i);
    expect(bench.setTimer).toHaveBeenCalledTimes(1);
    for (let i = 0; i < 1_000; i++) bench.alarm(`${i}`).set(2_000);
    expect(bench.setTimer).toHaveBeenCalledTimes(1);
    bench.alarm('sooner').set(500);
    expect(bench.setTimer).toHaveBeenCalledTimes(2);
    await bench.clock.advance('1m');
    // One for what rang at 2 s, which had been due at 1 s: the timer came at 500 ms only.
    expect(bench.setTimer).toHaveBeenCalledTimes(3);
    expect(bench.rung).toHaveLength(1_001);
  });

  it('take one timer for all that ring together and set themselves again', async () => {
    for (let i = 0; i < 100; i++) {
      const alarm = bench.alarm(`${i}`, () => alarm.set(bench.clock.now() + 1_000));
      alarm.set(1_000);
    }
    await bench.clock.advance('10s');
    expect(bench.rung).toHaveLength(1_000);
    expect(bench.setTimer).toHaveBeenCalledTimes(11);
  });

  it('hold no timer when there are none, and one that keeps the process alive only if one of them is to', () => {
    const alive = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const clock = new SystemClock();
    const before = alive();
    const [kept, other, unref] = [
      new Alarm(clock, () => {}),
      new Alarm(clock, () => {}),
      new Alarm(clock, () => {}, true),
    ];
    for (const alarm of [kept, other, unref]) alarm.set(clock.now() + 1_000_000);
    expect(alive()).toBe(before + 1);
    kept.clear();
    expect(alive()).toBe(before + 1);
    other.clear();
    expect(alive()).toBe(before);
    unref.clear();
  });

  it('ring in the context of nobody who sets one', async () => {
    const clock = new SystemClock();
    const context = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      const first = new Alarm(clock, () => seen.push(context.getStore()));
      const second = new Alarm(clock, () => resolve(void seen.push(context.getStore())));
      context.run('of a request', () => first.set(clock.now()));
      second.set(clock.now() + 2);
    });
    expect(seen).toEqual([undefined, undefined]);
  });

  it('do as a list would that is searched through each time', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), reactions, behavesAsList), {
      numRuns: 500,
      interruptAfterTimeLimit: 30_000,
    });
  }, 60_000);
});

const ALARMS = 8;

type Action = { do: 'set'; alarm: number; in: number } | { do: 'clear'; alarm: number };
type Step = Action | { do: 'advance' | 'block'; ms: number };

const alarm = fc.nat(ALARMS - 1);
/** Often the same, so that there are ties; beyond a hop; past. */
const delay = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.constantFrom(0, 10, 59_999, 60_000, 60_001, 150_000),
);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('set' as const), alarm, in: delay }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), alarm }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: action },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('advance' as const, 'block' as const),
      ms: fc.oneof(fc.nat(30), fc.nat(200_000)),
    }),
  },
);
/** What is done at the first ring of all, at the second, and so on. */
const reactions = fc.array(fc.array(action, { maxLength: 4 }), { maxLength: 20 });

interface Subject {
  readonly rung: [number, number][];
  act(action: Action): void;
  pass(step: { do: 'advance' | 'block'; ms: number }): void | Promise<void>;
}

async function behavesAsList(steps: Step[], reactions: Action[][]): Promise<void> {
  const rungs: [number, number][][] = [];
  for (const subject of [new Real(reactions), new List(reactions)] as Subject[]) {
    for (const step of [...steps, { do: 'advance' as const, ms: 400_000 }])
      if (step.do === 'set' || step.do === 'clear') subject.act(step);
      else await subject.pass(step);
    rungs.push(subject.rung);
  }
  expect(rungs[0]).toEqual(rungs[1]);
}

class Real implements Subject {
  readonly rung: [number, number][] = [];
  private readonly clock = new ManualClock(0);
  private readonly alarms = Array.from(
    { length: ALARMS },
    (_, index) =>
      new Alarm(this.clock, () => {
        this.rung.push([index, this.clock.now()]);
        this.reactions[this.rung.length - 1]?.forEach((action) => this.act(action));
      }),
  );

  constructor(private readonly reactions: Action[][]) {}

  act(action: Action): void {
    if (action.do === 'clear') this.alarms[action.alarm]!.clear();
    else this.alarms[action.alarm]!.set(this.clock.now() + action.in);
  }

  async pass({ do: how, ms }: { do: 'advance' | 'block'; ms: number }): Promise<void> {
    if (how === 'block') this.clock.block(ms);
    else await this.clock.advance(ms);
  }
}

class List implements Subject {
  readonly rung: [number, number][] = [];
  private now = 0;
  /** In the order in which they were set. */
  private pending: { alarm: number; at: number }[] = [];

  constructor(private readonly reactions: Action[][]) {}

  act(action: Action): void {
    this.pending = this.pending.filter(({ alarm }) => alarm !== action.alarm);
    if (action.do === 'clear') return;
    this.pending.push({ alarm: action.alarm, at: this.now + action.in });
  }

  pass({ do: how, ms }: { do: 'advance' | 'block'; ms: number }): void {
    const until = this.now + ms;
    while (how === 'advance') {
      const next = Math.max(this.now, Math.min(...this.pending.map(({ at }) => at)));
      if (next > until) break;
      this.now = next;
      const due = this.pending.filter(({ at }) => at <= next).sort((a, b) => a.at - b.at);
      for (const entry of due) if (this.pending.includes(entry)) this.ring(entry);
    }
    this.now = until;
  }

  private ring(entry: { alarm: number }): void {
    this.pending = this.pending.filter((other) => other !== entry);
    this.rung.push([entry.alarm, this.now]);
    this.reactions[this.rung.length - 1]?.forEach((action) => this.act(action));
  }
}
