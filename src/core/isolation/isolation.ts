import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { Inject, Injectable } from '@nestjs/common';
import { type RegistryOptions } from '../registry/registry.options.js';
import { type WorkerDefinition } from '../registry/worker-definition.js';
import { InvalidWorkersError } from '../registry/worker.errors.js';
import { isolatedFile, type IsolatedFile, type IsolatedPlace } from '../registry/isolate-rules.js';
import { messageOf } from '../text/describe-error.js';
import { Clock } from '../timing/clock.js';
import { parseDuration } from '../timing/duration.js';
import { inRootContext } from '../timing/root-context.js';
import { WORKER_OPTIONS } from '../worker/module-options.token.js';
import { ChildPool } from './child-pool.js';
import { type IsolatedRun } from './isolated-run.js';
import { type IsolationOptions } from './isolation.options.js';
import { ProcessTransport } from './process-transport.js';
import { ThreadTransport } from './thread-transport.js';

/** Milliseconds. As long as a run in the main thread may ignore its signal before it is reported. */
const DEFAULT_GRACE = 5_000;
const DEFAULT_IDLE = 300_000;

/** Options of the application that decide how a worker is called; the child gets them as well. */
type CallOptions = Pick<RegistryOptions, 'globalEnhancers'>;

/**
 * Runs workers with the option `isolate` in threads and processes, each with a Nest context of the module that the
 * options name. Their records are kept here: a run there is a call that takes place elsewhere.
 */
@Injectable()
export class Isolation {
  private readonly off: boolean;
  private readonly defaults: IsolatedFile;
  private readonly idle: number;
  private readonly callOptions: CallOptions;
  private readonly pools = new Map<string, ChildPool>();
  private readonly byWorker = new WeakMap<WorkerDefinition, ChildPool>();
  private draining = false;
  private closed = false;

  /** @throws Error that names the option, the value and the fix */
  constructor(
    @Inject(WORKER_OPTIONS) options: IsolationOptions & CallOptions,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    const { isolation = {}, globalEnhancers } = options;
    this.off = isolation === false;
    const given = isolation === false ? {} : isolation;
    this.defaults = option('', () => isolatedFile(given));
    this.idle = option('idle: ', () => (given.idle === undefined ? DEFAULT_IDLE : parseDuration(given.idle)));
    this.callOptions = { globalEnhancers };
  }

  /** Whether that worker's runs take place elsewhere. */
  takes(worker: Pick<WorkerDefinition, 'isolate'>): boolean {
    return worker.isolate !== undefined && !this.off;
  }

  /**
   * Runs it there. Rejects with what it throws, or with what became of its thread or process.
   * @param answers whether somebody asks for what it returns, which is copied then
   */
  run(worker: WorkerDefinition, run: IsolatedRun, answers: boolean): Promise<unknown> {
    if (this.closed) throw new Error(`"${worker.name}" cannot run any more: the application has shut down`);
    let pool = this.byWorker.get(worker);
    if (!pool) this.byWorker.set(worker, (pool = this.poolOf(worker)));
    return pool.run(run, { answers, grace: worker.isolate!.grace ?? this.defaults.grace ?? DEFAULT_GRACE });
  }

  /**
   * Looks whether each of these workers can run, at the start rather than when it is due: starts one child of each module.
   * @param load whether to start them: not in a process that runs nothing
   * @throws InvalidWorkersError
   */
  async prepare(workers: readonly WorkerDefinition[], load: boolean): Promise<void> {
    const isolated = workers.filter((worker) => this.takes(worker) && worker.enabled);
    const problems = await Promise.all(isolated.map((worker) => this.problemOf(worker, load)));
    const found = problems.filter((problem) => problem !== undefined);
    if (found.length === 0) return;
    await this.close();
    throw new InvalidWorkersError(found);
  }

  /** The application shuts down: it decides how long runs have, and `close` ends what is left. */
  drain(): void {
    this.draining = true;
  }

  /** Ends all children. */
  async close(): Promise<void> {
    this.draining = this.closed = true;
    await Promise.all([...this.pools.values()].map((pool) => pool.close()));
  }

  /** Process ids of the processes that there are now. */
  get pids(): number[] {
    return [...this.pools.values()].flatMap(({ children }) =>
      children.flatMap(({ pid }) => (pid === undefined ? [] : [pid])),
    );
  }

  private async problemOf(worker: WorkerDefinition, load: boolean): Promise<string | undefined> {
    try {
      const pool = this.poolOf(worker);
      if (!load) return undefined;
      const workers = await pool.workers();
      if (workers.includes(worker.name)) return undefined;
      const known = workers.filter((name) => name !== 'workers_retention');
      throw new Error(
        `its module (${this.placeOf(worker).file}) has no worker of that name, but ${known.length > 0 ? known.join(', ') : 'none'}: provide its class in that module`,
      );
    } catch (error) {
      return `${worker.source}: isolate: ${messageOf(error)}`;
    }
  }

  private placeOf(worker: WorkerDefinition): IsolatedPlace {
    const { defaults } = this;
    const isolate = worker.isolate!;
    return {
      in: isolate.in,
      file: isolate.file ?? defaults.file,
      // The name in another file says nothing of this one.
      export: isolate.export ?? (isolate.file === undefined ? defaults.export : undefined),
      memory: isolate.memory ?? defaults.memory,
      execArgv: isolate.execArgv ?? defaults.execArgv,
      grace: isolate.grace ?? defaults.grace,
    };
  }

  private poolOf(worker: WorkerDefinition): ChildPool {
    const place = this.placeOf(worker);
    const { in: kind, file, memory, execArgv } = place;
    if (file === undefined)
      throw new Error(
        `no module is named for it: give WorkerModule.forRoot({ isolation: { module: new URL('./heavy.module.js', import.meta.url) } }), or isolate: { in: '${kind}', module }`,
      );
    if (!existsSync(file)) throw new Error(`its module ${file} does not exist: give the path of a file`);
    const key = JSON.stringify([kind, file, place.export, memory, execArgv]);
    const known = this.pools.get(key);
    if (known) return known;
    const Transport = kind === 'thread' ? ThreadTransport : ProcessTransport;
    const pool = new ChildPool({
      clock: this.clock,
      idle: this.idle,
      file,
      draining: () => this.draining,
      setup: {
        href: pathToFileURL(file).href,
        export: place.export,
        options: this.callOptions,
        parent: process.pid,
      },
      // What happens there later belongs to no request.
      start: (events) =>
        inRootContext(() => new Transport({ memory, execArgv, name: `isolated ${file}` }, events)),
    });
    this.pools.set(key, pool);
    return pool;
  }
}

function option<T>(name: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new Error(`isolation.${name}${messageOf(error)}`);
  }
}
