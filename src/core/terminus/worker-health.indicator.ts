import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { FanOuts } from '../fan-out/fan-outs.js';
import { RunRecorder } from '../history/run.recorder.js';
import { Scheduler } from '../scheduler/scheduler.js';

/** Terminus 12 has `degraded`, 11 does not. */
type Session = ReturnType<HealthIndicatorService['check']>;
type AnySession = Omit<Session, 'degraded'> & Partial<Pick<Session, 'degraded'>>;

/**
 * The workers as an indicator of Terminus 11 or 12.
 *
 * Down only for what a restart of this process could repair: the scheduler is not running, or a `critical` worker is
 * stuck here. All else (stale, failing or stuck workers, a history that cannot be written, a coordination that cannot
 * be reached, an engine of shards that cannot) is `degraded`, which keeps the process in the load balancer; on Terminus 11, which has no such status,
 * it is up with `degraded: true`. The detail names each worker with conditions and contains no error text, as health
 * is often public.
 */
@Injectable()
export class WorkerHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
    private readonly fanOuts: FanOuts,
  ) {}

  /** @param key name of the indicator in the answer */
  isHealthy<const Key extends string>(key: Key): HealthIndicatorResult<Key> {
    const session: AnySession = this.indicators.check(key);
    const workers = this.scheduler.workers();
    const troubled = workers.filter((worker) => worker.conditions.length > 0);
    const ended = workers.filter(({ state }) => state === 'ended').map(({ name }) => name);
    const history = this.recorder.status();
    const { coordination } = this.scheduler;
    const fanOut = this.fanOuts.status;
    const detail = {
      running: this.scheduler.running || this.scheduler.standby,
      total: workers.length,
      ...(ended.length > 0 && { ended }),
      ...(troubled.length > 0 && {
        troubled: Object.fromEntries(troubled.map((w) => [w.name, w.conditions])),
      }),
      ...(history.state !== 'ok' && { history }),
      ...(coordination && coordination.state !== 'ok' && { coordination }),
      ...(fanOut.state !== 'ok' && { fanOut }),
    };
    return this.judge(session, detail, troubled.some((w) => w.critical && w.conditions.includes('stuck'))) as HealthIndicatorResult<Key>; // prettier-ignore
  }

  private judge(
    session: AnySession,
    detail: { running: boolean; troubled?: object; history?: object; coordination?: object; fanOut?: object },
    critical: boolean,
  ) {
    if (!detail.running || critical) return session.down(detail);
    if (!detail.troubled && !detail.history && !detail.coordination && !detail.fanOut)
      return session.up(detail);
    return session.degraded ? session.degraded(detail) : session.up({ ...detail, degraded: true });
  }
}
