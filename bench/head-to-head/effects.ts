import pg from 'pg';

/** Something that a run did, as the database saw it. */
export interface Effect {
  readonly run: string;
  readonly pid: number;
  /** `refused`: an end that came with a lower token than one that was there before. */
  readonly what: 'start' | 'end' | 'refused';
  /** Milliseconds since the epoch: what the run is for, if the contender tells. */
  readonly due: number | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/**
 * The table that all runs of a trial write to, as a service that is called by the job would: with a token, it takes nothing from
 * whoever comes with a lower one than somebody before.
 */
export class Effects {
  private readonly pool: pg.Pool;

  /** @param url of a database that all contenders share */
  constructor(
    url: string,
    private readonly trial: number,
  ) {
    this.pool = new pg.Pool({ connectionString: url, max: 3 });
    this.pool.on('error', (error) => console.error(error));
  }

  static async install(url: string): Promise<void> {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(`
      CREATE TABLE fences (trial int PRIMARY KEY, token bigint);
      CREATE TABLE effects (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, trial int, run uuid, pid int, what text, due float8,
        at timestamptz DEFAULT clock_timestamp()
      )`);
    await client.end();
  }

  async begin(): Promise<void> {
    await this.pool.query('INSERT INTO fences VALUES ($1, NULL)', [this.trial]);
  }

  async write({ run, what, due, token }: Write): Promise<void> {
    await this.pool.query(
      `WITH fence AS (UPDATE fences SET token = greatest(token, $6) WHERE trial = $1 RETURNING token)
       INSERT INTO effects (trial, run, pid, what, due)
       SELECT $1, $2, $3, CASE WHEN $6 < token THEN 'refused' ELSE $4 END, $5 FROM fence`,
      [this.trial, run, process.pid, what, due ?? null, token ?? null],
    );
  }

  /** All of them, oldest first. */
  async all(): Promise<Effect[]> {
    const { rows } = await this.pool.query<Effect>(
      `SELECT run, pid, what, due, extract(epoch FROM at)::float8 * 1000 AS at
       FROM effects WHERE trial = $1 ORDER BY id`,
      [this.trial],
    );
    return rows;
  }

  async end(): Promise<void> {
    await this.pool.end();
  }
}

interface Write {
  run: string;
  what: 'start' | 'end';
  due?: number | undefined;
  token?: number | undefined;
}
