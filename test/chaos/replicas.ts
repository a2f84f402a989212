import { join } from 'node:path';
import pg from 'pg';
import { installAudit } from './audit.js';
import { type ChaosWorker, type Note, readJournal, Replica, type ReplicaOptions } from './replica.js';

/** What all replicas of a scenario have in common. */
export interface ClusterOptions extends Pick<ReplicaOptions, 'workers' | 'module' | 'effectsUrl'> {
  /** Of a database that is theirs alone. */
  url: string;
  /** Where the built package is. */
  checkout: string;
  /** For notes; removed by who made it. */
  directory: string;
}

/** The replicas of one scenario, and what they and PostgreSQL have noted. */
export class Replicas {
  readonly running = new Set<Replica>();
  private readonly journals: string[] = [];

  private constructor(
    private readonly options: ClusterOptions,
    /** Straight to the database. */
    readonly pool: pg.Pool,
  ) {}

  /**
   * Makes the workers known, and watches what becomes of them from then on.
   * @param direct URL of the same database that no fault stands in the way of
   */
  static async prepare(options: ClusterOptions, direct = options.url): Promise<Replicas> {
    const pool = new pg.Pool({ connectionString: direct, max: 3 });
    pool.on('error', () => {});
    const replicas = new Replicas(options, pool);
    try {
      const first = await replicas.start({ module: { ...options.module, run: false } });
      await first.close();
      replicas.running.delete(first);
      await installAudit(pool);
      return replicas;
    } catch (error) {
      await replicas.destroy();
      throw error;
    }
  }

  get workers(): readonly ChaosWorker[] {
    return this.options.workers;
  }

  async start(options: Partial<ReplicaOptions> = {}): Promise<Replica> {
    const { directory, checkout, url, workers, module, effectsUrl } = this.options;
    const journal = join(directory, `${this.journals.length}.journal`);
    this.journals.push(journal);
    const common = { url, workers, journal, ...(module && { module }), ...(effectsUrl && { effectsUrl }) };
    const replica = await Replica.start(checkout, { ...common, ...options });
    this.running.add(replica);
    return replica;
  }

  /** kill -9. @returns when it was dead, by the machine's clock */
  async kill(replica: Replica): Promise<number> {
    this.running.delete(replica);
    await replica.kill();
    return Date.now();
  }

  /** SIGTERM. */
  async drain(replica: Replica): Promise<void> {
    this.running.delete(replica);
    await replica.drain();
  }

  /** All of them, as an orchestrator does. */
  async drainAll(): Promise<void> {
    await Promise.all([...this.running].map((replica) => this.drain(replica)));
  }

  /** What each replica has noted. */
  notes(): Note[][] {
    return this.journals.map(readJournal);
  }

  /** What the runs of one worker did, in the order of time. */
  notesOf(worker: string): Note[] {
    return this.notes()
      .flat()
      .filter((note) => note.worker === worker)
      .sort((a, b) => a.at - b.at);
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.running].map((replica) => replica.destroy()));
    this.running.clear();
    await this.pool.end();
  }
}
