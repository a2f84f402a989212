import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import pg from 'pg';
import { InstanceDirectories } from '../../src/modules/providers/process/instance-directories.js';
import { endRuns } from '../../src/modules/providers/process/instance-runs.js';
import { Random } from '../simulation/random.js';
import { AppProcess } from '../support/app-process.js';
import { runs } from '../support/processes.js';
import { Operator } from './operator.js';

/** Replicas by workload, as the fleet file of both hosts declares them. */
const FLEET = { steady: 3, changing: 3, lost: 2 };
/** Milliseconds in which everything is to be as its rows say, once nobody kills any more. */
const SETTLED_WITHIN = 150_000;
/** How many look right in a row until it is believed that nothing moves any more. */
const CALM = 3;

export interface HostsOptions {
  /** Of a database that is theirs alone. */
  url: string;
  /** Where the built package is. */
  checkout: string;
  /** Empty, and open to every user: as root instances run as users of their own. */
  directory: string;
  kills: number;
  /** The same seed asks for the same; when it comes about is another matter. */
  seed: number;
  /** Called after each. */
  progress?: (kills: number) => void;
}

/** What was seen. */
export interface Hosts {
  kills: number;
  /** How often each thing was asked for, and how often it was refused. */
  asked: Record<string, number>;
  refused: string[];
  /** Starts of instances, as they noted them themselves. */
  starts: number;
  /** Instances that ever ran, by host. */
  instances: Record<string, number>;
  /** `instance.deleted` that were told. */
  deleted: number;
  /** Milliseconds from the last kill until everything was as its rows say. */
  settledAfter: number;
  wrong: string[];
}

/** What an instance noted of a start. */
interface Start {
  instance: string;
  pid: number;
  log: string;
  /** Pid of an earlier start that was alive still. */
  still?: number;
}

interface Row {
  id: string;
  tenant_id: string;
  workload_id: string;
  state: string;
  desired_state: string;
  provider_store: string;
  ref: string | null;
}

/** A reference app with a data directory of its own. */
class Host {
  app?: AppProcess;
  readonly ended: string[] = [];

  constructor(
    readonly name: string,
    private readonly place: { directory: string; checkout: string; fleet: string; env: NodeJS.ProcessEnv },
  ) {}

  get instances(): string {
    return join(this.place.directory, this.name, 'instances');
  }

  start(): void {
    const { directory, checkout, fleet, env } = this.place;
    const app = new AppProcess({
      command: [process.execPath, 'dist/main.js'],
      cwd: checkout,
      env: { ...env, DATA_DIR: join(directory, this.name), FLEET: fleet },
    });
    this.app = app;
    void app.exit.then(({ code, signal }) => {
      if (this.app === app) this.ended.push(`${this.name} ended by ${signal ?? code}: ${app.output}`);
    });
  }

  async up(): Promise<void> {
    await this.app!.said(/instances are running/);
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const { app } = this;
    this.app = undefined;
    app?.kill('SIGKILL');
    await app?.exit;
  }

  async end(): Promise<void> {
    await this.kill();
    for (const instance of await new InstanceDirectories(this.instances).all().catch(() => []))
      await endRuns(instance, 0).catch(() => undefined);
  }

  async storeId(): Promise<string> {
    return (await readFile(join(this.instances, 'store-id'), 'utf8')).trim();
  }

  async held(): Promise<string[]> {
    return (await readdir(this.instances)).filter((name) => name !== 'store-id').sort();
  }
}

/**
 * Two hosts on one database, one of which is killed at random and started anew, again and again, while somebody who reaches
 * neither store asks for this and that, instances end by themselves, and the row of a workload is lost.
 */
