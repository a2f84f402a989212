import { type BackedOff, type Control, NOTHING_KNOWN } from '../../coordination/coordinator.js';
import { type WorkerRecord } from '../../coordination/worker-record.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { type Timing } from '../../registry/timing.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type ByActor } from '../../worker/actor.js';
import { type ClusterParts } from './cluster-parts.js';

/** Changes of one worker by people, for all replicas. The coordinator refuses them for a worker that it does not know. */
export class ClusterControls {
  /**
   * @param backedOff slots that wait for the end of a backoff, and count as skipped when the change ends it
   * @param learn called with the worker's record after a change
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

  /** @param timing the schedule in force */
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

  /** Enrols a worker that was registered a moment ago. */
  async enroll(): Promise<void> {
    // Its first slots are computed by the coordinator's clock.
    await this.hearTime();
    await this.parts.enroll();
  }

  /** Gets the coordinator's time, by which slots are computed: the clock of this process may be wrong. */
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
