import { type DataSource } from 'typeorm';
import { parseHealthCheck } from '../../dist/modules/health-checks/health-check-input.js';
import { PostgresHealthCheckRepository } from '../../dist/modules/health-checks/postgres-health-check.repository.js';
import { Transactions } from '../../dist/modules/database/transaction.js';
import { newId } from '../../dist/modules/ids/typed-id.js';
import { type Targets } from './targets.js';

/** This many addresses share the checks: each takes no more than a few at a time. */
const HOSTS = 200;

/** Of ten checks seven by HTTP, two by TCP and one by gRPC, to loopback addresses of these servers. */
export async function insertChecks(
  dataSource: DataSource,
  count: number,
  interval: number,
  { http, tcp, grpc }: Targets,
): Promise<void> {
  const checks = new PostgresHealthCheckRepository(new Transactions(dataSource));
  const place = { hasInstance: false, checkers: [] };
  const probes = Array.from({ length: count }, (_, n) => {
    const host = `127.0.0.${1 + (Math.floor(n / 10) % HOSTS)}`;
    if (n % 10 < 7) return { type: 'http' as const, url: `http://${host}:${http}/` };
    if (n % 10 < 9) return { type: 'tcp' as const, address: `${host}:${tcp}` };
    return { type: 'grpc' as const, address: `${host}:${grpc}` };
  });
  const settings = probes.map((probe) =>
    JSON.stringify(parseHealthCheck({ name: 'x', probe, interval, timeout: interval }, place).probe),
  );
  const first = parseHealthCheck(
    { name: 'x', probe: probes[0]!, interval, timeout: Math.min(5_000, interval) },
    place,
  );
  const pattern = await checks.insert(newId('tenant'), { ...first, id: newId('healthCheck') });
  const ids = probes.map(() => newId('healthCheck'));
  await dataSource.query(
    `INSERT INTO health_checks
     SELECT (jsonb_populate_record(c, jsonb_build_object('id', u.id, 'name', u.id, 'probe', u.probe))).*
     FROM health_checks c, unnest($1::text[], $2::jsonb[]) AS u (id, probe) WHERE c.id = $3`,
    [ids, settings, pattern.id],
  );
  await dataSource.query(
    `INSERT INTO health_check_turns
     SELECT (jsonb_populate_record(t, jsonb_build_object(
       'check_id', i, 'due_at', clock_timestamp() + interval '2 s' + random() * t.interval_ms * interval '1 ms'))).*
     FROM health_check_turns t, unnest($1::text[]) i WHERE t.check_id = $2`,
    [ids, pattern.id],
  );
  await checks.delete(pattern.tenantId, pattern.id);
  await dataSource.query('ANALYZE health_checks, health_check_turns');
}
