import { type InstanceId, type TenantId } from '../ids/typed-id.js';
import { type Queryable } from './key-cache.js';

/** Whose reading it is. */
export interface Source {
  readonly tenantId: TenantId;
  readonly instanceId: InstanceId;
}

interface Known {
  readonly tenantId: TenantId;
  readonly id: number;
  /** Monotonic; believed until then. */
  readonly until: number;
  /** The same instance as another tenant has it. */
  readonly other?: Known;
}

/** Milliseconds for which a number is believed: after it, the row that it stands for is touched again, so that it stays. */
const BELIEVED_FOR = 600_000;

const MOST = 1_000_000;

/**
 * The numbers by which stored readings name their instances. An instance that two tenants speak of has two.
 *
 * Looked up for every reading, of ten thousand instances every few seconds: a key made of both ids took as long as all else
 * that is done with a reading.
 */
export class SourceKeys {
  private readonly byInstance = new Map<InstanceId, Known>();

  /** The number of each, in order; those that have none yet get one. */
  async resolve(client: Queryable, sources: readonly Source[]): Promise<number[]> {
    const now = performance.now();
    const keys = new Array<number>(sources.length);
    const missing: Source[] = [];
    for (let i = 0; i < sources.length; i++) {
      const known = this.find(sources[i]!);
      if (known && known.until > now) keys[i] = known.id;
      else missing.push(sources[i]!);
    }
    if (missing.length === 0) return keys;
    await this.look(client, unique(missing));
    return sources.map((source) => this.find(source)!.id);
  }

  private find({ tenantId, instanceId }: Source): Known | undefined {
    let known = this.byInstance.get(instanceId);
    while (known && known.tenantId !== tenantId) known = known.other;
    return known;
  }

  private async look(client: Queryable, sources: Source[]): Promise<void> {
    const known = await client.query<KeyRow>(
      `UPDATE telemetry_sources AS s SET last_seen_at = clock_timestamp()
         FROM unnest($1::text[], $2::text[]) AS given (tenant_id, instance_id)
        WHERE s.tenant_id = given.tenant_id AND s.instance_id = given.instance_id
        RETURNING s.id, s.tenant_id, s.instance_id`,
      columnsOf(sources),
    );
    this.keep(known.rows);
    // Only what is missing, as a conflict uses up a number all the same.
    const found = new Set(known.rows.map(({ tenant_id, instance_id }) => `${tenant_id} ${instance_id}`));
    const unknown = sources.filter(({ tenantId, instanceId }) => !found.has(`${tenantId} ${instanceId}`));
    if (unknown.length === 0) return;
    const made = await client.query<KeyRow>(
      `INSERT INTO telemetry_sources (tenant_id, instance_id)
       SELECT * FROM unnest($1::text[], $2::text[]) AS given (tenant_id, instance_id) ORDER BY 1, 2
       ON CONFLICT (tenant_id, instance_id) DO UPDATE SET last_seen_at = clock_timestamp()
       RETURNING id, tenant_id, instance_id`,
      columnsOf(unknown),
    );
    this.keep(made.rows);
  }

  private keep(rows: KeyRow[]): void {
    if (this.byInstance.size > MOST) this.byInstance.clear();
    for (const { id, tenant_id: tenantId, instance_id: instanceId } of rows) {
      const other = without(tenantId, this.byInstance.get(instanceId));
      // Not all at the same time, or a thousand instances that came together would come together for ever.
      const until = performance.now() + BELIEVED_FOR * (0.5 + Math.random() / 2);
      this.byInstance.set(instanceId, { tenantId, id, until, other });
    }
  }
}

interface KeyRow {
  id: number;
  tenant_id: TenantId;
  instance_id: InstanceId;
}

function without(tenantId: TenantId, known: Known | undefined): Known | undefined {
  if (!known) return undefined;
  const other = without(tenantId, known.other);
  return known.tenantId === tenantId ? other : { ...known, other };
}

function unique(sources: readonly Source[]): Source[] {
  return [...new Map(sources.map((source) => [`${source.tenantId} ${source.instanceId}`, source])).values()];
}

function columnsOf(sources: readonly Source[]): [TenantId[], InstanceId[]] {
  return [sources.map(({ tenantId }) => tenantId), sources.map(({ instanceId }) => instanceId)];
}
