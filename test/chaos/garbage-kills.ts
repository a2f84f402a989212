import { setTimeout as pass } from 'node:timers/promises';
import pg from 'pg';
import { type DataSource } from 'typeorm';
import { type InstanceId, newId, type TenantId } from '../../src/modules/ids/typed-id.js';
import { GarbageRows } from '../support/garbage-rows.js';
import { DatabaseBackup } from './database-backup.js';
import { KillableApp } from './killable-app.js';
import { markedProcesses } from './marked-processes.js';

const HOUR = 3_600_000;

/** What every process of an instance has in its environment, so that those are found which nobody knows of any more. */
const MARK = 'GARBAGE_MARK';

export interface GarbageKillOptions {
  /** Of a migrated database that is its alone. */
  url: string;
  /** Directory of the process provider. */
  instances: string;
  /** Where the built package is. */
  checkout: string;
  kills: number;
  /** 0 to 1, as `Math.random`. */
  random?: () => number;
  progress?: (kills: number) => void;
}

/** What was seen. */
export interface GarbageKills {
  kills: number;
  /** Kills that came before the collector had done all. */
  inMidPass: number;
  /** Rounds in which the provider's lists gave half of what there is, or broke off. */
  halfLists: number;
  /** How often the database was put back to what it was a round before. */
  restores: number;
  /** Things that were garbage, and things that were not, or may not go yet. */
  garbage: number;
  kept: number;
  violations: string[];
}

/** Ids by table. */
type Things = Map<string, Set<string>>;

/** One of so many kills is followed by a backup, and the next one by its restoration. */
const ROUNDS_PER_BACKUP = 6;

/**
 * A garbage collector that is killed in mid-pass, again and again: each time there is new garbage of every kind, and something
 * that only looks like it. Some rounds have a provider that lists half, or breaks off; after some the database is restored from
 * a backup, so that the provider runs what no row knows. Nothing in use is ever gone; in the end all garbage is, and each removal
 * was told once.
 */
export async function killCollector(options: GarbageKillOptions): Promise<GarbageKills> {
  const { kills, random = Math.random, progress, url, instances, checkout } = options;
  let pool = poolOf(url);
  const query = async (sql: string, values?: unknown[]) => (await pool.query(sql, values)).rows;
  const rows = new GarbageRows({ query } as unknown as DataSource);
  const collector = new KillableApp('test/apps/collected.mjs', checkout, { url, instances });
  let garbage: Things = new Map();
  let kept: Things = new Map();
  const running: { id: string; pid: number }[] = [];
  const seen: GarbageKills = {
    ...{ kills: 0, inMidPass: 0, halfLists: 0, restores: 0, garbage: 0, kept: 0 },
    violations: [],
  };
  const database = new DatabaseBackup(url);
  let atBackup: { garbage: Things; kept: Things; alive: Set<number> } | undefined;
  const processes = async () => (await markedProcesses(MARK, instances)).map(({ pid }) => pid);
  const wrong = async (): Promise<void> => {
    for (const [table, ids] of kept) {
      const there = new Set(await rows.present(table, [...ids]));
      for (const id of ids)
        if (!there.has(id)) seen.violations.push(`${id} of ${table} was removed, and is in use`);
    }
    const alive = new Set(await processes());
    for (const { id, pid } of running)
      if (!alive.has(pid)) seen.violations.push(`${id} was ended, and is in use`);
  };
  /** While nothing is connected. */
  const backUpOrRestore = async (): Promise<void> => {
    const round = seen.kills % ROUNDS_PER_BACKUP;
    if (round === 2) {
      await pool.end();
      await database.take();
      pool = poolOf(url);
      atBackup = { garbage: copyOf(garbage), kept: copyOf(kept), alive: new Set(await processes()) };
    } else if (round === 3 && atBackup) {
      await pool.end();
      await database.restore();
      pool = poolOf(url);
      ({ garbage, kept } = atBackup);
      // What has no row any more, and was never deleted as far as anything says: it stays, whatever it was before.
      const known = new Set(running.map(({ pid }) => pid));
      for (const pid of await processes())
        if (!atBackup.alive.has(pid) && !known.has(pid)) running.push({ id: `process ${pid}`, pid });
      atBackup = undefined;
      seen.restores++;
    }
  };
  try {
    await collector.start();
    while (seen.kills < kills) {
      await addRound(rows, query, garbage, kept);
      await addInstances(collector, query, garbage, kept, running, instances);
      const steps = 1 + Math.floor(random() * 60);
      const half = random() < 0.3;
      if (half) seen.halfLists++;
      const order = collector.tell({ fault: steps, collect: 2, half });
      const ended = collector.doneOrDead(order);
      await (random() < 0.5 ? Promise.race([ended, pass(random() * 400)]) : ended);
      if (!collector.hasDone(order)) seen.inMidPass++;
      await collector.kill();
      progress?.(++seen.kills);
      await wrong();
      if (seen.violations.length) return seen;
      await backUpOrRestore();
      await collector.start();
    }
    const outcomes = await collector.done<string[]>(collector.tell({ collect: 3 }));
    for (const outcome of outcomes) if (outcome !== 'succeeded') seen.violations.push(outcome);
    await wrong();
    for (const [table, ids] of garbage)
      for (const id of await rows.present(table, [...ids]))
        seen.violations.push(`${id} of ${table} is garbage, and was not removed`);
    const count = (things: Things) => [...things.values()].reduce((sum, { size }) => sum + size, 0);
    [seen.garbage, seen.kept] = [count(garbage), count(kept)];
    const known = new Set(running.map(({ pid }) => pid));
    for (const pid of await processes())
      if (!known.has(pid)) seen.violations.push(`process ${pid} is of no instance`);
    seen.violations.push(...(await toldWrong(query, garbage)));
    return seen;
  } finally {
    await collector.destroy();
    await pool.end();
    await database.drop();
    for (const pid of await processes()) process.kill(pid, 'SIGKILL');
  }
}

