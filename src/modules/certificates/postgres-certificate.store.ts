import { Injectable } from '@nestjs/common';
import { mapPage, type Page, pageLimit, pageOf, pageStart } from '../database/page.js';
import { storableJson, storableText } from '../database/text.js';
import { Transactions } from '../database/transaction.js';
import { type CertificateId, parseId, type TenantId } from '../ids/typed-id.js';
import {
  type ActiveCertificate,
  type Certificate,
  NEW_RENEWAL,
  type NewCertificate,
  type NewVersion,
} from './certificate.js';
import { type ActiveRow, type CertificateRow, toActive, toCertificate } from './certificate-row.js';
import {
  type CertificateClaim,
  type CertificateQuery,
  CertificateStore,
  type SealedVersion,
  type Settled,
} from './certificate.store.js';
import { type Sealed } from './keys/key-ring.js';
import { wildcardFor } from './names.js';

const COLUMNS = `id, tenant_id, domain_id, names, key_type, version, issuer, not_before, not_after, serial_number,
  ari_id, renewal, due_at, created_at`;

/** What a list goes by; each has an index with the id. */
const ORDERS = { created: 'created_at', expiry: `coalesce(not_after, 'epoch')` };

/** Longer waits are none: PostgreSQL's intervals end, and so do clocks. */
const LONGEST_WAIT = 100 * 365 * 86_400_000;

/** When a row is due: $n milliseconds from now, or never where it is NULL. */
const dueIn = (parameter: string) =>
  `coalesce(clock_timestamp() + ${parameter}::double precision * interval '1 millisecond', 'infinity')`;

/** In the tables `certificates` and `certificate_versions`. */
@Injectable()
export class PostgresCertificateStore extends CertificateStore {
  constructor(private readonly transactions: Transactions) {
    super();
  }

  async insert(tenantId: TenantId, { id, domainId, names, keyType }: NewCertificate): Promise<Certificate> {
    const [row] = await this.transactions.query<CertificateRow>(
      `INSERT INTO certificates (id, tenant_id, domain_id, names, key_type, stage, renewal)
       VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${COLUMNS}`,
      [
        parseId('certificate', id),
        parseId('tenant', tenantId),
        parseId('domain', domainId),
        names,
        keyType,
        NEW_RENEWAL.stage,
        storableJson(NEW_RENEWAL),
      ],
    );
    return toCertificate(row!);
  }

  async find(tenantId: TenantId, id: CertificateId): Promise<Certificate | undefined> {
    const [row] = await this.transactions.query<CertificateRow>(
      `SELECT ${COLUMNS} FROM certificates WHERE tenant_id = $1 AND id = $2`,
      key(tenantId, id),
    );
    return row && toCertificate(row);
  }

  list(tenantId: TenantId, query: CertificateQuery = {}): Promise<Page<Certificate>> {
    return this.page(parseId('tenant', tenantId), query);
  }

  listAcrossTenants(query: CertificateQuery = {}): Promise<Page<Certificate>> {
    return this.page(undefined, query);
  }

  async delete(tenantId: TenantId, id: CertificateId): Promise<boolean> {
    const count = await this.transactions.affected(
      'DELETE FROM certificates WHERE tenant_id = $1 AND id = $2',
      [...key(tenantId, id)],
    );
    return count === 1;
  }

  async wake(tenantId: TenantId, id: CertificateId): Promise<boolean> {
    const count = await this.transactions.affected(
      `UPDATE certificates SET due_at = least(due_at, clock_timestamp())
       WHERE tenant_id = $1 AND id = $2 AND (NOT ordering OR due_at <= clock_timestamp())`,
      key(tenantId, id),
    );
    return count === 1;
  }

