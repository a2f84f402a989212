import { type DataSource } from 'typeorm';
import { newId } from '../../src/modules/ids/typed-id.js';
import { GarbageRows } from '../support/garbage-rows.js';
import {
  type Ask,
  type HandedOutWork,
  type PassRun,
  type SharedPass,
  wrongRecords,
} from './handed-out-work.js';

const HOUR = 3_600_000;
const TENANTS = 12;
const ORPHANS_PER_TENANT = 6;
const KEPT_PER_TENANT = 9;
/** More than a batch, and less than the share of all routes at which the brake holds them. */
const ROUTES = 60;

/** What a round has made. */
interface Made {
  orphans: string[];
  routes: string[];
  kept: string[];
  /** Held by the brake. */
  lost: string[];
}

/** Orphans and routes that are garbage, what is in use beside them, and a tenant whose workload is lost. */
export class HandedOutGarbage implements HandedOutWork {
  readonly figures = { 'garbage, all removed': 0, kept: 0, 'removals that came twice': 0 };
  private readonly rows: GarbageRows;
  private made!: Made;

  constructor(private readonly ask: Ask) {
    this.rows = new GarbageRows({ query: ask } as unknown as DataSource);
  }

  async fill(): Promise<void> {
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
    this.made = { orphans, kept, lost, routes };
  }

  isDone(runs: readonly PassRun[]): boolean {
    return runs.some(({ outcome }) => outcome === 'succeeded');
  }

  async judge({ runs, lines, quiet }: SharedPass): Promise<string[]> {
    const violations = wrongRecords(runs);
    const wrong = (what: string): void => void violations.push(what);
    const { orphans, routes, lost, kept } = this.made;
    const garbage = [...orphans, ...routes];
    const staying = [...kept, ...lost];
    const left = await this.present(garbage);
    if (left.length > 0) wrong(`left: ${left.join(', ')}`);
    const stayed = new Set(await this.present(staying));
    const gone = staying.filter((id) => !stayed.has(id));
    if (gone.length > 0) wrong(`gone, though in use or held: ${gone.join(', ')}`);
    const removed = lines.flatMap(([kind, , id]) => (kind === 'removed' ? [id!] : []));
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
    this.figures['garbage, all removed'] += garbage.length;
    this.figures.kept += staying.length;
    this.figures['removals that came twice'] += removed.length - once.size;
    if (!quiet) return violations;
    const { shards = null, metrics = null } = runs[0] ?? {};
    // A batch for each tenant with orphans, and one for each fifty routes.
    const total = TENANTS + Math.ceil(ROUTES / 50);
    if (shards?.total !== total) wrong(`${shards?.total} batches instead of ${total}`);
    const { 'instances.removed': instances, 'routes.removed': ofRoutes } = metrics ?? {};
    if (instances !== orphans.length || ofRoutes !== ROUTES)
      wrong(`the metrics say ${JSON.stringify(metrics)}`);
    return violations;
  }

  private async present(ids: readonly string[]): Promise<string[]> {
    return [...(await this.rows.present('instances', ids)), ...(await this.rows.present('routes', ids))];
  }
}
