import { type BackedOff, type Control, NOTHING_KNOWN } from '../../coordination/coordinator.js';
import { storeTiming } from '../../registry/stored-timing.js';
import { type Timing } from '../../registry/timing.js';
import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type ByActor } from '../../worker/actor.js';
import { type ClusterParts } from './cluster-parts.js';
import { type ClusterView } from './cluster-view.js';
import { type PassedSlots } from './passed-slots.js';

/** Changes of one worker by people, for all replicas. The coordinator refuses them for a worker that it does not know. */
export class ClusterControls {
  /**
   * @param view undefined until the worker is enrolled
   * @param changed called after each change, when the view has learnt of it
   */
  constructor(
    private readonly definition: WorkerDefinition,
    private readonly parts: Pick<ClusterParts, 'coordinator' | 'clock' | 'enroll'>,
    private readonly slots: PassedSlots,
    private readonly view: () => ClusterView | undefined,
    private readonly changed: () => void,
  ) {}

  async pause(by: ByActor): Promise<void> {
    await this.change({ do: 'pause', ...this.backedOff(), ...by });
  }

  /** @param timing the schedule in force */
  async resume(timing: Timing, by: ByActor): Promise<void> {
    await this.hearTime();
    await this.change({ do: 'resume', ...this.fromNow(timing), ...by });
  }

  async reschedule(timing: Timing, by: ByActor): Promise<void> {
    await this.hearTime();
    const stored = storeTiming(timing.every, this.definition);
    await this.change({
      do: 'reschedule',
      timing: stored,
      ...this.fromNow(timing),
      ...this.backedOff(),
      ...by,
    });
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

  /** Slots that wait for the end of a backoff, which the change ends. */
  private backedOff(): { passed?: BackedOff } {
    const view = this.view();
    const passed = view && this.slots.backedOff(view, this.parts.clock.now());
    return passed ? { passed } : {};
  }

  private async change(change: Control): Promise<void> {
    const { coordinator, clock } = this.parts;
    const { record } = clock.heard(await coordinator.control(this.definition.name, change));
    const view = this.view();
    const passed = change.do === 'resume' ? undefined : change.passed;
    if (view && passed) this.slots.until(view, passed.slot, clock.now());
    if (record) view?.learn(record);
    this.changed();
  }
}
