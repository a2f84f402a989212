import { readFile, rename, writeFile } from 'node:fs/promises';
import { matchesQuery, newestFirst, type Run, type RunQuery, RunStore } from 'ctrlplane-workers';

/** A `RunStore` of one's own: the runs of one process in a JSON file. It keeps all of them. */
export class FileRunStore extends RunStore {
  private runs = new Map<string, Run>();

  constructor(private readonly file: string) {
    super();
  }

  async open(): Promise<void> {
    const text = await readFile(this.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]';
      throw error;
    });
    const runs = JSON.parse(text, (key, value) =>
      DATES.has(key) && typeof value === 'string' ? new Date(value) : value,
    ) as Run[];
    this.runs = new Map(runs.map((run) => [run.id, run]));
  }

  async save(runs: readonly Run[]): Promise<void> {
    // A run goes on changing after it was saved.
    const all = new Map([...this.runs, ...runs.map((run) => [run.id, structuredClone(run)] as const)]);
    await writeFile(`${this.file}.new`, JSON.stringify([...all.values()]));
    await rename(`${this.file}.new`, this.file);
    this.runs = all;
  }

  async find(query: RunQuery): Promise<Run[]> {
    return [...this.runs.values()]
      .filter((run) => matchesQuery(run, query))
      .sort(newestFirst)
      .slice(0, query.limit)
      .map(({ log, ...run }) => (query.withLog && log ? { ...run, log } : run));
  }

  async close(): Promise<void> {}
}

const DATES = new Set(['slot', 'scheduledAt', 'startedAt', 'endedAt', 'at']);
