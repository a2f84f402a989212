import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { gate } from '../../../test/support/gate.js';
import { ManualClock } from '../testing/manual-clock.js';
import { InMemoryRunStore } from './in-memory-run.store.js';
import { type Replica } from './replica.js';
import { type Run } from './run.js';
import { RunRecorder } from './run.recorder.js';

/** A store that can be taken away and counts its writes. */
class FickleStore extends InMemoryRunStore {
  away = false;
  readonly writes: string[][] = [];
  hold?: Promise<void>;
  /** What `heartbeat` was last told, and what it answers. */
  lostAfter?: number;
  lost: Run[] = [];

  override async heartbeat(_replica: Replica, lostAfter: number): Promise<Run[]> {
    await this.hold;
    if (this.away) throw new Error('connection refused');
    this.heartbeats++;
    this.lostAfter = lostAfter;
    return this.lost.splice(0);
  }
  heartbeats = 0;

  override async save(runs: readonly Run[]): Promise<void> {
    const states = runs.map((run) => `${run.id}:${run.outcome}`);
    await this.hold;
    if (this.away) throw new Error('connection refused');
    this.writes.push(states);
    await super.save(runs);
  }
}

function setup() {
  const clock = new ManualClock();
  const store = new FickleStore();
  const recorder = new RunRecorder(clock, store);
  const run = (id: string = randomUUID()): Run => ({
    id, worker: 'w', replica: recorder.replica.id, trigger: 'schedule', attempt: 1, outcome: 'running',
    scheduledAt: new Date(clock.now()), startedAt: new Date(clock.now()),
  }); // prettier-ignore
  return { clock, store, recorder, run };
}

describe('RunRecorder', () => {
  const warnings: string[] = [];
  const ignore = (): void => {};
  beforeAll(() =>
    Logger.overrideLogger({ log: ignore, error: ignore, warn: (text: string) => warnings.push(text) }),
  );
  afterAll(() => Logger.overrideLogger(['error', 'warn', 'log']));

  it('stores the start of a run within 100 ms, while it is still on', async () => {
    const { clock, store, recorder, run } = setup();
    recorder.record(run('a'));
    expect(store.writes).toEqual([]);
    await clock.advance('100ms');
    expect(store.writes).toEqual([['a:running']]);
  });

  it('writes what comes together at once, and a run that starts and ends meanwhile only as ended', async () => {
    const { clock, store, recorder, run } = setup();
    const [a, b] = [run('a'), run('b')];
    recorder.record(a);
    recorder.record(b);
    recorder.record(Object.assign(a, { outcome: 'succeeded' }));
    await clock.advance('100ms');
    expect(store.writes).toEqual([['a:succeeded', 'b:running']]);
  });

  it('shows the newest state to who reads right away', async () => {
    const { recorder, run } = setup();
    recorder.record(run('a'));
    expect((await recorder.find({ limit: 1 })).map(({ id }) => id)).toEqual(['a']);
  });

  it('never lets an older write overtake a newer one', async () => {
    const { store, recorder, run } = setup();
    let release = (): void => {};
    store.hold = new Promise((resolve) => (release = resolve));
    const a = run('a');
    recorder.record(a);
    const first = recorder.flush();
    recorder.record(Object.assign(a, { outcome: 'succeeded' }));
    const second = recorder.flush();
    release();
    await Promise.all([first, second]);
    expect(store.writes.at(-1)).toEqual(['a:succeeded']);
  });

  it('keeps what it cannot write, says so, and writes it when the store is back', async () => {
    const { clock, store, recorder, run } = setup();
    store.away = true;
    recorder.record(run('a'));
    await clock.advance('1s');
    recorder.record(run('b'));
    await clock.advance('1s');
    expect(recorder.status()).toEqual({ state: 'unreachable', buffered: 2, dropped: 0 });
    store.away = false;
    await clock.advance('1s');
    expect(store.writes).toEqual([['a:running', 'b:running']]);
    expect(recorder.status()).toEqual({ state: 'ok', buffered: 0, dropped: 0 });
  });

  it('counts what its buffer had no room for', async () => {
    const { clock, store, recorder, run } = setup();
    store.away = true;
    for (let i = 0; i < 10_003; i++) recorder.record(run());
    await clock.advance('1s');
    expect(recorder.status()).toMatchObject({ buffered: 10_000, dropped: 3 });
  });

  it('says every two seconds that its replica lives, and calls others lost after ten, as a loop can be blocked', async () => {
    const { clock, store, recorder, run } = setup();
    await recorder.open();
    expect(store).toMatchObject({ heartbeats: 1, lostAfter: 10_000 });
    store.lost = [{ ...run('cut'), replica: 'gone', outcome: 'lost' }];
    await clock.advance('10s');
    expect(store.heartbeats).toBe(6);
    expect(warnings).toEqual([
      expect.stringMatching(/^Run cut of "w" is lost: its replica gone answers no more/),
    ]);
    await recorder.close();
    await clock.advance('10s');
    expect(store.heartbeats).toBe(6);
  });

  it('writes everything before it closes, and leaves no timer behind', async () => {
    const { clock, store, recorder, run } = setup();
    await recorder.open();
    recorder.record(run('last'));
    await recorder.close();
    expect(store.writes).toEqual([['last:running']]);
    await clock.advance('1h');
    expect(store.writes).toHaveLength(1);
  });

  it('leaves no timer behind when a write or a sign of life fails only after it has closed', async () => {
    const { clock, store, recorder, run } = setup();
    await recorder.open();
    const silence = gate();
    store.hold = silence.opened;
    recorder.record(run('a'));
    await clock.advance('2s');
    const closing = recorder.close();
    await clock.advance('10s');
    await closing;
    store.away = true;
    silence.open();
    await clock.advance('10s');
    store.away = false;
    const { heartbeats } = store;
    await clock.advance('1m');
    expect(store.writes).toEqual([]);
    expect(store.heartbeats).toBe(heartbeats);
  });

  it('closes also when the store is away', async () => {
    const { store, recorder, run } = setup();
    store.away = true;
    recorder.record(run());
    await expect(recorder.close()).resolves.toBeUndefined();
  });
});