function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => undefined);
  return pool;
}

function copyOf(things: Things): Things {
  return new Map([...things].map(([table, ids]) => [table, new Set(ids)]));
}

type Query = (sql: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

function note(things: Things, table: string, ...ids: string[]): void {
  const known = things.get(table) ?? new Set();
  for (const id of ids) known.add(id);
  things.set(table, known);
}

/** Rows of every kind: garbage, what is in use, and what is lost, which a brake holds back. */
async function addRound(rows: GarbageRows, query: Query, garbage: Things, kept: Things): Promise<void> {
  const tenantId = newId('tenant');
  const workloadId = await rows.addWorkload(tenantId);
  const gone = await rows.addDeletedWorkload(tenantId);
  const domainId = await rows.addDomain(tenantId, { verified: true });
  const names = [`${domainId.replaceAll('_', '-')}.example`];
  note(kept, 'domains', domainId);
  note(kept, 'workloads', workloadId);
  note(kept, 'routes', await rows.addRoute(tenantId, domainId, workloadId));
  note(
    garbage,
    'routes',
    await rows.addRoute(tenantId, domainId, gone),
    await rows.addRoute(tenantId, domainId, gone),
  );
  note(kept, 'certificates', await rows.addCertificate(tenantId, domainId, names));
  // Served in the place of one that there is not: its domain was made anew.
  const again = newId('domain');
  const proven = await rows.addDomain(tenantId, { verified: true });
  note(kept, 'domains', proven);
  note(
    kept,
    'certificates',
    await rows.addCertificate(tenantId, again, [`${proven.replaceAll('_', '-')}.example`]),
  );

  const left = await rows.addDeletedTenant();
  const domain = await rows.addDomain(left, { verified: true });
  note(garbage, 'domains', domain);
  note(garbage, 'routes', await rows.addRoute(left, domain, newId('workload')));
  note(garbage, 'certificates', await rows.addCertificate(left, domain, ['left.example']));
  note(garbage, 'certificates', await rows.addCertificate(left, newId('domain'), ['gone.example']));
  note(garbage, 'workloads', await workloadOf(query, left));

  const instanceId = newId('instance');
  await rows.recordDeletion(instanceId, tenantId);
  note(garbage, 'health_checks', await rows.addCheck(tenantId, instanceId));
  note(kept, 'health_checks', await rows.addCheck(tenantId, null));

  await query(`UPDATE workloads SET spec_hash = 'now' WHERE id = $1`, [workloadId]);
  for (const age of [2, 3])
    note(kept, 'deployments', await rows.addDeployment(tenantId, workloadId, { age: age * HOUR, hash: 'b' }));
  for (const age of [4, 5])
    note(
      garbage,
      'deployments',
      await rows.addDeployment(tenantId, workloadId, { age: age * HOUR, hash: 'a' }),
    );
  note(
    kept,
    'deployments',
    await rows.addDeployment(tenantId, workloadId, { age: 6 * HOUR, hash: 'now', state: 'failed' }),
  );

  const lost = newId('tenant');
  await rows.addTenant(lost);
  const lostDomain = await rows.addDomain(lost);
  note(kept, 'domains', lostDomain);
  note(kept, 'routes', await rows.addRoute(lost, lostDomain, newId('workload')));
  note(kept, 'certificates', await rows.addCertificate(lost, newId('domain'), ['lost.example']));
  note(kept, 'health_checks', await rows.addCheck(lost, newId('instance')));
  note(kept, 'deployments', await rows.addDeployment(lost, newId('workload'), { age: 9 * HOUR }));
}

/** A row as it is left when a tenant's deletion was cut short by hand. */
async function workloadOf(query: Query, tenantId: TenantId): Promise<string> {
  const id = newId('workload');
  await query(
    `INSERT INTO workloads (id, tenant_id, name, provider, spec, replicas) VALUES ($1, $2, $1, 'process', '{}', 1)`,
    [id, tenantId],
  );
  return id;
}

/** Four that run: two are in use, one has lost its row to a deletion, the workload of one was deleted. */
async function addInstances(
  collector: KillableApp,
  query: Query,
  garbage: Things,
  kept: Things,
  running: { id: string; pid: number }[],
  mark: string,
): Promise<void> {
  const tenantId = newId('tenant');
  await query(`INSERT INTO tenants (id, name) VALUES ($1::text, replace($1::text, '_', '-'))`, [tenantId]);
  const made = await collector.done<InstanceId[]>(
    collector.tell({ create: { tenantId, count: 4, env: { [MARK]: mark } } }),
  );
  const [used, rowless, orphan, other] = made;
  for (const id of [used!, other!]) {
    note(kept, 'instances', id);
    const [row] = await query('SELECT ref FROM instances WHERE id = $1', [id]);
    running.push({ id, pid: Number(row!.ref) });
  }
  // By hand, which is recorded as others of its tenant stay.
  await query('DELETE FROM instances WHERE id = $1', [rowless]);
  note(garbage, 'instances', rowless!, orphan!);
  const gone = newId('workload');
  for (const id of [gone, newId('workload')])
    await query(
      `INSERT INTO workloads (id, tenant_id, name, provider, spec, replicas) VALUES ($1, $2, $1, 'process', '{}', 0)`,
      [id, tenantId],
    );
  await query(
    `UPDATE instances SET labels = jsonb_build_object('ctrlplane.workload', $2::text) WHERE id = $1`,
    [orphan, gone],
  );
  await query('DELETE FROM workloads WHERE id = $1', [gone]);
}

async function toldWrong(query: Query, garbage: Things): Promise<string[]> {
  const wrong: string[] = [];
  for (const [type, key, table] of [
    ['cert.removed', 'certificateId', 'certificates'],
    ['domain.removed', 'domainId', 'domains'],
  ] as const) {
    const told = await query(
      `SELECT payload ->> '${key}' AS id, count(*)::int AS n FROM events WHERE type = '${type}' GROUP BY 1`,
    );
    const times = new Map(told.map(({ id, n }) => [String(id), Number(n)]));
    for (const id of garbage.get(table) ?? [])
      if (times.get(id) !== 1) wrong.push(`${type} of ${id} was told ${times.get(id) ?? 0} times`);
  }
  return wrong;
}
