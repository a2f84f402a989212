import { Injectable } from '@nestjs/common';
import { type IncidentReport } from '../../../core/history/incident.js';
import { Transactions } from '../../database/transaction.js';

/** $1: failures. $2: how many. Those of one workload are one trouble: when its program is broken, all of its instances are. */
const FAILING_INSTANCES = `
WITH failing AS (
  SELECT i.* FROM instances i
  WHERE i.attempts >= $1 AND i.state <> 'destroying' AND i.desired_state = 'running'
), grouped AS (
  SELECT coalesce(workload_id, id) AS subject, workload_id, count(*)::int AS count,
    (array_agg(id ORDER BY attempts DESC, id))[1] AS worst
  FROM failing GROUP BY 1, 2
)
SELECT g.subject, g.workload_id AS "workloadId", g.count, w.name AS workload,
  (SELECT count(*)::int FROM instances a WHERE a.workload_id = g.workload_id AND a.state <> 'destroying') AS all,
  i.id, i.name, i.tenant_id AS "tenantId", i.reason, i.exit_code AS "exitCode", i.attempts, i.last_error AS error
FROM grouped g JOIN instances i ON i.id = g.worst LEFT JOIN workloads w ON w.id = g.workload_id
ORDER BY g.subject LIMIT $2`;

const UNREMOVED_INSTANCES = `
SELECT id, name, tenant_id AS "tenantId", attempts, last_error AS error FROM instances
WHERE attempts >= $1 AND state = 'destroying' ORDER BY id LIMIT $2`;

const CERTIFICATES = `
SELECT id, tenant_id AS "tenantId", names, stage, (renewal ->> 'failures')::int AS failures,
  renewal ->> 'lastError' AS error, not_after AS "notAfter"
FROM certificates
WHERE (renewal ->> 'failures')::int >= $1 OR stage IN ('critical', 'lost')
ORDER BY id LIMIT $2`;

/** The last deployment of each workload. $1: how many. */
const FAILED_DEPLOYMENTS = `
SELECT w.id AS "workloadId", w.name, w.tenant_id AS "tenantId", d.id, d.reason
FROM workloads w CROSS JOIN LATERAL (
  SELECT * FROM deployments WHERE workload_id = w.id ORDER BY created_at DESC, id DESC LIMIT 1
) d
WHERE d.state = 'failed' AND w.deletion_reason IS NULL ORDER BY w.id LIMIT $1`;

const ENGAGED_BRAKES = `
SELECT tenant_id AS "tenantId", cause, orphans FROM gc_brakes WHERE state = 'engaged' ORDER BY tenant_id LIMIT $1`;

const ENGAGED_PASS_BRAKES = `
SELECT concat_ws(':', pass, nullif(store, ''), nullif(tenant_id, '')) AS subject, id, pass, store,
  tenant_id AS "tenantId", cause, cardinality(keys) AS items
FROM gc_pass_brakes WHERE state = 'engaged' ORDER BY pass, store, tenant_id LIMIT $1`;

/**
 * Of each provider twenty instances that run for that long, and whether anything was read of them since: all of its readings
 * would be millions. $1: milliseconds.
 */
const SILENT_PROVIDERS = `
SELECT p.provider FROM (SELECT DISTINCT provider FROM instances) p
CROSS JOIN LATERAL (
  SELECT count(*)::int AS asked, count(reading.at)::int AS read
  FROM (
    SELECT tenant_id, id FROM instances
    WHERE provider = p.provider AND state = 'running' AND state_since < clock_timestamp() - $1::float8 * interval '1 ms'
    ORDER BY id DESC LIMIT 20
  ) i
  LEFT JOIN telemetry_sources s ON s.tenant_id = i.tenant_id AND s.instance_id = i.id
  LEFT JOIN LATERAL (
    SELECT at FROM resource_snapshots r
    WHERE r.source_id = s.id AND r.at > clock_timestamp() - $1::float8 * interval '1 ms' ORDER BY r.at DESC LIMIT 1
  ) reading ON true
) sample
WHERE sample.asked > 0 AND sample.read = 0 ORDER BY p.provider`;

/** What is wrong in the control plane now, in all tenants, as incidents have it. */
@Injectable()
export class FleetTroubles {
  constructor(private readonly transactions: Transactions) {}

  /** Those that fail again and again, by their workload; those that cannot be removed. */
  async ofInstances(failingAfter: number, limit: number): Promise<IncidentReport[]> {
    const values = [failingAfter, limit];
    const failing = await this.transactions.query<FailingRow>(FAILING_INSTANCES, values);
    const unremoved = await this.transactions.query<InstanceRow>(UNREMOVED_INSTANCES, values);
    return [
      ...failing.map((row) => ({ subject: row.subject, ...ofFailing(row) })),
      ...unremoved.map(({ id, name, tenantId, attempts, error }) => ({
        kind: 'instance',
        subject: id,
        condition: 'not_removed',
        summary: `Instance ${name} (${id}) of ${tenantId} could not be removed ${attempts} times${because(error)}`,
      })),
    ];
  }

