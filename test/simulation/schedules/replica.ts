import { type EventLoopMonitor } from '../../../src/core/execution/event-loop.monitor.js';
import { RunExecutor } from '../../../src/core/execution/run.executor.js';
import { RunInterceptors } from '../../../src/core/execution/run-interceptor.js';
import { InMemoryRunStore } from '../../../src/core/history/in-memory-run.store.js';
import { RunRecorder } from '../../../src/core/history/run.recorder.js';
import { Isolation } from '../../../src/core/isolation/isolation.js';
import { defineWorker } from '../../../src/core/registry/worker-definition.js';
import { ShutdownDeadline } from '../../../src/core/scheduler/shutdown-deadline.js';
import { WorkerEvents } from '../../../src/core/scheduler/worker-events.js';
import { ScheduleChanges } from '../../../src/modules/schedules/schedule-changes.js';
import { ScheduleDispatcher } from '../../../src/modules/schedules/schedule-dispatcher.worker.js';
import { type ScheduleStore } from '../../../src/modules/schedules/schedule.store.js';
import { type ScheduledContext } from '../../../src/modules/schedules/scheduled.decorator.js';
import {
  type ScheduledHandler,
  type ScheduledHandlers,
} from '../../../src/modules/schedules/scheduled-handlers.js';
import { ScheduledRuns } from '../../../src/modules/schedules/scheduled-runs.js';
import { type Habitat, SimulatedProcess } from '../process.js';
import { type Pace } from '../replica-clock.js';
import { type Weather, Wire } from '../wire.js';
import { type HandlerPlan, type Plan } from './plan.js';
import { RemoteStore } from './remote-store.js';

const LOOK_EVERY = 500;

/** What all replicas of a simulation share. */
export interface Surroundings extends Habitat {
  readonly store: ScheduleStore & { readonly down: boolean };
  weather(): Weather;
  work(handler: HandlerPlan, context: ScheduledContext, replica: ScheduleReplica): Promise<void>;
}

/** One process of the application: the real dispatcher and all below it, on clocks of its own. */
export class ScheduleReplica extends SimulatedProcess {
  private readonly dispatcher: ScheduleDispatcher;
  private readonly recorder: RunRecorder;
  private looking = false;

  constructor(
    label: string,
    readonly version: number,
    plan: Plan,
    pace: Pace,
    around: Surroundings,
  ) {
    super(label, pace, around);
    const { clock } = this;
    const wire = new Wire(this, around.store, around.world, around.random, around.trace, () =>
      around.weather(),
    );
    const store = new RemoteStore(around.store, wire);
    this.recorder = new RunRecorder(clock, new InMemoryRunStore());
    const executor = new RunExecutor(
      clock,
      this.recorder,
      new RunInterceptors(),
      idleMonitor,
      new Isolation({ isolation: false }, clock),
    );
    const handlers = plan.handlers
      .filter(({ since }) => since <= version)
      .map((handler) => handlerOf(handler, (context) => around.work(handler, context, this)));
    this.dispatcher = new ScheduleDispatcher(
      { lease: plan.lease },
      store,
      {
        discover: () => {},
        all: () => handlers,
        find: (name: string) => handlers.find((handler) => handler.name === name),
      } as unknown as ScheduledHandlers,
      new ScheduledRuns(executor, this.recorder, new WorkerEvents(), clock, store),
      clock,
      new ShutdownDeadline({ drain: plan.drain }, clock),
      new ScheduleChanges(),
    );
    this.enter(() => void this.start(around));
  }

  private async start(around: Surroundings): Promise<void> {
    await this.recorder.open();
    this.dispatcher.onApplicationBootstrap();
    this.ready = true;
    this.undisturbed = around.world.now;
    this.tick();
  }

  /** As the worker of the dispatcher is run. */
  private tick(): void {
    if (this.draining) return;
    this.clock.setTimer(() => this.tick(), LOOK_EVERY);
    if (this.looking) return;
    this.looking = true;
    void this.dispatcher
      .tick()
      .catch(() => {})
      .then(() => (this.looking = false));
  }

  protected async end(): Promise<void> {
    await this.dispatcher.beforeApplicationShutdown();
    await this.recorder.close();
  }
}

function handlerOf(
  { name, timeout, rules }: HandlerPlan,
  run: (context: ScheduledContext) => Promise<void>,
): ScheduledHandler {
  const checked = defineWorker(
    { name, interval: 0, timeout, record: 'none', run: (context) => run(context as ScheduledContext) },
    name,
  );
  if ('problems' in checked) throw new Error(checked.problems.join());
  return { name, definition: checked.definition, ...rules };
}

/** Nobody blocks a virtual event loop. */
const idleMonitor = { started() {}, called() {}, ended() {}, stop() {} } as unknown as EventLoopMonitor;