export async function killHostsAtRandom(options: HostsOptions): Promise<Hosts> {
  const { url, checkout, directory, kills, seed, progress } = options;
  const random = new Random(seed);
  const notes = join(directory, 'notes');
  const fleet = await prepare(directory, notes);
  const env = {
    PATH: process.env.PATH,
    NO_COLOR: '1',
    PORT: '0',
    DATABASE_URL: url,
    WORKERS_TOKEN: randomBytes(16).toString('hex'),
    ENCRYPTION_KEYS: `chaos:${randomBytes(32).toString('base64')}`,
  };
  const hosts = ['a', 'b'].map((name) => new Host(name, { directory, checkout, fleet, env }));
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on('error', () => {});
  let operator: Operator | undefined;
  try {
    for (const host of hosts) host.start();
    await Promise.all(hosts.map((host) => host.up()));
    operator = await Operator.start(checkout, url);
    const asked: Record<string, number> = {};
    const refused: string[] = [];
    const disturb = async () => {
      const [act, done] = await disturbOnce(random, pool, operator!);
      asked[act] = (asked[act] ?? 0) + 1;
      if (done) refused.push(`${act}: ${done}`);
    };

    for (let killed = 0; killed < kills; killed++) {
      const disturbances = Array.from({ length: random.integer(1, 3) }, disturb);
      await pass(random.between(0, 1_500));
      const host = random.pick(hosts);
      await host.kill();
      progress?.(killed + 1);
      await Promise.all(disturbances);
      await pass(random.between(0, 1_000));
      host.start();
      // Every now and then it is killed while it starts.
      if (random.chance(0.7)) await host.up();
    }
    await Promise.all(hosts.map((host) => host.up()));
    const since = performance.now();
    const left = await settle(hosts, pool, notes, env.WORKERS_TOKEN);
    const settledAfter = performance.now() - since;
    const starts = await startsIn(notes);
    return {
      kills,
      asked,
      refused,
      starts: starts.length,
      instances: Object.fromEntries(
        hosts.map((host) => [
          host.name,
          new Set(starts.filter(by(host)).map(({ instance }) => instance)).size,
        ]),
      ),
      deleted: (await told(pool)).length,
      settledAfter,
      wrong: [
        ...left,
        ...misstarts(starts, hosts),
        ...(await misdeletions(pool)),
        ...hosts.flatMap((host) => host.ended),
      ],
    };
  } finally {
    await operator?.end();
    await Promise.all(hosts.map((host) => host.end()));
    await pool.end();
  }
}

async function prepare(directory: string, notes: string): Promise<string> {
  await mkdir(notes);
  await chmod(notes, 0o777);
  await writeFile(join(notes, 'starts'), '');
  await chmod(join(notes, 'starts'), 0o666);
  const program = join(directory, 'witness.sh');
  await copyFile(new URL('../apps/witness.sh', import.meta.url), program);
  await chmod(program, 0o755);
  const workloads = Object.entries(FLEET).map(([name, replicas]) => ({
    name,
    replicas,
    command: [program],
    env: { NOTES: notes },
  }));
  const path = join(directory, 'fleet.yaml');
  const garbageCollector = { interval: '500ms', instanceGracePeriod: 0 };
  await writeFile(path, JSON.stringify({ garbageCollector, tenants: [{ name: 'acme', workloads }] }));
  return path;
}

/** Asks for something, or does it behind everybody's back. @returns what, and why it was refused if it was */
async function disturbOnce(
  random: Random,
  pool: pg.Pool,
  operator: Operator,
): Promise<[string, string | undefined]> {
  const instances = await rowsIn(pool);
  const { rows: workloads } = await pool.query<{ id: string; tenant_id: string; name: string }>(
    'SELECT id, tenant_id, name FROM workloads ORDER BY name',
  );
  const act = random.pick(['end', 'end', 'restart', 'stop', 'start', 'deploy', 'delete', 'scale', 'deleteWorkload', 'lose'] as const); // prettier-ignore
  const instance = instances.length > 0 ? random.pick(instances) : undefined;
  const workload = workloads.find(({ name }) => name === (act === 'lose' ? 'lost' : 'changing'));
  const replicas = random.integer(1, 4);
  if (act === 'end') {
    if (instance?.ref && runs(Number(instance.ref))) process.kill(Number(instance.ref), 'SIGKILL');
    return [act, undefined];
  }
  if (act === 'lose') {
    if (workload) await pool.query('DELETE FROM workloads WHERE id = $1', [workload.id]);
    return [act, undefined];
  }
  const subject = act === 'scale' || act === 'deleteWorkload' ? workload : instance;
  if (!subject) return [act, 'there is none'];
  const { id, tenant_id: tenantId } = subject;
  return [act, await operator.ask({ act, tenantId, id, replicas, mark: String(random.integer(0, 9)) })];
}

/** Waits until nothing is wrong any more. @returns what is wrong after that time */
async function settle(
  hosts: readonly Host[],
  pool: pg.Pool,
  notes: string,
  token: string,
): Promise<string[]> {
  const deadline = performance.now() + SETTLED_WITHIN;
  for (let calm = 0; ;) {
    const wrong = await differences(hosts, pool, notes);
    calm = wrong.length === 0 ? calm + 1 : 0;
    if (calm === CALM || performance.now() > deadline) return wrong;
    if (calm === 0) await hosts[0]!.app!.post('/workers/reconciler/trigger', token).catch(() => undefined);
    await pass(500);
  }
}

