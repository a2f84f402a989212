import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import pg from 'pg';
import { type DataSource } from 'typeorm';
import { newId } from '../../src/modules/ids/typed-id.js';
import { AppProcess } from '../support/app-process.js';
import { eventually } from '../support/eventually.js';
import { GarbageRows } from '../support/garbage-rows.js';
import { nodeOf } from '../support/parts.js';

const HOUR = 3_600_000;
const REPLICAS = 2;
const TENANTS = 12;
const ORPHANS_PER_TENANT = 6;
const KEPT_PER_TENANT = 9;
/** More than a batch, and less than the share of all routes at which the brake holds them. */
const ROUTES = 60;
/** A shard whose replica was killed is handed out again after 15 to 30 seconds. */
const PATIENCE = 180_000;
/** A kill with the gate open comes within that time. Milliseconds: a pass takes about as long. */
const OPEN_FOR = 400;

export interface HandedOutKills {
  /** Where the built package is. */
  checkout: string;
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
  /** Runs that had another attempt. */
  repeated: number;
  /** Instances and routes that were garbage, and those which had to stay. */
  garbage: number;
  kept: number;
  /** Instances that the provider was told to remove more than once. */
  again: number;
  violations: string[];
}

type Victim = 'holder' | 'other';

interface Run extends Record<string, unknown> {
  outcome: string;
  attempt: number;
  shards: { total: number; done: number; failed: number } | null;
  metrics: Record<string, number> | null;
  message: string | null;
}

/** What a round has made. */
interface Made {
  orphans: string[];
  routes: string[];
  kept: string[];
  /** Held by the brake. */
  lost: string[];
}

