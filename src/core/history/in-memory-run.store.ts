import { PackedRun } from './packed-run.js';
import { type Run } from './run.js';
import { type RunQuery, RunStore } from './run.store.js';

/** Runs of this process, gone with it: the last so many of each worker. */
export class InMemoryRunStore extends RunStore {
  /** Per worker, in the order in which they were first saved. */
  private readonly runs = new Map<string, Map<string, PackedRun>>();

  /** @param keep runs kept of each worker, the newest; default 100 */
  constructor(private readonly keep = 100) {
    super();
  }

  async open(): Promise<void> {}

  async save(runs: readonly Run[]): Promise<void> {
    for (const run of runs) {
      let kept = this.runs.get(run.worker);
      if (!kept) this.runs.set(run.worker, (kept = new Map()));
      kept.set(run.id, new PackedRun(run));
      if (kept.size > this.keep) kept.delete(kept.keys().next().value!);
    }
  }

  async find({ worker, limit, before }: RunQuery): Promise<Run[]> {
    const workers = worker === undefined ? [...this.runs.keys()] : [worker];
    return workers
      .flatMap((name) => [...(this.runs.get(name)?.values() ?? [])].map((run) => run.unpack(name)))
      .filter((run) => !before || newestFirst(before, run) < 0)
      .sort(newestFirst)
      .slice(0, limit);
  }

  async close(): Promise<void> {}
}

function newestFirst(a: Pick<Run, 'id' | 'startedAt'>, b: Pick<Run, 'id' | 'startedAt'>): number {
  return b.startedAt.getTime() - a.startedAt.getTime() || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0);
}