/** In what rows, directories and processes differ. */
async function differences(hosts: readonly Host[], pool: pg.Pool, notes: string): Promise<string[]> {
  const wrong: string[] = [];
  const [rows, processes] = [await rowsIn(pool), await processesOf(notes)];
  for (const host of hosts) {
    const store = await host.storeId();
    const expected = rows.filter((row) => row.provider_store === store).map(({ id }) => id).sort(); // prettier-ignore
    const held = await host.held();
    if (expected.join() !== held.join()) wrong.push(`host ${host.name} holds ${held.join()}, its rows are ${expected.join()}`); // prettier-ignore
  }
  for (const { id, state, desired_state, ref } of rows) {
    if (state !== desired_state) wrong.push(`${id} is ${state} and should be ${desired_state}`);
    const leaders = (processes.get(id) ?? []).filter(({ leads }) => leads).map(({ pid }) => String(pid));
    const wanted = desired_state === 'running' ? [ref] : [];
    if (leaders.join() !== wanted.join()) wrong.push(`${id} runs as ${leaders.join()}, its row says ${wanted.join()}`); // prettier-ignore
  }
  const known = new Set(rows.map(({ id }) => id));
  for (const [id, found] of processes)
    if (!known.has(id)) wrong.push(`${id} has no row and runs as ${found.map(({ pid }) => pid).join()}`);
  const { rows: counts } = await pool.query<{ name: string; replicas: number; n: number }>(
    `SELECT name, replicas, (SELECT count(*)::int FROM instances WHERE workload_id = workloads.id) AS n FROM workloads`,
  );
  for (const { name, replicas, n } of counts)
    if (replicas !== n) wrong.push(`${name} has ${n} instances and should have ${replicas}`);
  const { rows: orphans } = await pool.query<{ id: string }>(
    'SELECT id FROM instances WHERE NOT EXISTS (SELECT FROM workloads w WHERE w.id = workload_id)',
  );
  return [...wrong, ...orphans.map(({ id }) => `${id} is an orphan`)];
}

async function rowsIn(pool: pg.Pool): Promise<Row[]> {
  const { rows } = await pool.query<Row>(
    `SELECT id, tenant_id, workload_id, state, desired_state, provider_store, ref FROM instances ORDER BY id`,
  );
  return rows;
}

/** All processes of instances that keep their notes there, by instance. */
async function processesOf(notes: string): Promise<Map<string, { pid: number; leads: boolean }[]>> {
  const found = new Map<string, { pid: number; leads: boolean }[]>();
  for (const pid of (await readdir('/proc')).map(Number).filter(Boolean)) {
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')).split('\0');
    if (!environment.includes(`NOTES=${notes}`)) continue;
    const instance = environment.find((one) => one.startsWith('CTRLPLANE_INSTANCE='))?.split('=')[1] ?? '?';
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const leads = command.includes('witness.sh');
    if (runs(pid)) found.set(instance, [...(found.get(instance) ?? []), { pid, leads }]);
  }
  return found;
}

async function startsIn(notes: string): Promise<Start[]> {
  const lines = (await readFile(join(notes, 'starts'), 'utf8')).split('\n').filter(Boolean);
  return lines.map((line) => {
    const [instance = '', pid, log = '', still] = line.split(' ');
    return { instance, pid: Number(pid), log, ...(still !== '-' && { still: Number(still) }) };
  });
}

function by(host: Host): (start: Start) => boolean {
  return ({ log }) => log.startsWith(`${host.instances}/`);
}

/** Starts beside one that was alive, or on a host that is not the instance's. */
function misstarts(starts: readonly Start[], hosts: readonly Host[]): string[] {
  const wrong: string[] = [];
  const homes = new Map<string, string>();
  for (const start of starts) {
    const { instance, pid, still } = start;
    if (still !== undefined) wrong.push(`${instance} was started as ${pid} while it ran as ${still}`);
    const host = hosts.find((host) => by(host)(start))?.name ?? `nowhere known (${start.log})`;
    const home = homes.get(instance) ?? host;
    homes.set(instance, home);
    if (host !== home) wrong.push(`${instance} of host ${home} was started on host ${host}`);
  }
  return wrong;
}

async function told(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT payload ->> 'instanceId' AS id FROM events WHERE type = 'instance.deleted'`,
  );
  return rows.map(({ id }) => id);
}

/** Deletions that were told twice, or of what is there. */
async function misdeletions(pool: pg.Pool): Promise<string[]> {
  const deleted = await told(pool);
  const present = new Set((await rowsIn(pool)).map(({ id }) => id));
  const twice = deleted.filter((id, i) => deleted.indexOf(id) !== i);
  return [
    ...twice.map((id) => `the deletion of ${id} was told twice`),
    ...deleted.filter((id) => present.has(id)).map((id) => `${id} was told to be deleted, and has a row`),
  ];
}
