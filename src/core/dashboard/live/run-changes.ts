import { type Subscription } from 'rxjs';
import { type RunRecorder } from '../../history/run.recorder.js';
import { type Run } from '../../history/run.js';
import { type Scheduler } from '../../scheduler/scheduler.js';

/** Most runs in one change; beyond it `more` is set. */
const MOST_RUNS = 500;
/** Milliseconds after its start within which a run of another replica has to be in the history to be sent. */
const WRITTEN_WITHIN = 2_000;
/** Most active runs of other replicas that one look reads by id, to find their end. */
const MOST_ENDED = 50;

export interface ChangedRuns {
  readonly runs: readonly Run[];
  /** Whether there are more runs than these: a client that shows runs has to request them. */
  readonly more: boolean;
}

/**
 * Runs that have started or ended since the last look: this replica's by its events, those of the others by the history,
 * if they share it.
 */
export class RunChanges {
  private subscription?: Subscription;
  private own = new Map<string, Run>();
  private more = false;
  /** Whether the history could not be read in the last look. */
  private blind = false;
  /** Active runs of other replicas, by id. */
  private active = new Map<string, Run>();
  /** What was sent last of the runs that the next look may find again. */
  private told = new Map<string, string>();
  /** Newest start of a run so far; milliseconds since the epoch. */
  private newest = 0;

  /** @param happened called when there may be something to send */
  constructor(
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
    private readonly happened: () => void,
  ) {}

  async start(): Promise<void> {
    this.subscription = this.scheduler.events$.subscribe((event) => {
      if ('run' in event) this.note(event.run);
      this.happened();
    });
    try {
      await this.lookAround();
    } catch {
      this.blind = true;
    }
    this.own.clear();
  }

  stop(): void {
    this.subscription?.unsubscribe();
  }

  /** Never rejects: while the history cannot be read, it has only this replica's runs. */
  async take(): Promise<ChangedRuns> {
    let others: readonly Run[] = [];
    try {
      others = await this.lookAround();
      // Runs that were written meanwhile have to be requested.
      if (this.blind) this.more = true;
      this.blind = false;
    } catch {
      this.blind = true;
    }
    const runs = [...this.own.values(), ...others].slice(0, MOST_RUNS);
    const more = this.more || this.own.size + others.length > MOST_RUNS;
    this.own = new Map();
    this.more = false;
    return { runs, more };
  }

  private note(run: Run): void {
    if (this.own.size < MOST_RUNS || this.own.has(run.id)) this.own.set(run.id, run);
    else this.more = true;
  }

  /** @returns changes of runs of other replicas */
  private async lookAround(): Promise<Run[]> {
    if (!this.recorder.shared) return [];
    const since = new Date(this.newest - WRITTEN_WITHIN);
    const [started, active] = await Promise.all([
      this.newest ? this.recorder.find({ since, limit: MOST_RUNS }) : this.recorder.find({ limit: 1 }),
      this.recorder.find({ outcomes: ['running'], limit: MOST_RUNS }),
    ]);
    if (this.newest && started.length === MOST_RUNS) this.more = true;
    const known = new Map([...started, ...active].map((run) => [run.id, run]));
    const gone = [...this.active.keys()].filter((id) => !known.has(id));
    if (gone.length > MOST_ENDED) this.more = true;
    for (const id of gone.slice(0, MOST_ENDED))
      for (const run of await this.recorder.find({ id, limit: 1 })) known.set(id, run);
    this.newest = Math.max(this.newest, ...[...known.values()].map(({ startedAt }) => startedAt.getTime()));
    const others = [...known.values()].filter(({ replica }) => replica !== this.recorder.replica.id);
    this.active = new Map(others.filter(isActive).map((run) => [run.id, run]));
    const news = others.filter(({ id, outcome }) => this.told.get(id) !== outcome);
    this.told = new Map(others.map(({ id, outcome }) => [id, outcome]));
    return news;
  }
}

function isActive({ outcome }: Run): boolean {
  return outcome === 'running';
}
