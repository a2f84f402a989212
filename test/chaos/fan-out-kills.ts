import { readFileSync } from 'node:fs';
import { setTimeout as pass } from 'node:timers/promises';
import { AppProcess } from '../support/app-process.js';
import { nodeOf } from '../support/parts.js';
import { query } from '../support/query.js';

export interface FanOutKills {
  /** Where the built package is. */
  checkout: string;
  /** Of the database of the coordination. */
  url: string;
  /** Address of Redis, for BullMQ. Without it pg-boss in that database. */
  redis?: string;
  /** A file that is not there yet. */
  journal: string;
  shards: number;
  /** Milliseconds that a shard takes on average. */
  takes: number;
  replicas: number;
  /** How many replicas are killed, one after the other. */
  kills: number;
  /** Kills the engine's server, starts it again, and resolves when it answers. */
  killEngine?(): Promise<void>;
  engineKills?: number;
  progress?(text: string): void;
}

export interface FanOutSeen {
  kills: number;
  /** Replicas that were killed while the run was theirs. */
  holders: number;
  engineKills: number;
  /** Shards that were run, and how often more than once. */
  items: number;
  again: number;
  /** How each attempt of the run ended. */
  attempts: string[];
  seconds: number;
  record: object | undefined;
  violations: string[];
}

interface Row extends Record<string, unknown> {
  outcome: string;
  attempt: number;
  shards: { total: number; done: number; failed: number } | null;
  metrics: Record<string, number> | null;
}

/** One run with many shards, while its replicas and the server of its engine are killed in the middle of it. */
export async function killFanOut(options: FanOutKills): Promise<FanOutSeen> {
  const { checkout, url, redis, journal, shards, takes, progress = () => {} } = options;
  const running: AppProcess[] = [];
  const start = async (): Promise<AppProcess> => {
    const replica = new AppProcess({
      // pg-boss declares a newer Node than the package.
      command: [redis ? process.execPath : nodeOf(24), 'test/apps/fan-out.mjs'],
      cwd: checkout,
      env: {
        PATH: process.env.PATH,
        NO_COLOR: '1',
        FAN_OUT: JSON.stringify({ url, redis, shards, takes, journal }),
      },
    });
    running.push(replica);
    void replica.exit.then(() => {
      if (running.includes(replica))
        seen.violations.push(`a replica has ended by itself:\n${replica.output}`);
    });
    await replica.said(/ready/);
    return replica;
  };
  const done = (): number => new Set(itemsIn(journal)).size;
  const ended = async (): Promise<Row | undefined> => {
    const [row] = await query<Row>(
      url,
      `SELECT outcome, attempt, shards, metrics FROM workers.runs WHERE worker = 'sweep' AND outcome = 'succeeded'`,
    ).catch(() => []);
    return row;
  };
  const seen: FanOutSeen = {
    kills: 0, holders: 0, engineKills: 0, items: 0, again: 0, attempts: [], seconds: 0, record: undefined, violations: [],
  }; // prettier-ignore
  const from = Date.now();
  try {
    await Promise.all(Array.from({ length: options.replicas }, start));
    running[0]!.kill('SIGUSR2');
    const steps = options.kills + (options.engineKills ?? 0);
    for (let step = 1; step <= steps; step++) {
      // In the middle of it: at a share of the shards that grows with each kill.
      const share = (step / (steps + 1)) * shards;
      while (done() < share && !(await ended())) await pass(20);
      if (await ended()) break;
      const engine = options.killEngine && seen.engineKills < (options.engineKills ?? 0) && step % 2 === 0;
      if (engine || seen.kills === options.kills) {
        await options.killEngine!();
        seen.engineKills++;
        progress(`the engine was killed at ${done()} of ${shards}`);
        continue;
      }
      const holder = await holderOf(url, running);
      // By turns the one whose run it is, and another one.
      const victim = (seen.kills % 2 === 0 && holder) || running.find((replica) => replica !== holder)!;
      if (victim === holder) seen.holders++;
      running.splice(running.indexOf(victim), 1);
      victim.kill('SIGKILL');
      await victim.exit;
      seen.kills++;
      progress(`a replica was killed at ${done()} of ${shards}`);
      await start();
    }
    const patience = Date.now() + Math.max(240_000, shards * 10);
    let row = await ended();
    while (!row && Date.now() < patience) {
      await pass(200);
      row = await ended();
    }
    const items = itemsIn(journal);
    const unique = new Set(items).size;
    const runs = await query<{ outcome: string; message: string | null }>(
      url,
      `SELECT outcome, error ->> 'message' AS message FROM workers.runs WHERE worker = 'sweep' ORDER BY started_at`,
    ).catch(() => []);
    const attempts = runs.map(({ outcome, message }) =>
      message ? `${outcome} (${message.slice(0, 120)})` : outcome,
    );
    Object.assign(seen, { items: unique, again: items.length - unique, attempts });
    seen.seconds = Math.round((Date.now() - from) / 1_000);
    seen.record = row?.shards ?? undefined;
    if (!row)
      seen.violations.push(
        `the run has not ended: ${unique} of ${shards}\n${running.map(({ output }) => output).join('\n')}`,
      );
    if (row && unique !== shards) seen.violations.push(`${shards - unique} shards never ran`);
    if (
      row &&
      JSON.stringify(sorted(row.shards)) !== JSON.stringify({ done: shards, failed: 0, total: shards })
    )
      seen.violations.push(`the record says ${JSON.stringify(row.shards)}`);
    if (row && row.metrics?.items !== shards)
      seen.violations.push(`the metric says ${JSON.stringify(row.metrics)}`);
    return seen;
  } finally {
    for (const replica of running.splice(0)) await replica.destroy();
  }
}

function sorted(value: object | null): object {
  return Object.fromEntries(Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function itemsIn(journal: string): string[] {
  try {
    // The last line may be written only in part by a process that was killed.
    return readFileSync(journal, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' ')[0]!);
  } catch {
    return [];
  }
}

/** The replica whose run it is, by its process. */
async function holderOf(url: string, running: readonly AppProcess[]): Promise<AppProcess | undefined> {
  const [row] = await query<{ pid: number }>(
    url,
    `SELECT r.pid FROM workers.workers AS w JOIN workers.known_replicas AS r ON r.id = w.holder
     WHERE w.name = 'sweep' AND w.lease_until > now()`,
  ).catch(() => []);
  return running.find(({ pid }) => pid === row?.pid);
}
