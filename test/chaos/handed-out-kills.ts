import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import pg from 'pg';
import { AppProcess } from '../support/app-process.js';
import { eventually } from '../support/eventually.js';
import { nodeOf } from '../support/parts.js';
import { HandedOutEndpoints } from './handed-out-endpoints.js';
import { HandedOutGarbage } from './handed-out-garbage.js';
import { HandedOutWorkloads } from './handed-out-workloads.js';
import { type HandedOutWork, type PassRun } from './handed-out-work.js';

const REPLICAS = 2;
/** A shard whose replica was killed is handed out again after 15 to 30 seconds. */
const PATIENCE = 180_000;
/** A kill with the gate open comes within that time. Milliseconds: a pass takes about as long. */
const OPEN_FOR = 400;

/** By the name of the worker whose passes they are. */
export const HANDED_OUT = {
  gc: HandedOutGarbage,
  reconciler: HandedOutWorkloads,
  telemetry_collector: HandedOutEndpoints,
};

export interface HandedOutKills {
  /** Where the built package is. */
  checkout: string;
  worker: keyof typeof HANDED_OUT;
  /** Of a migrated database that is its alone. */
  url: string;
  /** Address of Redis, for BullMQ. Without it pg-boss in that database. */
  redis?: string;
  /** An empty one. */
  directory: string;
  kills: number;
  progress?(text: string): void;
}

export interface HandedOutSeen {
  kills: number;
  /** Replicas that were killed while the run was theirs. */
  holders: number;
  /** Kills after which the pass was not done yet. */
  inMidPass: number;
  /** Passes in which a run did not succeed, and another one did the rest. */
  repeated: number;
  /** What the work counts, by its name. */
  figures: Readonly<Record<string, number>>;
  violations: string[];
}

type Victim = 'holder' | 'other';

/**
 * Passes of a worker that two replicas share, one after the other: the first in peace, then with `kill -9` of the replica of the
 * run or of the other one in turn. Each time there is something new to do.
 */
export async function killHandedOut(options: HandedOutKills): Promise<HandedOutSeen> {
  const rounds = new Rounds(options);
  try {
    await rounds.round();
    for (let kill = 0; kill < options.kills && rounds.seen.violations.length === 0; kill++) {
      await rounds.round(kill % 2 === 0 ? 'holder' : 'other', kill % 3 === 2);
      options.progress?.(`${kill + 1} of ${options.kills} kills`);
    }
    return rounds.seen;
  } finally {
    await rounds.end();
  }
}

class Rounds {
  readonly seen: HandedOutSeen;
  private readonly pool: pg.Pool;
  private readonly work: HandedOutWork;
  private readonly journal: string;
  private readonly gate: string;
  private readonly replicas: AppProcess[] = [];

  constructor(private readonly options: HandedOutKills) {
    this.journal = join(options.directory, 'journal');
    this.gate = join(options.directory, 'gate');
    this.pool = new pg.Pool({ connectionString: options.url, max: 8 });
    this.work = new HANDED_OUT[options.worker]((sql, values) => this.ask(sql, values), this.gate);
    const { figures } = this.work;
    this.seen = { kills: 0, holders: 0, inMidPass: 0, repeated: 0, figures, violations: [] };
  }

  async end(): Promise<void> {
    for (const replica of this.replicas.splice(0)) await replica.destroy();
    await this.work.end?.();
    await this.pool.end();
  }

  /**
   * @param victim which replica is killed, once each of them has begun with its part
   * @param late some time after that, at random, while all of them go on
   */
  async round(victim?: Victim, late = false): Promise<void> {
    await this.start(REPLICAS - this.replicas.length);
    await rm(this.gate, { force: true });
    await this.work.fill();
    const before = await this.runs();
    const from = this.lines().length;
    this.replicas[0]!.kill('SIGUSR2');
    const pids = this.replicas.map(({ pid }) => pid).toSorted();
    await eventually(() => [...this.waiting(from)].toSorted().join() === pids.join(), PATIENCE);
    if (late) await writeFile(this.gate, '');
    if (late) await pass(Math.random() * OPEN_FOR);
    if (victim) await this.kill(victim, before.length);
    await writeFile(this.gate, '');
    const quiet = victim === undefined;
    const runs = await this.ended(before.length, quiet);
    if (runs.some(({ outcome }) => outcome !== 'succeeded')) this.seen.repeated++;
    const lines = this.lines(from);
    this.seen.violations.push(...(await this.work.judge({ runs, lines, held: this.held(), quiet })));
  }

