import { Inject, Injectable, Logger } from '@nestjs/common';
import { FanOuts } from './fan-out/fan-outs.js';
import { RunRecorder } from './history/run.recorder.js';
import { RunStore } from './history/run.store.js';
import { Scheduler } from './scheduler/scheduler.js';
import { WORKER_OPTIONS } from './worker/module-options.token.js';
import { type WorkerModuleOptions } from './worker-module.options.js';

/** Logs in one line what has started, in which process and on which store: the first questions of an incident. */
@Injectable()
export class StartLine {
  private readonly logger = new Logger('Workers');

  constructor(
    @Inject(WORKER_OPTIONS) private readonly options: WorkerModuleOptions,
    @Inject(RunStore) private readonly store: RunStore,
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
    private readonly fanOuts: FanOuts,
  ) {}

  log(): void {
    const { coordination } = this.options;
    const { id, host, pid, release } = this.recorder.replica;
    const facts = [
      `store: ${nameOf(this.store)}`,
      `coordination: ${coordination ? nameOf(coordination) : 'none'}`,
      ...(this.fanOuts.description === undefined ? [] : [`shards: ${this.fanOuts.description}`]),
      `replica ${id}${release === undefined ? '' : ` of release ${release}`}`,
      `host ${host}`,
      `pid ${pid}`,
    ];
    this.logger.log(`${this.workers()}; ${facts.join('; ')}`);
  }

  private workers(): string {
    const all = this.scheduler.workers();
    const count = `${all.length} ${all.length === 1 ? 'worker' : 'workers'}`;
    if (this.options.run === false) return `${count}, none of which runs in this process (run: false)`;
    if (!this.scheduler.running) return `${count}, which wait for Scheduler.start()`;
    const disabled = all.filter(({ running }) => !running).length;
    return `Started ${count}${disabled > 0 ? `, ${disabled} of them disabled` : ''}`;
  }
}

function nameOf(part: RunStore | NonNullable<WorkerModuleOptions['coordination']>): string {
  return part.description ?? part.constructor.name;
}
