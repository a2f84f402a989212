import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout, TOKEN } from '../support/app-workbench.js';
import { eventually } from '../support/eventually.js';

interface Worker {
  name: string;
  state: string;
  interval: number;
  run_count: number;
  skipped_count: number;
  missed_count: number;
  active_runs: number;
  consecutive_failures: number;
  last_error?: string;
}

interface Run {
  outcome: string;
  slot: string;
  started_at: string;
  ended_at: string;
  blocked_ms?: number;
  error?: { name?: string; message: string };
}

const BLOCK = 2_000;
const WELL_BEHAVED = ['one', 'other'];

/** In real time: this is about a loop that cannot tell the time because it is blocked. */
describe('workers that misbehave beside workers that do not', () => {
  let app: AppProcess;

  beforeAll(async () => {
    app = new AppProcess({
      command: [process.execPath, 'test/apps/isolation.mjs'],
      cwd: builtCheckout(),
      env: { PATH: process.env.PATH, NO_COLOR: '1', WORKERS_TOKEN: TOKEN },
    });
    await app.url();
  });
  afterAll(() => app.destroy());

  const worker = async (name: string) => (await app.get<Worker>(`/workers/${name}`)).body;
  /** All of its runs, oldest first. */
  const runsOf = async (name: string) => {
    const { body } = await app.get<{ items: Run[] }>(`/workers/${name}/runs?limit=1000`);
    return body.items.reverse();
  };

  it('show as what they are', async () => {
    await eventually(async () => (await worker('settles_never')).state === 'stuck');
    await eventually(async () => (await worker('throws')).run_count >= 3);
    await eventually(async () => (await worker('rejects')).run_count >= 3);

    expect(await worker('throws')).toMatchObject({ state: 'idle', last_error: 'thrown before any await' });
    expect((await runsOf('throws'))[0]).toMatchObject({
      outcome: 'failed',
      error: { name: 'Error', message: 'thrown before any await' },
    });
    expect(await worker('rejects')).toMatchObject({ state: 'idle', last_error: 'a mere string' });
    expect((await runsOf('rejects'))[0]).toMatchObject({
      outcome: 'failed',
      error: { message: 'a mere string' },
    });
    expect(await worker('settles_never')).toMatchObject({ active_runs: 1, run_count: 0 });
    await eventually(async () => (await worker('settles_never')).skipped_count >= 3);
  });

  it('keep no slot from the others', async () => {
    const before = await Promise.all(WELL_BEHAVED.map(tally));
    for (const { name, runCount, slot, counted } of before) {
      await eventually(async () => (await worker(name)).run_count >= runCount + 5);
      const after = await tally(name);
      expect(after.counted - counted).toBe((after.slot - slot) / after.interval);
      expect(await worker(name)).toMatchObject({ consecutive_failures: 0, skipped_count: 0 });
    }
  });

  it('delay them all by blocking: then each runs once, counts what it missed, and the blocker is named', async () => {
    const before = await Promise.all(WELL_BEHAVED.map(tally));
    await app.post('/workers/blocks/trigger', TOKEN);
    const [block] = (await eventually(async () => {
      const runs = await runsOf('blocks');
      return runs[0]?.outcome === 'succeeded' && runs;
    })) as [Run];
    expect(block.blocked_ms).toBeGreaterThanOrEqual(BLOCK);
    expect(app.output).toMatch(/Worker "blocks" blocked the event loop for [2-9]\d{3} ms/);

    const [from, to] = [Date.parse(block.started_at), Date.parse(block.ended_at)];
    for (const { name, interval, runCount, missed, slot, counted } of before) {
      await eventually(async () => (await worker(name)).run_count >= runCount + 5);
      const since = (await runsOf(name)).filter(({ started_at }) => Date.parse(started_at) > from);
      expect(Date.parse(since[0]!.started_at)).toBeGreaterThanOrEqual(to);
      // For the latest slot, and for no other one of those that passed meanwhile.
      expect(Date.parse(since[0]!.slot)).toBeGreaterThan(to - interval);
      expect(Date.parse(since[1]!.slot)).toBeGreaterThan(to);
      const after = await tally(name);
      expect(after.missed - missed).toBeGreaterThanOrEqual(BLOCK / interval - 2);
      expect(after.counted - counted).toBe((after.slot - slot) / interval);
    }
  });

  it('keep nobody from shutting down', async () => {
    app.kill('SIGTERM');
    // Nest sends itself the signal again when it has closed.
    expect(await app.exit).toEqual({ code: null, signal: 'SIGTERM' });
    expect(app.output).toContain('Worker "settles_never" aborted');
  });

  /** The newest slot, and how many slots were counted up to it, in one way or another. */
  function tally(name: string) {
    return eventually(async () => {
      const { interval, run_count, active_runs, missed_count, skipped_count } = await worker(name);
      const [newest] = (await app.get<{ items: Run[] }>(`/workers/${name}/runs?limit=1`)).body.items;
      const again = await worker(name);
      // A tick between the requests makes them tell of different moments.
      if (!newest || again.run_count !== run_count || active_runs + again.active_runs > 0) return undefined;
      const counted = run_count + missed_count + skipped_count;
      return {
        name,
        interval,
        runCount: run_count,
        missed: missed_count,
        slot: Date.parse(newest.slot),
        counted,
      };
    });
  }
});