  /** Those whose renewal fails again and again, that are about to expire, or whose domain points elsewhere. */
  async ofCertificates(failingAfter: number, limit: number): Promise<IncidentReport[]> {
    const rows = await this.transactions.query<CertificateTrouble>(CERTIFICATES, [failingAfter, limit]);
    return rows.map((row) => ({ kind: 'certificate', subject: row.id, ...ofCertificate(row) }));
  }

  /** Workloads whose last deployment failed. */
  async ofDeployments(limit: number): Promise<IncidentReport[]> {
    const rows = await this.transactions.query<FailedDeployment>(FAILED_DEPLOYMENTS, [limit]);
    return rows.map(({ workloadId, name, tenantId, id, reason }) => ({
      kind: 'deployment',
      subject: workloadId,
      condition: 'failed',
      summary: `Deployment ${id} of workload ${name} (${workloadId}) of ${tenantId} failed${because(reason)}`,
    }));
  }

  /** Tenants in which the garbage collector deletes nothing until somebody decides. */
  async ofBrakes(limit: number): Promise<IncidentReport[]> {
    const rows = await this.transactions.query<EngagedBrake>(ENGAGED_BRAKES, [limit]);
    return rows.map(({ tenantId, cause, orphans }) => ({
      kind: 'brake',
      subject: tenantId,
      condition: 'engaged',
      summary: `The garbage collector deletes nothing of ${tenantId}: ${orphans} instances look orphaned (${cause}); GET /gc/brakes/${tenantId} shows them`,
    }));
  }

  /** What passes of the garbage collector hold back beside instances until somebody decides. */
  async ofPassBrakes(limit: number): Promise<IncidentReport[]> {
    const rows = await this.transactions.query<EngagedPassBrake>(ENGAGED_PASS_BRAKES, [limit]);
    return rows.map(({ subject, id, pass, store, tenantId, cause, items }) => ({
      kind: 'brake',
      subject,
      condition: 'pass_engaged',
      summary: `The pass ${pass} of the garbage collector holds back ${items} things${tenantId && ` of ${tenantId}`}${store && ` at ${store}`} (${cause}); GET /gc/pass-brakes/${id} shows them`,
    }));
  }

  /** Providers of whose running instances nothing was read for so long. @param silentAfter milliseconds */
  async ofTelemetry(silentAfter: number): Promise<IncidentReport[]> {
    const rows = await this.transactions.query<{ provider: string }>(SILENT_PROVIDERS, [silentAfter]);
    return rows.map(({ provider }) => ({
      kind: 'telemetry',
      subject: provider,
      condition: 'stopped',
      summary: `Nothing was read of the running instances of provider ${provider} for ${silentAfter / 1_000} s`,
    }));
  }
}

interface InstanceRow {
  id: string;
  name: string;
  tenantId: string;
  attempts: number;
  error: string | null;
}

interface FailingRow extends InstanceRow {
  subject: string;
  workloadId: string | null;
  workload: string | null;
  count: number;
  all: number;
  reason: string | null;
  exitCode: number | null;
}

interface CertificateTrouble {
  id: string;
  tenantId: string;
  names: string[];
  stage: string;
  failures: number;
  error: string | null;
  notAfter: Date | null;
}

interface FailedDeployment {
  workloadId: string;
  name: string;
  tenantId: string;
  id: string;
  reason: string | null;
}

interface EngagedBrake {
  tenantId: string;
  cause: string;
  orphans: number;
}

interface EngagedPassBrake {
  subject: string;
  id: string;
  pass: string;
  store: string;
  tenantId: string;
  cause: string;
  items: number;
}

function ofFailing(row: FailingRow): Omit<IncidentReport, 'subject'> {
  const { id, name, tenantId, attempts, reason, exitCode, error, workloadId, workload, count, all } = row;
  const how = [reason, exitCode !== null && `exit code ${exitCode}`].filter(Boolean).join(', ');
  const what = `failed ${attempts} times in a row${how && ` (${how})`}${because(error)}`;
  if (workloadId === null)
    return {
      kind: 'instance',
      condition: 'failing',
      summary: `Instance ${name} (${id}) of ${tenantId} ${what}`,
    };
  return {
    kind: 'workload',
    condition: 'instances_failing',
    summary: `${count} of ${all} instances of workload ${workload ?? 'that is gone'} (${workloadId}) of ${tenantId} fail again and again: ${name} (${id}) ${what}`,
  };
}

function ofCertificate(row: CertificateTrouble): Pick<IncidentReport, 'condition' | 'summary'> {
  const { tenantId, stage, failures, error, notAfter } = row;
  const names = row.names.slice(0, 3).join(', ') + (row.names.length > 3 ? ' …' : '');
  const what = `The certificate of ${names} (${row.id}) of ${tenantId}`;
  const until = notAfter ? `; it holds until ${notAfter.toISOString()}` : '; there is none yet';
  if (stage === 'lost')
    return { condition: 'lost', summary: `${what} is not renewed: the domain points elsewhere${until}` };
  if (stage === 'critical')
    return { condition: 'critical', summary: `${what} is about to expire, or has${until}${because(error)}` };
  return {
    condition: 'not_renewed',
    summary: `${what} could not be renewed ${failures} times in a row${until}${because(error)}`,
  };
}

function because(error: string | null): string {
  return error ? `: ${error}` : '';
}