/**
 * Passes of the garbage collector that two replicas share, one after the other: the first in peace, then with `kill -9` of the
 * replica of the run or of the other one in turn. Each time there is new garbage, and as much that has to stay.
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
  readonly seen: HandedOutSeen = {
    kills: 0, holders: 0, inMidPass: 0, repeated: 0, garbage: 0, kept: 0, again: 0, violations: [],
  }; // prettier-ignore
  private readonly pool: pg.Pool;
  private readonly rows: GarbageRows;
  private readonly journal: string;
  private readonly gate: string;
  private readonly replicas: AppProcess[] = [];

  constructor(private readonly options: HandedOutKills) {
    this.journal = join(options.directory, 'journal');
    this.gate = join(options.directory, 'gate');
    this.pool = new pg.Pool({ connectionString: options.url, max: 8 });
    this.rows = new GarbageRows({
      query: (sql: string, values?: unknown[]) => this.ask(sql, values),
    } as DataSource);
  }

  async end(): Promise<void> {
    for (const replica of this.replicas.splice(0)) await replica.destroy();
    await this.pool.end();
  }

  /**
   * @param victim which replica is killed, once each of them has begun with its part
   * @param late some time after that, at random, while all of them go on
   */
  async round(victim?: Victim, late = false): Promise<void> {
    await this.start(REPLICAS - this.replicas.length);
    await rm(this.gate, { force: true });
    const made = await this.fill();
    const before = await this.runs();
    const from = this.lines().length;
    this.replicas[0]!.kill('SIGUSR2');
    const pids = this.replicas.map(({ pid }) => pid).toSorted();
    await eventually(() => [...this.waiting(from)].toSorted().join() === pids.join(), PATIENCE);
    if (late) await writeFile(this.gate, '');
    if (late) await pass(Math.random() * OPEN_FOR);
    if (victim) await this.kill(victim, before.length);
    await writeFile(this.gate, '');
    const run = await this.ended(before.length);
    await this.judge(made, run, from, victim === undefined);
  }

  private async start(count: number): Promise<void> {
    const { checkout, url, redis } = this.options;
    const given = { url, redis, journal: this.journal, gate: this.gate };
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
    if ((await this.runs()).length === before) this.seen.inMidPass++;
  }

  /** Waits until the pass has succeeded. Undefined when it never does. */
  private async ended(before: number): Promise<Run | undefined> {
    const patience = Date.now() + PATIENCE;
    for (;;) {
      const runs = (await this.runs()).slice(before);
      const run = runs.find(({ outcome }) => outcome === 'succeeded');
      if (run && runs.length > 1) this.seen.repeated++;
      if (run) return run;
      if (Date.now() > patience) {
        const told = runs.map(
          ({ outcome, attempt, message }) => `attempt ${attempt}: ${outcome} (${message})`,
        );
        const output = this.replicas.map((replica) => replica.output).join('\n');
        this.seen.violations.push(`no pass has succeeded: ${told.join('; ') || 'none has ended'}\n${output}`);
        return undefined;
      }
      await pass(100);
    }
  }

  private async judge(made: Made, run: Run | undefined, from: number, quiet: boolean): Promise<void> {
    const { seen } = this;
    const wrong = (what: string): void => void seen.violations.push(what);
    const { orphans, routes, lost } = made;
    const garbage = [...orphans, ...routes];
    const staying = [...made.kept, ...lost];
    const left = await this.present(garbage);
    if (left.length > 0) wrong(`left: ${left.join(', ')}`);
    const stayed = new Set(await this.present(staying));
    const gone = staying.filter((id) => !stayed.has(id));
    if (gone.length > 0) wrong(`gone, though in use or held: ${gone.join(', ')}`);
    const removed = this.lines(from).flatMap(([kind, , id]) => (kind === 'removed' ? [id!] : []));
    const once = new Set(removed);
    const never = orphans.filter((id) => !once.has(id));
    if (never.length > 0) wrong(`never removed by the provider: ${never.join(', ')}`);
    const told = await this.ask<{ id: string; n: number }>(
      `SELECT payload ->> 'instanceId' AS id, count(*)::int AS n FROM events
       WHERE type = 'instance.deleted' AND payload ->> 'instanceId' = ANY ($1) GROUP BY 1`,
      [orphans],
    );
    const untold = orphans.length - told.filter(({ n }) => n === 1).length;
    if (untold > 0) wrong(`${untold} removals were not told, or more than once`);
    seen.garbage += garbage.length;
    seen.kept += staying.length;
    seen.again += removed.length - once.size;
    if (!run) return;
    const { shards, metrics } = run;
    if (shards?.failed !== 0 || shards.done !== shards.total)
      wrong(`the record says ${JSON.stringify(shards)}`);
    if (!quiet) return;
    // A batch for each tenant with orphans, and one for each fifty routes.
    const total = TENANTS + Math.ceil(ROUTES / 50);
    if (shards?.total !== total) wrong(`${shards?.total} batches instead of ${total}`);
    const { 'instances.removed': instances, 'routes.removed': ofRoutes } = metrics ?? {};
    if (instances !== orphans.length || ofRoutes !== ROUTES)
      wrong(`the metrics say ${JSON.stringify(metrics)}`);
  }

  /** Orphans and routes that are garbage, what is in use beside them, and a tenant whose workload is lost. */
  private async fill(): Promise<Made> {
    const { rows } = this;
    const [orphans, kept, lost, routes]: [string[], string[], string[], string[]] = [[], [], [], []];
    for (let n = 0; n < TENANTS; n++) {
      const tenantId = newId('tenant');
      const workloadId = await rows.addDeletedWorkload(tenantId);
      const old = { tenantId, age: 2 * HOUR };
      for (let i = 0; i < ORPHANS_PER_TENANT; i++)
        orphans.push(await rows.addInstance({ ...old, workloadId }));
      for (let i = 0; i < KEPT_PER_TENANT; i++) kept.push(await rows.addInstance(old));
    }
    const tenantId = newId('tenant');
    const never = newId('workload');
    for (let i = 0; i < 4; i++)
      lost.push(await rows.addInstance({ tenantId, workloadId: never, age: 2 * HOUR }));
    const other = newId('tenant');
    const gone = await rows.addDeletedWorkload(other);
    const used = await rows.addWorkload(other);
    const domainId = await rows.addDomain(other);
    for (let i = 0; i < ROUTES; i++) {
      routes.push(await rows.addRoute(other, domainId, gone));
      kept.push(await rows.addRoute(other, domainId, used));
      kept.push(await rows.addRoute(other, domainId, used));
    }
    return { orphans, kept, lost, routes };
  }

  /** The replica whose run it is. */
  private async holder(): Promise<AppProcess | undefined> {
    const [row] = await this.ask<{ pid: number }>(
      `SELECT r.pid FROM workers.workers AS w JOIN workers.known_replicas AS r ON r.id = w.holder
       WHERE w.name = 'gc' AND w.lease_until > now()`,
    );
    return this.replicas.find(({ pid }) => pid === row?.pid);
  }

  private runs(): Promise<Run[]> {
    return this.ask<Run>(
      `SELECT outcome, attempt, shards, metrics, error ->> 'message' AS message FROM workers.runs
       WHERE worker = 'gc' AND ended_at IS NOT NULL ORDER BY started_at`,
    );
  }

  /** Replicas that have begun with their part. */
  private waiting(from: number): Set<number> {
    return new Set(this.lines(from).flatMap(([kind, pid]) => (kind === 'waits' ? [Number(pid)] : [])));
  }

  private lines(from = 0): string[][] {
    if (!existsSync(this.journal)) return [];
    // The last line may be written only in part by a process that was killed.
    const lines = readFileSync(this.journal, 'utf8').split('\n').slice(0, -1);
    return lines.slice(from).map((line) => line.split(' '));
  }

  private async present(ids: readonly string[]): Promise<string[]> {
    return [...(await this.rows.present('instances', ids)), ...(await this.rows.present('routes', ids))];
  }

  private async ask<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]> {
    return (await this.pool.query<Row & pg.QueryResultRow>(sql, values)).rows;
  }
}
