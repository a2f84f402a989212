import { type BackedOff, type Control, NOTHING_KNOWN } from '../../coordination/coordinator.js';
import { type WorkerRecord } from '../../coordination/worker-record.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { type Timing } from '../../registry/timing.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type ByActor } from '../../worker/actor.js';
import { type ClusterParts } from './cluster-parts.js';

/** What people change of one worker, for all replicas. Each is refused for a worker that the coordinator does not know. */
export class ClusterControls {
  /**
   * @param backedOff slots that count as skipped when the backoff ends that they wait for
   * @param learn hears how the worker is after a change
   */
  constructor(
    private readonly definition: WorkerDefinition,
    private readonly parts: Pick<ClusterParts, 'coordinator' | 'clock' | 'enroll'>,
    private readonly backedOff: () => BackedOff | undefined,
    private readonly learn: (record: WorkerRecord | undefined, passed?: BackedOff) => void,
  ) {}

  async pause(by: ByActor): Promise<void> {
    const passed = this.backedOff();
    await this.change({ do: 'pause', ...(passed && { passed }), ...by });
  }

  /** @param timing that holds */
  async resume(timing: Timing, by: ByActor): Promise<void> {
    await this.hearTime();
    await this.change({ do: 'resume', ...this.fromNow(timing), ...by });
  }

  async reschedule(timing: Timing, by: ByActor): Promise<void> {
    await this.hearTime();
    const stored = storeTiming(timing.every, this.definition);
    const passed = this.backedOff();
    const from = this.fromNow(timing);
    await this.change({ do: 'reschedule', timing: stored, ...from, ...(passed && { passed }), ...by });
  }

  /** Makes the worker known that was registered a moment ago. */
  async enroll(): Promise<void> {
    // Its first slots are reckoned by the coordinator's clock.
    await this.hearTime();
    await this.parts.enroll();
  }

  /** The slots that count no more are reckoned by the coordinator's clock: the own one may be anything. */
  private async hearTime(): Promise<void> {
    const { coordinator, clock } = this.parts;
    if (clock.known) return;
    clock.heard(await coordinator.pulse(NOTHING_KNOWN));
  }

  private fromNow({ schedule, interval }: Timing): { slot: number; delay?: number } {
    const slot = schedule?.latest(this.parts.clock.now()) ?? -Infinity;
    return { slot, ...(this.definition.spacing === 'delay' && { delay: interval }) };
  }

  private async change(change: Control): Promise<void> {
    const { coordinator, clock } = this.parts;
    const { record } = clock.heard(await coordinator.control(this.definition.name, change));
    this.learn(record, change.do === 'resume' ? undefined : change.passed);
  }
}
