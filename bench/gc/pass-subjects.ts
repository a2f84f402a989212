import assert from 'node:assert/strict';
import { type INestApplicationContext, type LoggerService } from '@nestjs/common';
import { type RunContext } from 'ctrlplane-workers';
import { GarbagePasses, type PassReport } from 'ctrlplane-workers/control-plane';
import { DataSource } from 'typeorm';
import { timed } from '../harness/rounds.js';

/** Deployments of each workload that stay. */
export const KEEP = 5;

/** The question of each pass as one statement, without what makes it safe: age, cause, what is served or needed. */
export const RAW: Readonly<Record<string, string>> = {
  domains: `SELECT d.id FROM domains d WHERE NOT EXISTS (SELECT FROM tenants t WHERE t.id = d.tenant_id)`,
  routes: `
SELECT r.id FROM routes r WHERE NOT EXISTS (SELECT FROM workloads w WHERE w.id = r.workload_id)
  OR NOT EXISTS (SELECT FROM domains d WHERE d.id = r.domain_id)`,
  certificates: `SELECT c.id FROM certificates c WHERE NOT EXISTS (SELECT FROM domains d WHERE d.id = c.domain_id)`,
  health_checks: `
SELECT c.id FROM health_checks c
WHERE c.instance_id IS NOT NULL AND NOT EXISTS (SELECT FROM instances i WHERE i.id = c.instance_id)`,
  deployments: `
SELECT id FROM (
  SELECT id, row_number() OVER (PARTITION BY workload_id ORDER BY created_at DESC, id DESC) AS n FROM deployments
) AS numbered WHERE n > ${KEEP}`,
};

/** Each pass, dry, and its raw statement. Each resolves with milliseconds. */
export class PassSubjects {
  private readonly dataSource: DataSource;
  private readonly passes: GarbagePasses;

  constructor(
    app: INestApplicationContext,
    private readonly garbage: number,
  ) {
    this.dataSource = app.get(DataSource);
    this.passes = app.get(GarbagePasses, { strict: false });
  }

  raw = (name: string) => async (): Promise<number> => {
    let found = 0;
    const took = await timed(
      async () => (found = (await this.dataSource.query<unknown[]>(RAW[name]!)).length),
    );
    assert.equal(found, this.garbage, `found by the raw statement of ${name}`);
    return took;
  };

  pass = (name: string) => async (): Promise<number> => {
    const pass = this.passes.list('cluster').find((each) => each.name === name)!;
    const report: PassReport = { found: 0, removed: 0, held: 0, failed: 0 };
    const signal = new AbortController().signal;
    const took = await timed(() =>
      pass.run({
        signal,
        logger: SILENT,
        dryRun: true,
        limits: { pageSize: 1_000, maxItems: 10_000, gracePeriod: 900_000 },
        brake: false,
        brakes: { judge: async () => new Set(), release: async () => {} },
        heldTenants: async () => new Set(),
        report,
        progress: () => {},
        run: {} as RunContext,
      }),
    );
    assert.equal(report.found, this.garbage, `found by the pass ${name}`);
    return took;
  };
}

const SILENT: LoggerService = { log() {}, warn() {}, error() {} };
