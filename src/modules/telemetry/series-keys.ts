import { createHash } from 'node:crypto';
import { type TenantId } from '../ids/typed-id.js';
import { KeyCache, type Queryable } from './key-cache.js';
import { type SeriesIdentity, seriesKey } from './metric.js';

/** The numbers by which stored samples name their series, and how many of them a tenant may have. */
export class SeriesKeys {
  private readonly cache = new KeyCache();

  constructor(private readonly activeSeries: number) {}

  /** The number of each by `seriesKey`; a series that has no place within the limit is not among them. */
  async admit(
    client: Queryable,
    tenantId: TenantId,
    series: readonly SeriesIdentity[],
  ): Promise<Map<string, number>> {
    const byKey = new Map(series.map((one) => [seriesKey(one), one]));
    const missing = [...byKey].filter(([key]) => !this.cache.has(`${tenantId} ${key}`));
    if (missing.length > 0) await this.look(client, tenantId, missing);
    const admitted = new Map<string, number>();
    for (const key of byKey.keys())
      if (this.cache.has(`${tenantId} ${key}`)) admitted.set(key, this.cache.get(`${tenantId} ${key}`));
    return admitted;
  }

  private async look(
    client: Queryable,
    tenantId: TenantId,
    series: [key: string, series: SeriesIdentity][],
  ): Promise<void> {
    const keys = new Map(series.map(([key]) => [fingerprintOf(key), key]));
    const { rows } = await client.query<{ id: number; fingerprint: string }>(
      `SELECT id, fingerprint FROM telemetry_admit_series($1, $2, $3, $4, $5, $6, $7)`,
      [
        tenantId,
        this.activeSeries,
        [...keys.keys()],
        series.map(([, { name }]) => name),
        series.map(([, { kind }]) => kind),
        series.map(([, { labels }]) => JSON.stringify(labels)),
        series.map(([, { instanceId }]) => instanceId ?? null),
      ],
    );
    for (const { id, fingerprint } of rows) this.cache.set(`${tenantId} ${keys.get(fingerprint)!}`, id);
  }
}

/** 128 bits of a cryptographic hash: no second series with the same key can be found. */
function fingerprintOf(key: string): string {
  const hex = createHash('sha256').update(key).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
