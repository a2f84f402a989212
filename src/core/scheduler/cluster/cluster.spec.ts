import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { testCluster, type TestCluster } from '../../../../test/support/cluster.js';
import { startWorkers, taking, type Workers } from '../../../../test/support/workers.js';
import {
  type Claim,
  type ClaimAnswer,
  type RequestAnswer,
  type RunRequestInput,
} from '../../coordination/coordinator.js';
import { LocalCoordinator } from '../../coordination/local.coordinator.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { type RunContext } from '../../worker/run-context.js';
import { type Worker } from '../../worker/worker.js';
import { RunDroppedError, RunUnknownError, WorkerBusyError } from '../scheduler.errors.js';

/** A request takes two seconds to get there, or to be answered. */
class SlowToAsk extends LocalCoordinator {
  constructor(
    private readonly manual: ManualClock,
    private readonly slow: 'request' | 'answer',
  ) {
    super(manual);
  }

  override async request(input: RunRequestInput): Promise<RequestAnswer> {
    const slowly = () => new Promise<void>((resolve) => this.manual.setTimer(resolve, 2_000));
    if (this.slow === 'request') await slowly();
    const answer = await super.request(input);
    if (this.slow === 'answer') await slowly();
    return answer;
  }
}

describe('replicas of a cluster', () => {
  let cluster: TestCluster;
  let clock: ManualClock;
  /** What ran: the replica, the slot or trigger, the attempt. */
  let ran: { replica: number; slot: number | undefined; trigger: string; attempt: number; at: number }[];

  beforeEach(() => {
    cluster = testCluster();
    clock = cluster.clock;
    ran = [];
  });
  afterEach(() => cluster.close());

  const noting =
    (replica: number, work: (context: RunContext) => unknown = () => {}) =>
    (context: RunContext) => {
      const { slot, trigger, attempt } = context;
      ran.push({ replica, slot: slot?.getTime(), trigger, attempt, at: clock.now() });
      return work(context);
    };
  const worker = (
    options: Partial<Worker> = {},
    work?: (context: RunContext) => unknown,
  ): ((replica: number) => Worker[]) => {
    return (replica) => [{ name: 'w', interval: '10s', ...options, run: noting(replica, work) }];
  };
  const start = async (count: number, workers: (replica: number) => Worker[]): Promise<Workers[]> => {
    const replicas: Workers[] = [];
    for (let i = 0; i < count; i++) replicas.push(await cluster.join(workers));
    return replicas;
  };
  const status = async (replica: Workers) => (await replica.scheduler.status())[0]!;

  it('run each slot once, on whichever is first', async () => {
    const [a] = await start(3, worker());
    await clock.advance('65s');
    const slots = ran.map(({ slot }) => slot);
    expect(slots.length).toBeGreaterThanOrEqual(6);
    expect(new Set(slots).size).toBe(slots.length);
    expect(await status(a!)).toMatchObject({ runCount: slots.length, missedCount: 0, skippedCount: 0 });
  });

  describe('ask in turn', () => {
    /** By worker, how many claims there were, and how many in vain. */
    class Counting extends LocalCoordinator {
      claims = 0;
      refused = 0;

      override async claim(claim: Claim): Promise<ClaimAnswer> {
        const answer = await super.claim(claim);
        this.claims++;
        if (!answer.granted) this.refused++;
        return answer;
      }
    }
    const many = (replica: number): Worker[] =>
      Array.from({ length: 30 }, (_, i) => ({
        name: `w${i}`, interval: '1s', run: noting(replica),
      })); // prettier-ignore
    const shares = (): number[] =>
      [0, 1, 2].map((replica) => ran.filter((run) => run.replica === replica).length);

    it('with hardly a claim in vain, and with a share for each', async () => {
      const coordinator = new Counting(clock);
      cluster = testCluster(clock, coordinator);
      await start(3, many);
      await clock.advance('10s');
      Object.assign(coordinator, { claims: 0, refused: 0 });
      ran = [];
      await clock.advance('20s');
      expect(ran).toHaveLength(600);
      expect(coordinator).toMatchObject({ claims: 600, refused: 0 });
      // Ids are random, and so is who has how many of thirty; how even it is, is said by the spec of `firstInLine`.
      for (const share of shares()) expect(share).toBeGreaterThan(0);
      for (const { at, slot } of ran) expect(at - slot!).toBeLessThanOrEqual(1);
    });

    it('and run the next slots of one that is gone within an interval, none more than 60 ms late', async () => {
      let gone = false;
      const cutOff = new Proxy(cluster.coordinator, {
        get: (target, name: keyof LocalCoordinator) => {
          const method: unknown = target[name];
          if (typeof method !== 'function') return method;
          return gone ? () => Promise.reject(new Error('gone')) : method.bind(target);
        },
      });
      jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
      await start(2, many);
      await cluster.join(many, { coordination: cutOff });
      await clock.advance('10s');
      gone = true;
      ran = [];
      const died = clock.now();
      await clock.advance('20s');
      expect(shares()[2]).toBe(0);
      expect(ran).toHaveLength(600);
      const late = ran.filter(({ at, slot }) => at - slot! > 1);
      expect(late.length).toBeGreaterThan(0);
      for (const { at, slot } of late) {
        expect(at - slot!).toBeLessThanOrEqual(61);
        expect(at - died).toBeLessThanOrEqual(1_000);
      }
    });

    it('also for a worker that the other replica does not have', async () => {
      const [, b] = await start(2, (replica) =>
        replica === 0 ? [{ name: 'other', interval: '1h', run: noting(0) }] : many(1),
      );
      await clock.advance('3s');
      ran = [];
      await clock.advance('10s');
      expect(ran).toHaveLength(300);
      for (const { at, slot } of ran) expect(at - slot!).toBeLessThanOrEqual(1);
      expect((await b!.scheduler.status()).filter(({ missedCount }) => missedCount > 0)).toEqual([]);
    });
  });

  it('run with the name of the holder shown by all of them', async () => {
    const [a, b] = await start(2, worker({}, taking(clock, 3_000)));
    while (ran.length === 0) await clock.advance('1s');
    const first = await status(a!);
    expect(first).toMatchObject({ state: 'executing', activeRuns: 1 });
    expect(await status(b!)).toMatchObject({ state: 'executing', holder: first.holder });
  });

  it('skip the slots that pass while a run is active', async () => {
    const [a] = await start(2, worker({ interval: '1s' }, taking(clock, 3_500)));
    await clock.advance('20s');
    const { runCount, skippedCount, missedCount } = await status(a!);
    expect(missedCount).toBe(0);
    expect(skippedCount).toBeGreaterThanOrEqual(3 * (runCount - 1));
    const slots = ran.map(({ slot }) => slot!);
    for (let i = 1; i < slots.length; i++) expect(slots[i]! - slots[i - 1]!).toBe(4_000);
  });

  it('queue one run, which starts when the active one ends', async () => {
    await start(2, worker({ interval: '10s', overlap: 'queueOne' }, taking(clock, 25_000)));
    await clock.advance('65s');
    expect(ran.map(({ at }) => at - ran[0]!.at)).toEqual([0, 25_000, 50_000]);
    // Of the slots at 10 and 20 s the later one ran.
    expect(ran.map(({ slot }) => slot! - ran[0]!.slot!)).toEqual([0, 20_000, 50_000]);
  });

  it('cancel the run of another replica when a newer one is due', async () => {
    const aborted: number[] = [];
    const [a] = await start(
      2,
      worker({ interval: '10s', overlap: 'cancelRunning' }, async (context) => {
        await taking(
          clock,
          60_000,
        )(context).catch((error: unknown) => {
          aborted.push(clock.now());
          throw error;
        });
      }),
    );
    await clock.advance('45s');
    expect(aborted.length).toBeGreaterThanOrEqual(2);
    expect(new Set(ran.map(({ slot }) => slot)).size).toBe(ran.length);
    expect((await status(a!)).activeRuns).toBe(1);
  });

  it('let runs overlap that may, each with a token of its own', async () => {
    const tokens: (number | undefined)[] = [];
    await start(
      2,
      worker({ interval: '10s', overlap: 'allow' }, (context) => {
        tokens.push(context.fencingToken);
        return taking(clock, 25_000)(context);
      }),
    );
    await clock.advance('45s');
    expect(new Set(ran.map(({ slot }) => slot)).size).toBe(ran.length);
    expect(ran.length).toBeGreaterThanOrEqual(4);
    expect(tokens).toEqual([...tokens].sort((x, y) => x! - y!));
    expect(new Set(tokens).size).toBe(tokens.length);
  });

  it('wait after a failure, wherever the next run is, and try its slot again', async () => {
    let failures = 2;
    const [a] = await start(
      2,
      worker({ interval: '1h', backoff: '1m' }, () => {
        if (failures-- > 0) throw new Error('as told');
      }),
    );
    await clock.advance('1h');
    await clock.advance('10m');
    const [first] = ran;
    expect(
      ran.map(({ at, attempt, trigger }) => [Math.round((at - first!.at) / 1000), attempt, trigger]),
    ).toEqual([
      [0, 1, 'schedule'],
      [60, 2, 'retry'],
      [180, 3, 'retry'],
    ]);
    expect(await status(a!)).toMatchObject({ consecutiveFailures: 0, runCount: 3 });
  });

  it('keep an interval between the end of a run and the next, wherever it is', async () => {
    await start(3, worker({ interval: '10s', spacing: 'delay' }, taking(clock, 4_000)));
    await clock.advance('61s');
    // 10, 24, 38, 52 seconds after the start.
    expect(ran.length).toBe(4);
    for (let i = 1; i < ran.length; i++) {
      const gap = ran[i]!.at - ran[i - 1]!.at;
      expect(gap).toBeGreaterThanOrEqual(14_000);
      expect(gap).toBeLessThanOrEqual(15_001);
    }
  });

  it('run on start once, not once each', async () => {
    await start(3, worker({ interval: '1h', runOnStart: true }));
    await clock.advance('2s');
    expect(ran).toHaveLength(1);
  });

  it('pause, resume and reschedule together', async () => {
    const [a, b] = await start(2, worker());
    await clock.advance('25s');
    await a!.scheduler.pause('w');
    await clock.advance('2s');
    const before = ran.length;
    expect(b!.scheduler.workerByName('w')).toMatchObject({ state: 'paused' });
    await clock.advance('1m');
    expect(ran).toHaveLength(before);
    await b!.scheduler.resume('w');
    await clock.advance('21s');
    expect(ran).toHaveLength(before + 2);
    await b!.scheduler.reschedule('w', '1s');
    await clock.advance('2s');
    expect(a!.scheduler.workerByName('w')).toMatchObject({ interval: 1_000 });
    const fast = ran.length;
    await clock.advance('10s');
    expect(ran).toHaveLength(fast + 10);
    const { missedCount, skippedCount } = await status(a!);
    expect([missedCount, skippedCount]).toEqual([0, 0]);
  });

  it('reckon by the coordinator when they reschedule before they have heard of anything', async () => {
    await start(1, worker());
    const fast = new ManualClock(clock.now() + 3_600_000);
    const b = await startWorkers(worker()(1), { coordination: cluster.coordinator }, fast, { init: false });
    await b.scheduler.reschedule('w', '1s');
    const [record] = (await cluster.coordinator.records()).records;
    expect(record!.slot).toBeLessThanOrEqual(clock.now());
  });

  it('trigger a run that another one makes, and hear of its end', async () => {
    const [api] = [await cluster.join(worker(), { run: false })];
    await cluster.join(worker({}, ({ payload }) => payload));
    const handle = await api.scheduler.trigger('w', { for: 'you' });
    await clock.advance('3s');
    await expect(handle.ended).resolves.toMatchObject({
      id: handle.runId,
      outcome: 'succeeded',
      trigger: 'manual',
    });
    expect(ran).toMatchObject([{ replica: 1, trigger: 'manual' }]);
  });

  it('try an event again whose run has failed, also when the replica of the run is gone', async () => {
    let happen = (_event: unknown): void => {};
    const seen: unknown[] = [];
    const join = async (name: string) => {
      const replica = await cluster.join(() => []);
      if (name === 'first')
        replica.sources.add({ subscribe: (_type, handler) => ((happen = handler), () => {}) });
      replica.scheduler.register({ name: 'e', interval: 0, on: ['x.happened'], backoff: '20s', run: ({ payload, attempt, trigger }) => {
        seen.push([name, payload, attempt, trigger]);
        if (attempt === 1) throw new Error('not now');
      } }); // prettier-ignore
      await clock.advance('2s');
      return replica;
    };
    const first = await join('first');
    happen({ id: 7 });
    await clock.advance('1s');
    expect(seen).toEqual([['first', { id: 7 }, 1, 'event']]);
    await first.scheduler.stop();
    await join('second');
    await clock.advance('30s');
    expect(seen.slice(1)).toEqual([['second', { id: 7 }, 2, 'retry']]);
  });

  it('trigger, pause and reschedule a worker that was registered a moment ago', async () => {
    const replica = await cluster.join(() => []);
    const { scheduler } = replica;
    for (const name of ['a', 'b', 'c']) scheduler.register({ name, interval: '1h', run: () => {} });
    const { ended } = await scheduler.trigger('a');
    await cluster.clock.advance('2s');
    expect(await ended).toMatchObject({ outcome: 'succeeded', worker: 'a' });
    await scheduler.pause('b');
    scheduler.register({ name: 'd', interval: '1h', run: () => {} });
    await scheduler.pause('d', { actor: 'me' });
    await scheduler.reschedule('c', '2h');
    scheduler.register({ name: 'e', interval: '1h', run: () => {} });
    await scheduler.reschedule('e', '3h');
    const infos = new Map((await scheduler.status()).map((info) => [info.name, info]));
    expect(infos.get('d')).toMatchObject({ state: 'paused', lastChange: { actor: 'me' } });
    expect(infos.get('e')).toMatchObject({ interval: 3 * 3_600_000 });
  });

  it('refuse a trigger while a run is active anywhere, unless the policy queues', async () => {
    const [a, b] = await start(2, worker({ interval: 0 }, taking(clock, 5_000)));
    const first = await a!.scheduler.trigger('w');
    await clock.advance('1ms');
    await expect(b!.scheduler.trigger('w')).rejects.toThrow(WorkerBusyError);
    await clock.advance('6s');
    await expect(first.ended).resolves.toMatchObject({ outcome: 'succeeded' });
  });

  it('drop a trigger whose place a newer one takes', async () => {
    const [a, b] = await start(2, worker({ interval: 0, overlap: 'queueOne' }, taking(clock, 5_000)));
    const first = await a!.scheduler.trigger('w');
    await clock.advance('1ms');
    const second = await b!.scheduler.trigger('w');
    const third = await a!.scheduler.trigger('w');
    await clock.advance('20s');
    await expect(first.ended).resolves.toMatchObject({ outcome: 'succeeded' });
    await expect(second.ended).rejects.toThrow(RunDroppedError);
    await expect(third.ended).resolves.toMatchObject({ outcome: 'succeeded' });
    expect(ran).toHaveLength(2);
  });

  it('wait for a trigger that is on its way when its outcome could be asked for', async () => {
    cluster = testCluster(clock, new SlowToAsk(clock, 'request'));
    const [a] = await start(1, worker({ interval: 0 }));
    const triggered = a!.scheduler.trigger('w');
    await clock.advance('5s');
    await expect((await triggered).ended).resolves.toMatchObject({ outcome: 'succeeded' });
  });

  it.each(['skip', 'allow'] as const)(
    'run once what was asked for and is heard of before the answer, with overlap %s',
    async (overlap) => {
      cluster = testCluster(clock, new SlowToAsk(clock, 'answer'));
      const [a] = await start(2, worker({ interval: 0, overlap }));
      const triggered = a!.scheduler.trigger('w');
      await clock.advance('5s');
      await expect((await triggered).ended).resolves.toMatchObject({ outcome: 'succeeded' });
      expect(ran).toHaveLength(1);
    },
  );

  it('leave nobody waiting for a trigger when they shut down', async () => {
    const [api] = [await cluster.join(worker(), { run: false })];
    const handle = await api.scheduler.trigger('w');
    await cluster.close();
    await expect(handle.ended).rejects.toThrow(RunUnknownError);
  });

  it('wait for a place without looking for one all the time', async () => {
    const looks = jest.spyOn(clock, 'setTimer');
    await cluster.join(
      (replica) =>
        ['v', 'w'].flatMap((name) => worker({ name, interval: '1s' }, taking(clock, 60_000))(replica)),
      { maxConcurrentRuns: 1, lease: '5s' },
    );
    await clock.advance('5s');
    looks.mockClear();
    await clock.advance('30s');
    expect(ran).toHaveLength(1);
    // Pulses, heartbeats, and one look a second.
    expect(looks.mock.calls.length).toBeLessThan(500);
  });

  it('make one run of an event that all of them hear', async () => {
    const replicas: Workers[] = [];
    const handlers: ((event: unknown) => void)[] = [];
    for (let i = 0; i < 3; i++) {
      const replica = await cluster.join(worker({ interval: 0, on: ['added'] }), { autoStart: false });
      replica.sources.add({
        subscribe: (_type, handler) => {
          handlers.push(handler);
          return () => {};
        },
      });
      replica.scheduler.start();
      replicas.push(replica);
    }
    for (const id of ['e1', 'e2']) {
      for (const handler of handlers) handler({ id });
      await clock.advance('2s');
    }
    expect(ran.map(({ trigger }) => trigger)).toEqual(['event', 'event']);
  });

  it('take over a slot whose run was cut off by a shutdown, at once, as its next attempt', async () => {
    const replicas = await start(2, worker({ interval: '1h' }, taking(clock, 60_000)));
    while (ran.length === 0) await clock.advance('10s');
    const [first] = ran;
    const closing = replicas[first!.replica]!.close();
    await clock.advance('2s');
    await closing;
    expect(ran).toMatchObject([first, { slot: first!.slot, attempt: 2, trigger: 'retry' }]);
    expect(ran[1]!.replica).not.toBe(first!.replica);
    await clock.advance('2m');
    expect(await status(replicas[ran[1]!.replica]!)).toMatchObject({ runCount: 1, supersededCount: 0 });
  });

  it('say the same of a run that has passed its timeout, whichever has it, until it ends or its replica is gone', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const stuck = { state: 'stuck', activeRuns: 1, conditions: ['stuck'] };
    const replicas = await start(
      3,
      worker({ interval: '1m', timeout: '10s' }, taking(clock, 30_000, { deaf: true })),
    );
    const all = () => Promise.all(replicas.map(status));
    while (ran.length === 0) await clock.advance('1s');
    await clock.advance(9_000 + ran[0]!.at - clock.now());
    for (const info of await all()) expect(info).toMatchObject({ state: 'executing', conditions: [] });
    await clock.advance('2s');
    const said = await all();
    for (const info of said) expect(info).toMatchObject(stuck);
    expect(new Set(said.map(({ holder }) => holder)).size).toBe(1);
    await clock.advance('20s');
    for (const info of await all()) expect(info).toMatchObject({ state: 'idle', conditions: [] });

    while (ran.length === 1) await clock.advance('1s');
    await clock.advance('11s');
    for (const info of await all()) expect(info).toMatchObject(stuck);
    const [holder] = replicas.splice(ran[1]!.replica, 1);
    await holder!.close();
    // It left the run to its lease, and another one takes the run over.
    while (ran.length === 2) await clock.advance('1s');
    for (const info of await all()) expect(info).toMatchObject({ state: 'executing', conditions: [] });
  });

  it('run the latest slot that all of them missed, once, and count those before', async () => {
    const [a] = await start(2, worker({ interval: '1h' }));
    await clock.advance('90m');
    const before = ran.length;
    await cluster.close();
    await clock.advance('5h');
    const [b] = [...(await start(2, worker({ interval: '1h' })))];
    await clock.advance('11s');
    expect(a).not.toBe(b);
    expect(ran.slice(before)).toMatchObject([{ trigger: 'catch_up' }]);
    expect(await status(b!)).toMatchObject({ missedCount: 4 });
  });

  it('tell of what all of them missed, and of a run whose replica fell silent, and hand that to onError', async () => {
    const told: [number, string, number | string][] = [];
    const errors: unknown[] = [];
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    let gone = false;
    const cutOff = new Proxy(cluster.coordinator, {
      get: (target, name: keyof LocalCoordinator) => {
        const method: unknown = target[name];
        if (typeof method !== 'function') return method;
        return gone ? () => Promise.reject(new Error('gone')) : method.bind(target);
      },
    });
    const workers = worker({ interval: '1m' }, taking(clock, 30_000));
    await cluster.join(workers, { coordination: cutOff });
    while (ran.length === 0) await clock.advance('1s');
    gone = true;
    const b = await cluster.join(workers, { onError: (run) => errors.push([run.outcome, run.replica]) });
    b.scheduler.events$.subscribe((event) => {
      if (event.type === 'run.lost') told.push([1, event.type, event.run.id]);
      if (event.type === 'run.missed') told.push([1, event.type, event.count]);
    });
    await clock.advance('40s');
    expect(told).toEqual([[1, 'run.lost', expect.any(String)]]);
    expect(errors).toEqual([['lost', expect.any(String)]]);
    clock.block('5m');
    await clock.advance('40s');
    expect(told.slice(1)).toEqual([[1, 'run.missed', 4]]);
    expect(await status(b)).toMatchObject({ missedCount: 4, lostCount: 1 });
  });

  it.each([
    ['1s', undefined, 1_000],
    ['1s', '4s', 4_000],
    ['1h', undefined, 5_000],
  ] as const)(
    'with interval %s and lease %s take over a run whose replica fell silent %i ms after its last sign of life',
    async (interval, lease, length) => {
      jest.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
      let gone = false;
      const cutOff = new Proxy(cluster.coordinator, {
        get: (target, name: keyof LocalCoordinator) => {
          const method: unknown = target[name];
          if (typeof method !== 'function') return method;
          return gone ? () => Promise.reject(new Error('gone')) : method.bind(target);
        },
      });
      const workers = worker({ interval, ...(lease && { lease }) }, taking(clock, 60_000, { deaf: true }));
      await cluster.join(workers, { coordination: cutOff });
      while (ran.length === 0) await clock.advance('100ms');
      gone = true;
      const silentSince = clock.now();
      await cluster.join(workers);
      await clock.advance('8s');
      expect(ran[1]!.replica).toBe(1);
      expect(ran[1]!.at - silentSince).toBeGreaterThan(length - 200);
      expect(ran[1]!.at - silentSince).toBeLessThanOrEqual(length + 1_100);
    },
  );

  it('count what all of them missed of a short interval, and go on with the next slot', async () => {
    await start(2, worker({ interval: '1s' }));
    await clock.advance('10s');
    await cluster.close();
    const before = ran.length;
    await clock.advance('1m');
    const [b] = await start(2, worker({ interval: '1s' }));
    await clock.advance('1s');
    expect(ran).toHaveLength(before + 1);
    const { runCount, missedCount } = await status(b!);
    expect(runCount + missedCount).toBe((ran.at(-1)!.slot! - ran[0]!.slot!) / 1_000 + 1);
  });

  it('run the latest slot after an outage, not the one that it began with, and count the others as missed', async () => {
    const [a] = await start(1, worker({ interval: '1s' }));
    await clock.advance('5s');
    const { coordinator } = cluster;
    const claim = coordinator.claim.bind(coordinator);
    coordinator.claim = () => Promise.reject(new Error('away'));
    await clock.advance('30s');
    coordinator.claim = claim;
    const before = ran.length;
    await clock.advance('5s');
    expect(ran[before]!.slot).toBeGreaterThan(ran[before]!.at - 1_000);
    const { runCount, missedCount, skippedCount } = await status(a!);
    expect(skippedCount).toBe(0);
    expect(runCount + missedCount).toBe((ran.at(-1)!.slot! - ran[0]!.slot!) / 1_000 + 1);
  });

  it('run a slot once whose claim was granted and the answer lost, as soon as the coordinator answers', async () => {
    const [a] = await start(1, worker({ interval: '1s', lease: '5s' }));
    await clock.advance('5s');
    const { coordinator } = cluster;
    const claim = coordinator.claim.bind(coordinator);
    let granted: number | undefined;
    coordinator.claim = async (asked) => {
      const answer = await claim(asked);
      if (granted !== undefined || !answer.granted) throw new Error('away');
      granted = answer.record.slot;
      throw new Error('lost');
    };
    await clock.advance('2s');
    coordinator.claim = claim;
    await clock.advance('5s');
    expect(ran.filter(({ slot }) => slot === granted)).toHaveLength(1);
    expect(await status(a!)).toMatchObject({ lostCount: 0 });
  });
});
