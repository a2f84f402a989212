import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Logger } from '@nestjs/common';
import { WorkerTestHarness } from '../../core/testing/worker-test-harness.js';
import { WorkerModule } from '../../core/worker.module.js';
import { type ScheduleInput } from './schedule.js';
import { Scheduled, type ScheduledContext } from './scheduled.decorator.js';
import { SchedulesModule } from './schedules.module.js';
import { Schedules } from './schedules.service.js';

/** Its runs last until their signals abort, and some of them longer. */
@Injectable()
class Jobs {
  readonly began: string[] = [];
  readonly reasons: string[] = [];
  fails = false;
  deaf = false;
  private ends: (() => void)[] = [];

  @Scheduled('job', { concurrency: 2, backoff: '1m', timeout: '1h' })
  async run({ key, attempt, signal, startedAt }: ScheduledContext): Promise<void> {
    this.began.push(`${key} attempt ${attempt} ${startedAt.toISOString().slice(11, 19)}`);
    if (this.fails) throw new Error('as told');
    await new Promise<void>((resolve) => {
      this.ends.push(resolve);
      signal.addEventListener('abort', () => {
        this.reasons.push((signal.reason as Error).message);
        if (!this.deaf) resolve();
      });
    });
  }

  release(): void {
    for (const end of this.ends.splice(0)) end();
  }
}

describe('a cancelled run of a stored schedule', () => {
  let harness: WorkerTestHarness;
  let schedules: Schedules;
  let jobs: Jobs;

  beforeEach(async () => {
    for (const level of ['warn', 'error'] as const)
      jest.spyOn(Logger.prototype, level).mockImplementation(() => {});
    harness = await WorkerTestHarness.create({
      imports: [WorkerModule.forRoot(), SchedulesModule.forRoot({ store: 'memory' })],
      providers: [Jobs],
    });
    schedules = harness.get(Schedules);
    jobs = harness.get(Jobs);
  });
  afterEach(async () => {
    jobs.release();
    await harness.close();
    jest.restoreAllMocks();
  });

  const write = (key: string, more: Partial<ScheduleInput>) =>
    schedules.upsert({ handler: 'job', key, ...more });
  const get = async (key: string) => (await schedules.get('job', key))!;
  const cancel = async (key: string) => {
    await schedules.cancel('job', key, { actor: 'Ada', reason: 'enough' });
    await harness.advance('1s');
  };

  it('has the outcome cancelled, with actor and reason, and the schedule goes on with its next slot', async () => {
    await write('a', { cron: '0 * * * *' });
    await harness.advance('1h');
    await cancel('a');
    expect(jobs.reasons).toEqual(['The run of "job" was cancelled by Ada: enough']);
    expect(await get('a')).toMatchObject({
      state: 'active',
      lastOutcome: 'cancelled',
      lastError: 'The run of "job" was cancelled by Ada: enough',
      nextRun: new Date('2026-01-01T02:00:00Z'),
      turns: 1,
      failures: 0,
      consecutiveFailures: 0,
    });
    const [run] = await harness.runs('job');
    expect(run).toMatchObject({ outcome: 'cancelled', key: 'a', error: { name: 'RunCancelledError' } });
    await harness.advance('1h');
    expect(jobs.began).toEqual(['a attempt 1 01:00:00', 'a attempt 1 02:00:00']);
  });

  it('has the outcome cancelled too when it does not hear its signal, and then ends', async () => {
    jobs.deaf = true;
    await write('a', { cron: '0 * * * *' });
    await harness.advance('1h');
    await cancel('a');
    expect((await get('a')).state).toBe('running');
    await schedules.cancel('job', 'a', { actor: 'Grace' });
    jobs.release();
    await harness.advance('1s');
    expect(jobs.reasons).toHaveLength(1);
    expect(await get('a')).toMatchObject({ lastOutcome: 'cancelled', state: 'active' });
    expect((await get('a')).lastError).toContain('by Ada');
  });

  it('ends a schedule that has no other slot, and is no run by hand that was asked for meanwhile', async () => {
    await write('once', { at: '2026-01-01T01:00:00Z' });
    await write('limited', { cron: '0 * * * *', limit: 1 });
    await harness.advance('1h');
    await schedules.trigger('job', 'once');
    for (const key of ['once', 'limited']) await cancel(key);
    expect(await get('limited')).toMatchObject({ state: 'ended', lastOutcome: 'cancelled' });
    expect(await get('once')).toMatchObject({ state: 'running', turns: 1 });
    await cancel('once');
    expect(await get('once')).toMatchObject({ state: 'ended', runs: 2, lastOutcome: 'cancelled' });
  });

  it('is a slot that is over, when it was an attempt of several', async () => {
    jobs.fails = true;
    await write('a', { cron: '0 * * * *' });
    await harness.advance('1h');
    jobs.fails = false;
    await harness.advance('1m');
    expect(await get('a')).toMatchObject({ state: 'running', attempt: 2 });
    await cancel('a');
    await harness.advance('30m');
    expect(await get('a')).toMatchObject({ attempt: 1, nextRun: new Date('2026-01-01T02:00:00Z') });
    expect(jobs.began).toHaveLength(2);
  });

  it('never starts when it was claimed and waits for a place', async () => {
    for (const key of ['a', 'b', 'c']) await write(key, { at: '2026-01-01T01:00:00Z' });
    await harness.advance('1h');
    expect(jobs.began).toHaveLength(2);
    await cancel('c');
    expect(await get('c')).toMatchObject({ state: 'ended', lastOutcome: 'cancelled', runs: 1, turns: 1 });
    const run = (await harness.runs('job')).find(({ key }) => key === 'c');
    expect(run).toMatchObject({ outcome: 'cancelled', slot: new Date('2026-01-01T01:00:00Z') });
    expect((await get('c')).lastRun).toBe(run!.id);
    jobs.release();
    await harness.advance('1m');
    expect(jobs.began).toHaveLength(2);
  });

  it('is refused where none is active: nothing is due, an attempt waits, another token is meant', async () => {
    await write('a', { cron: '0 * * * *' });
    const refused = 'has no run that could be cancelled: none is active';
    await expect(schedules.cancel('job', 'a')).rejects.toThrow(refused);
    jobs.fails = true;
    await harness.advance('1h');
    await expect(schedules.cancel('job', 'a')).rejects.toThrow(refused);
    jobs.fails = false;
    await harness.advance('1m');
    await expect(schedules.cancel('job', 'a', { fencingToken: 99 })).rejects.toThrow(refused);
    await expect(schedules.cancel('job', 'none')).rejects.toThrow('There is no schedule "none" of "job"');
    expect((await get('a')).state).toBe('running');
  });
});
