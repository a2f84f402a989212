import { readdir } from 'node:fs/promises';
import { setTimeout as pass } from 'node:timers/promises';
import pg from 'pg';
import { specHash } from '../../src/modules/providers/spec-hash.js';
import { KillableApp, type PlaneOptions } from './killable-app.js';
import { markedProcesses } from './marked-processes.js';

/** What it is told to do. */
export interface Order {
  /** Kills it at this many steps from here on. */
  fault?: number;
  /** Made, or changed. */
  workload?: { name: string; replicas: number; spec: object; rollout?: object };
  /** Declared in the place of what was. */
  bootstrap?: object[];
  /** Name of a workload. */
  rollback?: string;
  /** Name of a workload. */
  remove?: string;
}

/** Milliseconds between two looks. */
const POLL = 50;

/** What every process of an instance has in its environment, so that those are found which nobody knows of any more. */
const MARK = 'KILLS_MARK';

/** A control plane that is killed and started anew, and what its database and the machine say of it. */
export class Plane {
  private readonly app: KillableApp;

  private constructor(
    checkout: string,
    readonly options: PlaneOptions,
    private readonly pool: pg.Pool,
  ) {
    this.app = new KillableApp('test/apps/reconciled.mjs', checkout, options);
  }

  /** @param checkout where the built package is */
  static async start(checkout: string, options: PlaneOptions): Promise<Plane> {
    const pool = new pg.Pool({ connectionString: options.url, max: 2 });
    pool.on('error', () => undefined);
    const plane = new Plane(checkout, options, pool);
    await plane.startApp();
    return plane;
  }

  startApp = (): Promise<void> => this.app.start();

  get output(): string {
    return this.app.output;
  }

  /** The spec of a program that runs until it is ended; each version is another spec. */
  spec(version: number): { command: string[]; env: Record<string, string> } {
    return { command: ['sleep', '86400'], env: { [MARK]: this.options.instances, VERSION: String(version) } };
  }

  /** Tells it, and waits for nothing. @returns its number */
  tell = (order: Order): number => this.app.tell(order);

  doneOrDead = (order: number): Promise<void> => this.app.doneOrDead(order);

  isDead = (): Promise<boolean> => this.app.isDead();

  kill = (): Promise<void> => this.app.kill();

  /** How many steps it has taken since the last `fault`. */
  steps = (): Promise<number> => this.app.steps();

  /**
   * Waits until everything is as it should be.
   * @throws Error with what is not, when that takes longer than `timeout` milliseconds
   */
  async converged(timeout: number): Promise<void> {
    await this.convergedOrDead(timeout);
    if (await this.isDead()) throw new Error(`The control plane has ended by itself: ${this.output}`);
  }

  /** The same, or until it has ended. */
  async convergedOrDead(timeout: number): Promise<void> {
    let open: string[] = [];
    const deadline = performance.now() + timeout;
    for (;;) {
      if (await this.isDead()) return;
      open = await this.open();
      if (open.length === 0) return;
      if (performance.now() > deadline)
        throw new Error(`Not as it should be after ${timeout} ms: ${open.join('; ')}. Said: ${this.output}`);
      await pass(POLL);
    }
  }

  /** What is doubled, leaked or told twice; to be asked when it has converged. */
  async violations(): Promise<string[]> {
    const wrong = await this.open();
    const twice = await this.query<{ type: string; id: string; n: number }>(
      `SELECT type, payload ->> 'instanceId' AS id, count(*)::int AS n FROM events
       WHERE type IN ('instance.created', 'instance.deleted') GROUP BY 1, 2 HAVING count(*) > 1`,
    );
    for (const { type, id, n } of twice) wrong.push(`${type} of ${id} was told ${n} times`);
    const untold = await this.query<{ id: string }>(
      `SELECT c.payload ->> 'instanceId' AS id FROM events c
       WHERE c.type = 'instance.created'
         AND NOT EXISTS (SELECT FROM instances i WHERE i.id = c.payload ->> 'instanceId')
         AND NOT EXISTS (SELECT FROM events d WHERE d.type = 'instance.deleted'
           AND d.payload ->> 'instanceId' = c.payload ->> 'instanceId')`,
    );
    for (const { id } of untold) wrong.push(`${id} is gone, and that was not told`);
    const ends = await this.query<{ id: string; n: number }>(
      `SELECT payload ->> 'deploymentId' AS id, count(*)::int AS n FROM events
       WHERE type IN ('deployment.started', 'deployment.succeeded', 'deployment.failed')
       GROUP BY 1, type HAVING count(*) > 1`,
    );
    for (const { id } of ends) wrong.push(`${id} was told twice`);
    return wrong;
  }