  async active(hostname: string): Promise<ActiveCertificate | undefined> {
    const name = storableText(hostname);
    const [row] = await this.transactions.query<ActiveRow>(
      `SELECT c.id, c.tenant_id, c.names, v.version, v.chain, v.sealed_key, v.not_after
       FROM certificates c JOIN certificate_versions v ON v.certificate_id = c.id AND v.version = c.version
       WHERE c.names && ARRAY[$1, $2]::text[]
       ORDER BY v.not_after > clock_timestamp() DESC, $1 = ANY (c.names) DESC, v.not_after DESC, c.id
       LIMIT 1`,
      [name, wildcardFor(name)],
    );
    return row && toActive(row);
  }

  async newest(tenantId: TenantId, id: CertificateId): Promise<ActiveCertificate | undefined> {
    const [row] = await this.transactions.query<ActiveRow>(
      `SELECT c.id, c.tenant_id, c.names, v.version, v.chain, v.sealed_key, v.not_after
       FROM certificates c JOIN certificate_versions v ON v.certificate_id = c.id AND v.version = c.version
       WHERE c.tenant_id = $1 AND c.id = $2`,
      key(tenantId, id),
    );
    return row && toActive(row);
  }

  async previous(tenantId: TenantId, id: CertificateId): Promise<ActiveCertificate | undefined> {
    const [row] = await this.transactions.query<ActiveRow>(
      `SELECT c.id, c.tenant_id, c.names, v.version, v.chain, v.sealed_key, v.not_after
       FROM certificates c JOIN certificate_versions v ON v.certificate_id = c.id AND v.version < c.version
       WHERE c.tenant_id = $1 AND c.id = $2
       ORDER BY v.version DESC LIMIT 1`,
      key(tenantId, id),
    );
    return row && toActive(row);
  }

  /**
   * One SELECT only, as most ticks do nothing else. `now()` is stable, which lets an index serve it, where
   * `clock_timestamp()` would be read for each row. What is due now may be stored half a millisecond later.
   */
  async dueAcrossTenants(limit: number): Promise<Certificate[]> {
    const rows = await this.transactions.query<CertificateRow>(
      `SELECT ${COLUMNS} FROM certificates WHERE due_at <= now() + interval '1 millisecond'
       ORDER BY due_at LIMIT $1`,
      [limit],
    );
    return rows.map(toCertificate);
  }

  claim({ id, dueAt }: Certificate, lease: number): Promise<CertificateClaim | undefined> {
    return this.moved(`UPDATE certificates SET due_at = ${dueIn('$3')} WHERE id = $1 AND due_at = $2`, [
      id,
      dueAt ?? null,
      lease,
    ]);
  }

  settle(
    { certificate, lease }: CertificateClaim,
    { renewal, dueIn: wait, ordering = false }: Settled,
  ): Promise<CertificateClaim | undefined> {
    return this.moved(
      `UPDATE certificates SET stage = $4, renewal = $5, ordering = $6, due_at = ${dueIn('$3')}
       WHERE id = $1 AND due_at = $2`,
      [certificate.id, lease, waitOf(wait), renewal.stage, storableJson(renewal), ordering],
    );
  }

