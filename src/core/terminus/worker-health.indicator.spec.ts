import { Controller, Get, type INestApplication } from '@nestjs/common';
import {
  HealthCheck,
  HealthCheckService,
  type HealthCheckResult,
  HealthIndicatorService,
  TerminusModule,
} from '@nestjs/terminus';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InMemoryRunStore } from '../history/in-memory-run.store.js';
import { FanOuts } from '../fan-out/fan-outs.js';
import { RunRecorder } from '../history/run.recorder.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { ManualClock } from '../testing/manual-clock.js';
import { Clock } from '../timing/clock.js';
import { WorkerModule } from '../worker.module.js';
import { WorkerHealthIndicator } from './worker-health.indicator.js';
import { WorkerHealthModule } from './worker-health.module.js';

@Controller('health')
class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly workers: WorkerHealthIndicator,
  ) {}
  @Get()
  @HealthCheck()
  check() {
    return this.health.check([() => this.workers.isHealthy('workers')]);
  }
}

class FickleStore extends InMemoryRunStore {
  away = false;
  override async save(runs: Parameters<InMemoryRunStore['save']>[0]): Promise<void> {
    if (this.away) throw new Error('connection refused');
    return super.save(runs);
  }
}

describe('WorkerHealthIndicator', () => {
  let app: INestApplication;
  let clock: ManualClock;
  let scheduler: Scheduler;
  let store: FickleStore;

  beforeEach(async () => {
    clock = new ManualClock();
    store = new FickleStore();
    const module = await Test.createTestingModule({
      imports: [
        WorkerModule.forRoot({ history: store, drain: { timeout: 0, abortGrace: 0 } }),
        TerminusModule.forRoot({ logger: false }),
        WorkerHealthModule,
      ],
      controllers: [HealthController],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    scheduler = app.get(Scheduler);
  });
  afterEach(async () => {
    const closed = app.close();
    await clock.advance('1m');
    await closed;
  });

  async function health(): Promise<[number, HealthCheckResult['status'], Record<string, unknown>]> {
    const answer = await fetch(`${await app.getUrl()}/health`);
    const { status, details } = (await answer.json()) as HealthCheckResult;
    return [answer.status, status, details['workers'] as Record<string, unknown>];
  }

  it('is up with a worker that has ended, and names it', async () => {
    scheduler.register({ name: 'thrice', interval: '1s', limit: 3, run: () => {} });
    scheduler.register({ name: 'well', interval: '1s', run: () => {} });
    await clock.advance('1m');
    expect(await health()).toEqual([200, 'ok', { status: 'up', running: true, total: 2, ended: ['thrice'] }]);
  });

  it('is up while all workers run', async () => {
    scheduler.register({ name: 'well', interval: '1s', run: () => {} });
    await clock.advance('1m');
    expect(await health()).toEqual([200, 'ok', { status: 'up', running: true, total: 1 }]);
  });

  it('is degraded, and names the worker, when one has not completed a run for three intervals and its timeout', async () => {
    scheduler.register({ name: 'hangs', interval: '10s', run: () => new Promise(() => {}) });
    await clock.advance('30s');
    expect((await health())[1]).toBe('ok');
    await clock.advance('1s');
    expect(await health()).toMatchObject([
      200,
      'degraded',
      { status: 'degraded', troubled: { hangs: ['stale'] } },
    ]);
  });

  it('is degraded when a worker failed three times in a row, and shows no error text', async () => {
    scheduler.register({
      name: 'fails',
      interval: '1s',
      run: () => Promise.reject(new Error('password=hunter2')),
    });
    await clock.advance('2s');
    expect((await health())[1]).toBe('ok');
    await clock.advance('1s');
    const answer = await health();
    expect(answer).toMatchObject([200, 'degraded', { troubled: { fails: ['failing'] } }]);
    expect(JSON.stringify(answer)).not.toContain('hunter2');
  });

  it('is degraded when a worker is stuck, and down when that worker is critical', async () => {
    const deaf = { interval: '1m', timeout: '1s', run: () => new Promise(() => {}) } as const;
    scheduler.register({ ...deaf, name: 'deaf' });
    await clock.advance('62s');
    expect(await health()).toMatchObject([200, 'degraded', { troubled: { deaf: ['stuck'] } }]);
    scheduler.register({ ...deaf, name: 'vital', critical: true });
    await clock.advance('62s');
    expect(await health()).toMatchObject([503, 'error', { status: 'down', troubled: { vital: ['stuck'] } }]);
  });

  it('never calls an event-driven worker stale', async () => {
    scheduler.register({ name: 'on_demand', interval: 0, run: () => {} });
    await clock.advance('1d');
    expect((await health())[1]).toBe('ok');
  });

  it('is down when the scheduler does not tick', async () => {
    await scheduler.stop();
    expect(await health()).toMatchObject([503, 'error', { status: 'down', running: false }]);
  });

  it('is degraded, not down, when the history cannot be written: a restart would not mend it', async () => {
    scheduler.register({ name: 'well', interval: '1s', run: () => {} });
    store.away = true;
    await clock.advance('3s');
    expect(await health()).toMatchObject([200, 'degraded', { history: { state: 'unreachable' } }]);
    store.away = false;
    await clock.advance('3s');
    expect((await health())[1]).toBe('ok');
  });

  it('is up with a mark where Terminus knows no degraded state, as in version 11', async () => {
    scheduler.register({ name: 'fails', interval: '1s', run: () => Promise.reject(new Error('x')) });
    await clock.advance('3s');
    const session = app.get(HealthIndicatorService, { strict: false }).check('workers');
    const eleven = { check: () => ({ up: session.up.bind(session), down: session.down.bind(session) }) };
    const indicator = new WorkerHealthIndicator(
      eleven as never,
      scheduler,
      app.get(RunRecorder),
      app.get(FanOuts),
    );
    expect(indicator.isHealthy('workers')).toMatchObject({
      workers: { status: 'up', degraded: true, troubled: { fails: ['failing'] } },
    });
  });
});