  private async start(count: number): Promise<void> {
    const { checkout, worker, url, redis } = this.options;
    const given = { worker, url, redis, journal: this.journal, gate: this.gate };
    for (let n = 0; n < count; n++) {
      const replica = new AppProcess({
        // pg-boss declares a newer Node than the package.
        command: [redis ? process.execPath : nodeOf(24), 'test/apps/handed-out.mjs'],
        cwd: checkout,
        env: { PATH: process.env.PATH, NO_COLOR: '1', REPLICA: JSON.stringify(given) },
      });
      this.replicas.push(replica);
      void replica.exit.then(() => {
        if (this.replicas.includes(replica))
          this.seen.violations.push(`a replica has ended by itself:\n${replica.output}`);
      });
    }
    for (const replica of this.replicas) await replica.said(/^ready$/m);
  }

  private async kill(victim: Victim, before: number): Promise<void> {
    const holder = await this.holder();
    const replica = (victim === 'holder' && holder) || this.replicas.find((one) => one !== holder)!;
    this.replicas.splice(this.replicas.indexOf(replica), 1);
    replica.kill('SIGKILL');
    await replica.exit;
    this.seen.kills++;
    if (replica === holder) this.seen.holders++;
    if (!(await this.work.isDone(await this.runsSince(before), false))) this.seen.inMidPass++;
  }

  /** Waits until the pass is done. @returns its runs */
  private async ended(before: number, quiet: boolean): Promise<PassRun[]> {
    const patience = Date.now() + PATIENCE;
    for (;;) {
      const runs = await this.runsSince(before);
      if (await this.work.isDone(runs, quiet)) return runs;
      if (Date.now() > patience) {
        const told = runs.map(
          ({ outcome, attempt, message }) => `attempt ${attempt}: ${outcome} (${message})`,
        );
        const output = this.replicas.map((replica) => replica.output).join('\n');
        this.seen.violations.push(
          `the pass is not done: ${told.join('; ') || 'no run has ended'}\n${output}`,
        );
        return runs;
      }
      await pass(100);
    }
  }

  /** The replica whose run it is. */
  private async holder(): Promise<AppProcess | undefined> {
    const [row] = await this.ask<{ pid: number }>(
      `SELECT r.pid FROM workers.workers AS w JOIN workers.known_replicas AS r ON r.id = w.holder
       WHERE w.name = $1 AND w.lease_until > now()`,
      [this.options.worker],
    );
    return this.replicas.find(({ pid }) => pid === row?.pid);
  }

  private runs(): Promise<PassRun[]> {
    return this.ask<PassRun>(
      `SELECT outcome, attempt, shards, metrics, error ->> 'message' AS message FROM workers.runs
       WHERE worker = $1 AND ended_at IS NOT NULL ORDER BY started_at`,
      [this.options.worker],
    );
  }

  private async runsSince(before: number): Promise<PassRun[]> {
    return (await this.runs()).slice(before);
  }

  /** Replicas that have begun with their part. */
  private waiting(from: number): Set<number> {
    return new Set(this.lines(from).flatMap(([kind, pid]) => (kind === 'waits' ? [Number(pid)] : [])));
  }

  private held(): Set<string> {
    const store = `${this.journal}-store`;
    return new Set(existsSync(store) ? readdirSync(store) : []);
  }

  private lines(from = 0): string[][] {
    if (!existsSync(this.journal)) return [];
    // The last line may be written only in part by a process that was killed.
    const lines = readFileSync(this.journal, 'utf8').split('\n').slice(0, -1);
    return lines.slice(from).map((line) => line.split(' '));
  }

  private async ask<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]> {
    return (await this.pool.query<Row & pg.QueryResultRow>(sql, values && [...values])).rows;
  }
}