  activate(
    { certificate, lease }: CertificateClaim,
    { issuer, chain, sealedKey, notBefore, notAfter, serialNumber, ariId }: NewVersion,
    { renewal, dueIn: wait }: Settled,
  ): Promise<Certificate | undefined> {
    return this.transactions.run(async () => {
      const rows = await this.transactions.changed<CertificateRow>(
        `UPDATE certificates SET stage = $3, renewal = $4, ordering = false, due_at = ${dueIn('$5')},
           version = coalesce(version, 0) + 1, issuer = $6, not_before = $7, not_after = $8, serial_number = $9,
           ari_id = $10
         WHERE id = $1 AND due_at = $2 RETURNING ${COLUMNS}`,
        [
          certificate.id,
          lease,
          renewal.stage,
          storableJson(renewal),
          waitOf(wait),
          issuer,
          notBefore,
          notAfter,
          serialNumber,
          ariId ?? null,
        ],
      );
      const [row] = rows;
      if (!row) return undefined;
      await this.transactions.query(
        `INSERT INTO certificate_versions (certificate_id, version, issuer, chain, sealed_key, not_after)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [row.id, row.version, issuer, chain, sealedKey, notAfter],
      );
      await this.transactions.query(
        'DELETE FROM certificate_versions WHERE certificate_id = $1 AND version < $2',
        [row.id, row.version! - 1],
      );
      return toCertificate(row);
    });
  }

  async sealedVersions(
    after: Pick<SealedVersion, 'id' | 'version'> | undefined,
    limit: number,
  ): Promise<SealedVersion[]> {
    const rows = await this.transactions.query<{
      certificate_id: CertificateId;
      version: number;
      sealed_key: Sealed;
    }>(
      `SELECT certificate_id, version, sealed_key FROM certificate_versions
       WHERE (certificate_id, version) > ($1, $2) ORDER BY certificate_id, version LIMIT $3`,
      [after?.id ?? '', after?.version ?? 0, limit],
    );
    return rows.map((row) => ({
      id: row.certificate_id,
      version: row.version,
      sealedKey: row.sealed_key,
    }));
  }

  async reseal({ id, version, sealedKey: was }: SealedVersion, sealedKey: Sealed): Promise<boolean> {
    const count = await this.transactions.affected(
      `UPDATE certificate_versions SET sealed_key = $4
       WHERE certificate_id = $1 AND version = $2 AND sealed_key = $3`,
      [id, version, was, sealedKey],
    );
    return count === 1;
  }

  async encryptionKeyIds(): Promise<string[]> {
    const rows = await this.transactions.query<{ id: string }>(
      `SELECT DISTINCT split_part(sealed_key, '.', 2) AS id FROM certificate_versions ORDER BY id`,
    );
    return rows.map(({ id }) => id);
  }

  private async page(tenantId: TenantId | undefined, query: CertificateQuery): Promise<Page<Certificate>> {
    const limit = pageLimit(query.limit);
    const start = pageStart(query);
    const values: unknown[] = [];
    const conditions: string[] = [];
    const where = (condition: (...parameters: string[]) => string, ...given: unknown[]): void => {
      conditions.push(condition(...given.map((value) => `$${values.push(value)}`)));
    };
    if (tenantId) where((p) => `tenant_id = ${p}`, tenantId);
    if (query.domainId) where((p) => `domain_id = ${p}`, parseId('domain', query.domainId));
    if (query.stage) where((p) => `stage = ${p}`, query.stage);
    const by = ORDERS[query.order ?? 'created'];
    if (start) where((at, id) => `(${by}, id) > (${at}, ${id})`, start.createdAt, start.id);
    const rows = await this.transactions.query<CertificateRow>(
      `SELECT ${COLUMNS} FROM certificates ${conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''}
       ORDER BY ${by}, id LIMIT ${limit + 1}`,
      values,
    );
    return mapPage(
      pageOf(
        rows.map((row) => ({
          row,
          createdAt: query.order === 'expiry' ? (row.not_after ?? new Date(0)) : row.created_at,
          id: row.id,
        })),
        limit,
      ),
      ({ row }) => toCertificate(row),
    );
  }

  /** The claim that an UPDATE has made of its one row. */
  private async moved(update: string, values: unknown[]): Promise<CertificateClaim | undefined> {
    const [row] = await this.transactions.changed<CertificateRow & { now: Date }>(
      `${update} RETURNING ${COLUMNS}, clock_timestamp() AS now`,
      values,
    );
    return row && { certificate: toCertificate(row), lease: row.due_at as Date, now: row.now };
  }
}

function key(tenantId: TenantId, id: CertificateId): [TenantId, CertificateId] {
  return [parseId('tenant', tenantId), parseId('certificate', id)];
}

function waitOf(dueIn: number): number | null {
  return dueIn === Infinity ? null : Math.min(Math.max(0, dueIn), LONGEST_WAIT);
}
