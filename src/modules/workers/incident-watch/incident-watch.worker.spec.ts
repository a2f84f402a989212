import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../../test/support/instance-rows.js';
import { Incidents } from '../../../core/incidents/incidents.js';
import { IncidentsModule } from '../../../core/incidents/incidents.module.js';
import { Scheduler } from '../../../core/scheduler/scheduler.js';
import { ManualClock } from '../../../core/testing/manual-clock.js';
import { Clock } from '../../../core/timing/clock.js';
import { WorkerModule } from '../../../core/worker.module.js';
import { InvalidInputError } from '../../input/input.errors.js';
import { newId, type TenantId, type WorkloadId } from '../../ids/typed-id.js';
import { DatabaseModule } from '../../schema/database.module.js';
import { IncidentWatchModule } from './incident-watch.module.js';

const HOUR = 3_600_000;

describe('IncidentWatch', () => {
  let app: TestingModule;
  let clock: ManualClock;
  let rows: InstanceRows;
  let tenantId: TenantId;
  let told: string[];
  let logged: string[];
  let database: { url: string; drop(): Promise<void> };

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    clock = new ManualClock();
    told = [];
    logged = [];
    const note = (text: unknown) => logged.push(String(text));
    app = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ drain: { timeout: 0, abortGrace: 0 } }),
        IncidentsModule.forRoot({
          onIncident: ({ kind, subject, condition }, type) =>
            told.push(`${type} ${kind} ${subject} ${condition}`),
        }),
        IncidentWatchModule.forRoot(),
      ],
    })
      .overrideProvider(Clock)
      .useValue(clock)
      .setLogger({ log: note, warn: note, error: note })
      .compile();
    await app.init();
    rows = new InstanceRows(app.get(DataSource));
    tenantId = newId('tenant');
    await rows.addTenant(tenantId);
  });
  afterEach(async () => {
    const closed = app.close();
    await clock.advance('1m');
    await closed;
    await database.drop();
  });

  const sql = (statement: string, values?: unknown[]): Promise<unknown> =>
    app.get(DataSource).query(statement, values);
  const look = async (): Promise<void> => {
    const run = await (await app.get(Scheduler).trigger('incident_watch')).ended;
    expect([run.outcome, run.error]).toEqual(['succeeded', undefined]);
  };
  const summaries = async (): Promise<string[]> => {
    const open = await app.get(Incidents).find({ open: true, limit: 1_000 });
    return open.map(({ summary }) => summary);
  };

  it('opens nothing where all is well', async () => {
    const workloadId = await rows.addWorkload(tenantId);
    await rows.addInstance({ tenantId, workloadId, age: HOUR });
    await certificate('valid', 0);
    await deployment(workloadId, 'succeeded');
    await look();
    expect(told).toEqual([]);
  });

  it('opens one incident of a workload whose instances fail again and again, and closes it when they do not', async () => {
    const workloadId = await rows.addWorkload(tenantId);
    const ids = await Promise.all([1, 2, 3].map(() => rows.addInstance({ tenantId, workloadId, age: HOUR })));
    const failing = (attempts: number) =>
      sql(
        `UPDATE instances SET state = 'failed', reason = 'crash_looping', exit_code = 7, attempts = $1,
           last_error = 'ended with 7: no disk' WHERE id <> $2`,
        [attempts, ids[0]],
      );
    await failing(2);
    await look();
    expect(told).toEqual([]);
    await failing(3);
    await look();
    await failing(9);
    await look();
    expect(told).toEqual([`incident.opened workload ${workloadId} instances_failing`]);
    expect(await summaries()).toEqual([
      expect.stringMatching(
        new RegExp(
          `^2 of 3 instances of workload ${workloadId} \\(${workloadId}\\) of ${tenantId} fail again and again: web \\(inst_\\w+\\) failed 3 times in a row \\(crash_looping, exit code 7\\): ended with 7: no disk$`,
        ),
      ),
    ]);
    await sql(`UPDATE instances SET state = 'running', reason = NULL, attempts = 0`);
    await look();
    expect(told).toHaveLength(2);
    expect(told[1]).toBe(`incident.closed workload ${workloadId} instances_failing`);
    expect(logged.filter((line) => line.startsWith('Incident '))).toHaveLength(2);
  });

  it('opens one of an instance of no workload, and of one that cannot be removed; one that is gone closes it', async () => {
    const alone = await rows.addInstance({ tenantId, age: HOUR });
    const stays = await rows.addInstance({ tenantId, age: HOUR });
    const stopped = await rows.addInstance({ tenantId, age: HOUR });
    await sql(`UPDATE instances SET attempts = 5, last_error = 'no such image'`);
    await sql(`UPDATE instances SET state = 'destroying' WHERE id = $1`, [stays]);
    await sql(`UPDATE instances SET desired_state = 'stopped' WHERE id = $1`, [stopped]);
    await look();
    expect(told.toSorted()).toEqual(
      [
        `incident.opened instance ${alone} failing`,
        `incident.opened instance ${stays} not_removed`,
      ].toSorted(),
    );
    await rows.removeInstance(alone);
    await rows.removeInstance(stays);
    await look();
    expect(await summaries()).toEqual([]);
  });

  it.each([
    [
      'backoff',
      3,
      'not_renewed',
      /could not be renewed 3 times in a row; it holds until 2999-.*: dns: no such name$/,
    ],
    ['critical', 1, 'critical', /is about to expire, or has; it holds until 2999-.*: dns: no such name$/],
    ['lost', 0, 'lost', /is not renewed: the domain points elsewhere/],
  ])('opens one of a certificate that is in %s', async (stage, failures, condition, summary) => {
    const id = await certificate(stage, failures);
    await look();
    expect(told).toEqual([`incident.opened certificate ${id} ${condition}`]);
    expect(await summaries()).toEqual([expect.stringMatching(summary)]);
    await sql(
      `UPDATE certificates SET stage = 'valid', renewal = renewal || '{"failures": 0, "stage": "valid"}'`,
    );
    await look();
    expect(told[1]).toBe(`incident.closed certificate ${id} ${condition}`);
  });

  it('opens one of a deployment that failed, and closes it when a newer one has begun', async () => {
    const workloadId = await rows.addWorkload(tenantId);
    await deployment(workloadId, 'succeeded');
    await deployment(workloadId, 'failed', 'no instance became ready');
    await look();
    expect(told).toEqual([`incident.opened deployment ${workloadId} failed`]);
    expect(await summaries()).toEqual([
      expect.stringMatching(/^Deployment dep_\w+ of .* failed: no instance became ready$/),
    ]);
    await deployment(workloadId, 'rolling');
    await look();
    expect(told[1]).toBe(`incident.closed deployment ${workloadId} failed`);
  });

  it('opens one of the brake of the garbage collector, until somebody has decided', async () => {
    await sql(`INSERT INTO gc_brakes (tenant_id, cause, orphans) VALUES ($1, 'lost_workloads', 12)`, [
      tenantId,
    ]);
    await look();
    expect(told).toEqual([`incident.opened brake ${tenantId} engaged`]);
    expect(await summaries()).toEqual([
      expect.stringContaining(`of ${tenantId}: 12 instances look orphaned (lost_workloads)`),
    ]);
    await sql(`UPDATE gc_brakes SET state = 'refused'`);
    await look();
    expect(told[1]).toBe(`incident.closed brake ${tenantId} engaged`);
  });

  it('opens one of what a pass of the garbage collector holds back, until somebody has decided', async () => {
    await sql(
      `INSERT INTO gc_pass_brakes (pass, store, tenant_id, cause, keys)
       VALUES ('routes', '', $1, 'lost', '{a,b}'), ('volumes', 'dock_1', '', 'share', '{c}')`,
      [tenantId],
    );
    await look();
    expect(told.toSorted()).toEqual([
      `incident.opened brake routes:${tenantId} pass_engaged`,
      'incident.opened brake volumes:dock_1 pass_engaged',
    ]);
    expect((await summaries()).toSorted()).toEqual([
      expect.stringMatching(
        /pass routes of the garbage collector holds back 2 things of ten_\w+ \(lost\); GET \/gc\/pass-brakes\/[0-9a-f]{32} /,
      ),
      expect.stringContaining(
        'The pass volumes of the garbage collector holds back 1 things at dock_1 (share)',
      ),
    ]);
    await sql(`UPDATE gc_pass_brakes SET state = 'refused'`);
    await look();
    expect(told.slice(2).toSorted()).toEqual([
      `incident.closed brake routes:${tenantId} pass_engaged`,
      'incident.closed brake volumes:dock_1 pass_engaged',
    ]);
  });

  it('opens one of a provider of whose instances nothing is read, where there is a collector', async () => {
    const id = await rows.addInstance({ tenantId, age: HOUR });
    await sql(`UPDATE instances SET state_since = clock_timestamp() - interval '1 hour'`);
    await look();
    expect(told).toEqual([]);
    app.get(Scheduler).register({ name: 'telemetry_collector', interval: 0, run: () => undefined });
    await look();
    expect(told).toEqual(['incident.opened telemetry memory stopped']);
    await sql(
      `CREATE TABLE readings PARTITION OF resource_snapshots FOR VALUES FROM (MINVALUE) TO (MAXVALUE)`,
    );
    await sql(
      `WITH source AS (
         INSERT INTO telemetry_sources (tenant_id, instance_id) VALUES ($1, $2) RETURNING id
       ) INSERT INTO resource_snapshots (source_id, at) SELECT id, clock_timestamp() FROM source`,
      [tenantId, id],
    );
    await look();
    expect(told[1]).toBe('incident.closed telemetry memory stopped');
  });

  it('leaves alone what others report, and keeps to itself what a silence is for', async () => {
    const incidents = app.get(Incidents);
    const other = { kind: 'certificate', subject: 'shop.example.com', condition: 'expiring' };
    await incidents.report({ ...other, summary: 'as the application says' });
    await incidents.silence({ kind: 'brake', for: '1h' });
    await sql(`INSERT INTO gc_brakes (tenant_id, cause) VALUES ($1, 'tenant')`, [tenantId]);
    await look();
    expect(await summaries()).toHaveLength(2);
    expect(told).toEqual(['incident.opened certificate shop.example.com expiring']);
  });

  it('opens no more than 200 of a kind, and closes none while there are more', async () => {
    await sql(
      `INSERT INTO instances (id, tenant_id, name, provider, state, labels, spec, attempts)
       SELECT 'inst_' || lpad(n::text, 26, '0'), $1, 'web', 'memory', 'failed', '{}', '{}', 3 FROM generate_series(1, 250) AS n`,
      [tenantId],
    );
    await look();
    await look();
    expect(told).toHaveLength(200);
    await sql(`DELETE FROM instances WHERE id > 'inst_00000000000000000000000010'`);
    await look();
    expect(told.filter((line) => line.startsWith('incident.closed'))).toHaveLength(190);
  });

  it('names what is wrong with its options', () => {
    expect(() => IncidentWatchModule.forRoot({ failingAfter: 0, interval: 'soon' as '1s' })).toThrow(
      InvalidInputError,
    );
  });

  async function certificate(stage: string, failures: number): Promise<string> {
    const id = newId('certificate');
    await sql(
      `INSERT INTO certificates (id, tenant_id, domain_id, names, key_type, version, issuer, not_before, not_after, stage, renewal)
       VALUES ($1, $2, $3, '{shop.example.com}', 'ecdsa-p256', 1, 'test', '2030-01-01', '2999-01-01', $4, $5)`,
      [
        id,
        tenantId,
        newId('domain'),
        stage,
        { stage, failures, issuerTurn: 0, told: [], ...(failures && { lastError: 'dns: no such name' }) },
      ],
    );
    return id;
  }

  async function deployment(
    workloadId: WorkloadId,
    state: string,
    reason: string | null = null,
  ): Promise<void> {
    await sql(
      `INSERT INTO deployments (id, tenant_id, workload_id, spec, spec_hash, previous_spec, state, reason)
       VALUES ($1, $2, $3, '{}', '', '{}', $4, $5)`,
      [newId('deployment'), tenantId, workloadId, state, reason],
    );
  }
});
