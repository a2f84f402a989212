import { type DataSource } from 'typeorm';
import { newId, type TenantId } from '../../src/modules/ids/typed-id.js';
import { InstanceRows } from '../support/instance-rows.js';
import {
  type Ask,
  type HandedOutWork,
  type PassRun,
  type SharedPass,
  wrongRecords,
} from './handed-out-work.js';

const TENANTS = 4;
/** Of a tenant. Each replica takes eight at a time. */
const WORKLOADS = 12;
const REPLICAS = 2;

/** Workloads without instances: the reconciler makes as many as each wants. */
export class HandedOutWorkloads implements HandedOutWork {
  readonly figures = {
    'workloads, each with as many instances as it wants': 0,
    'provisions that came twice': 0,
  };
  private workloads: string[] = [];

  constructor(private readonly ask: Ask) {}

  async fill(): Promise<void> {
    const rows = new InstanceRows({ query: this.ask } as unknown as DataSource);
    const tenants: TenantId[] = Array.from({ length: TENANTS }, () => newId('tenant'));
    for (const tenant of tenants) await rows.addTenant(tenant);
    const owners = tenants.flatMap((tenant) => Array<TenantId>(WORKLOADS).fill(tenant));
    this.workloads = owners.map(() => newId('workload'));
    // All at once: a pass that the schedule begins has all of them too.
    await this.ask(
      `INSERT INTO workloads (id, tenant_id, name, provider, spec, replicas, rollout)
       SELECT id, tenant_id, id, 'memory', '{"command": ["true"]}', $3, '{"minReady": 0}'
       FROM unnest($1::text[], $2::text[]) AS given (id, tenant_id)`,
      [this.workloads, owners, REPLICAS],
    );
  }

  async isDone(runs: readonly PassRun[], quiet: boolean): Promise<boolean> {
    // The record of an earlier run may have been written since, by a replica that the others keep from the processor.
    if (quiet && this.mostShards(runs) === 0) return false;
    return runs.at(-1)?.outcome === 'succeeded' && (await this.open()).length === 0;
  }

  async judge({ runs, lines, held, quiet }: SharedPass): Promise<string[]> {
    const wrong = [...wrongRecords(runs), ...(await this.open())];
    const made = await this.ask<{ id: string; told: number }>(
      `SELECT i.id, (SELECT count(*)::int FROM events AS e
         WHERE e.type = 'instance.created' AND e.payload ->> 'instanceId' = i.id) AS told
       FROM instances AS i WHERE i.workload_id = ANY ($1)`,
      [this.workloads],
    );
    for (const { id, told } of made) if (told !== 1) wrong.push(`${id}: its creation was told ${told} times`);
    const ids = new Set(made.map(({ id }) => id));
    const provisioned = lines.flatMap(([kind, , id]) => (kind === 'provisioned' ? [id!] : []));
    const once = new Set(provisioned);
    for (const id of held)
      if (once.has(id) && !ids.has(id)) wrong.push(`${id} is held by the provider, and has no row`);
    for (const id of ids) if (!held.has(id)) wrong.push(`${id} has a row, and the provider does not hold it`);
    const most = this.mostShards(runs);
    if (quiet && most < this.workloads.length)
      wrong.push(`${most} shards for ${this.workloads.length} workloads`);
    this.figures['workloads, each with as many instances as it wants'] += this.workloads.length;
    this.figures['provisions that came twice'] += provisioned.length - once.size;
    return wrong;
  }

  private mostShards(runs: readonly PassRun[]): number {
    return Math.max(0, ...runs.map(({ shards }) => shards?.total ?? 0));
  }

  /** Workloads that do not have as many instances as they want. */
  private async open(): Promise<string[]> {
    const found = await this.ask<{ id: string; all: number; running: number }>(
      `SELECT w.id, count(i.id)::int AS all, count(i.id) FILTER (WHERE i.state = 'running')::int AS running
       FROM workloads AS w LEFT JOIN instances AS i ON i.workload_id = w.id
       WHERE w.id = ANY ($1) GROUP BY w.id`,
      [this.workloads],
    );
    return found
      .filter(({ all, running }) => all !== REPLICAS || running !== REPLICAS)
      .map(({ id, all, running }) => `${id}: ${running} of ${all} instances run, ${REPLICAS} are wanted`);
  }
}