  async query<R>(sql: string): Promise<R[]> {
    return (await this.pool.query(sql)).rows as R[];
  }

  async destroy(): Promise<void> {
    await this.app.destroy();
    await this.pool.end();
    for (const { pid } of await this.processes()) process.kill(pid, 'SIGKILL');
  }

  /** What is not as it should be. */
  private async open(): Promise<string[]> {
    const wrong: string[] = [];
    const workloads = await this.query<{ id: string; name: string; replicas: number; spec: never }>(
      'SELECT id, name, replicas, spec FROM workloads',
    );
    const instances = await this.query<{
      id: string;
      state: string;
      hash: string;
      workload: string | null;
      bootstrap: string | null;
      ref: string | null;
    }>(
      `SELECT id, state, spec_hash AS hash, workload_id AS workload, ref,
         labels ->> 'ctrlplane.bootstrap' AS bootstrap FROM instances`,
    );
    for (const { id, name, replicas, spec } of workloads) {
      const own = instances.filter(({ workload }) => workload === id);
      const good = own.filter(({ state, hash }) => state === 'running' && hash === specHash(spec));
      if (own.length !== replicas || good.length !== replicas)
        wrong.push(`${name}: ${good.length} of ${own.length} instances are good, ${replicas} wanted`);
    }
    const known = new Set(workloads.map(({ id }) => id));
    for (const { id, workload } of instances)
      if (workload && !known.has(workload)) wrong.push(`${id} is of no workload`);
    const rolling = await this.query(`SELECT FROM deployments WHERE state = 'rolling'`);
    if (rolling.length) wrong.push(`${rolling.length} deployments are rolling`);
    await this.openBootstraps(instances, wrong);
    await this.openProcesses(instances, wrong);
    return wrong;
  }

  private async openBootstraps(
    instances: readonly { bootstrap: string | null; state: string }[],
    wrong: string[],
  ): Promise<void> {
    const services = await this.query<{
      id: string;
      name: string;
      state: string;
      installed: boolean;
      wanted: number | null;
    }>(
      `SELECT b.id, b.name, b.state, b.installed_hash IS NOT DISTINCT FROM b.spec_hash AS installed,
         (SELECT (d.value ->> 'replicas')::int * jsonb_array_length(d.value -> 'services') FROM datacenters c, jsonb_array_elements(c.bootstrap) d
          WHERE c.id = b.datacenter_id AND d.value ->> 'name' = b.name) AS wanted
       FROM bootstrap_services b`,
    );
    for (const { id, name, state, installed, wanted } of services) {
      const own = instances.filter(({ bootstrap }) => bootstrap === id);
      const good = wanted === null ? state === 'retired' : state === 'running' && installed;
      if (!good || own.length !== (wanted ?? 0))
        wrong.push(`bootstrap ${name} is ${state} with ${own.length} instances, ${wanted ?? 0} wanted`);
    }
    const [missing] = await this.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM datacenters c, jsonb_array_elements(c.bootstrap) d
       WHERE NOT EXISTS (SELECT FROM bootstrap_services b
         WHERE b.datacenter_id = c.id AND b.name = d.value ->> 'name')`,
    );
    if (missing!.n) wrong.push(`${missing!.n} bootstrap services have no row yet`);
  }

  /** Each instance is one process, the one that its row names, and there is no other. */
  private async openProcesses(
    instances: readonly { id: string; ref: string | null }[],
    wrong: string[],
  ): Promise<void> {
    const processes = await this.processes();
    const wanted = new Map(instances.map(({ id, ref }) => [id, Number(ref)]));
    for (const { pid, instance } of processes)
      if (wanted.get(instance) !== pid)
        wrong.push(
          `process ${pid} runs for ${instance}, whose row says ${wanted.get(instance) ?? 'nothing'}`,
        );
    const running = new Set(processes.map(({ pid }) => pid));
    for (const [id, pid] of wanted) if (!running.has(pid)) wrong.push(`${id} has no process`);
    const held = await readdir(this.options.instances).catch(() => []);
    for (const name of held.filter((name) => name.startsWith('inst_')))
      if (!wanted.has(name)) wrong.push(`the provider holds ${name}, which has no row`);
  }

  /** All that carry this plane's mark, found on the machine and not by what anybody has noted. */
  private async processes(): Promise<{ pid: number; instance: string }[]> {
    const found = await markedProcesses(MARK, this.options.instances);
    return found.map(({ pid, environ }) => ({
      pid,
      instance: environ.find((line) => /^[A-Z_]+=inst_/.test(line))?.split('=')[1] ?? 'nobody',
    }));
  }
}
