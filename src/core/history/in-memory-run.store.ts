import { matchesQuery, newestFirst } from './matches-query.js';
import { PackedRun } from './packed-run.js';
import { type Run, withoutLog } from './run.js';
import { type RunQuery, RunStore } from './run.store.js';

/** The last n runs of each worker in memory, lost when the process ends. */
export class InMemoryRunStore extends RunStore {
  override readonly description: string = 'memory of this process';
  private readonly runs = new Map<string, KeptRuns>();

  /** @param keep runs kept of each worker, the newest; default 100 */
  constructor(private readonly keep = 100) {
    super();
  }

  async open(): Promise<void> {}

  async save(runs: readonly Run[]): Promise<void> {
    for (const run of runs) {
      let kept = this.runs.get(run.worker);
      if (!kept) this.runs.set(run.worker, (kept = new KeptRuns(this.keep)));
      kept.save(run);
    }
  }

  async find(query: RunQuery): Promise<Run[]> {
    const { worker, limit, withLog = false } = query;
    const workers = worker === undefined ? [...this.runs.keys()] : [worker];
    return workers
      .flatMap((name) => this.runs.get(name)?.unpack(name) ?? [])
      .filter((run) => matchesQuery(run, query))
      .sort(newestFirst)
      .slice(0, limit)
      .map((run) => (withLog ? run : withoutLog(run)));
  }

  async close(): Promise<void> {}
}

/**
 * The last n runs of one worker, in the order in which they were first saved. Not a Map by id: V8 rebuilds it again
 * and again as the oldest entries are deleted.
 */
class KeptRuns {
  private readonly runs: PackedRun[] = [];
  /** The latest start of all runs; milliseconds since the epoch. */
  private latest = -Infinity;

  constructor(private readonly most: number) {}

  save(run: Run): void {
    const { runs } = this;
    const started = run.startedAt.getTime();
    // Most runs are new ones, and a search would fetch each kept run from main memory.
    const known = started > this.latest ? -1 : runs.findLastIndex((packed) => packed.isOf(run));
    runs[known < 0 ? runs.length : known] = new PackedRun(run);
    this.latest = Math.max(this.latest, started);
    if (runs.length > this.most) runs.shift();
  }

  unpack(worker: string): Run[] {
    return this.runs.map((run) => run.unpack(worker));
  }
}
