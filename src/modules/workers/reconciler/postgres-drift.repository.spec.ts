import { afterAll, beforeAll, describe, it } from '@jest/globals';
import {
  type ControlPlaneDatabase,
  openControlPlaneDatabase,
} from '../../../../test/support/control-plane-database.js';
import { newId } from '../../ids/typed-id.js';
import { specHash } from '../../providers/spec-hash.js';
import { driftRepositoryContract, type DriftRepositorySetup } from './drift.repository.contract.js';
import { PostgresDriftRepository } from './postgres-drift.repository.js';

describe('PostgresDriftRepository', () => {
  let database: ControlPlaneDatabase;
  beforeAll(async () => {
    database = await openControlPlaneDatabase();
  });
  afterAll(() => database.close());

  const contract = driftRepositoryContract((): DriftRepositorySetup => {
    const { dataSource, transactions } = database;
    return {
      repository: new PostgresDriftRepository(transactions),
      addInstance: async ({
        provider,
        store,
        state = 'running',
        spec = { command: ['true'] },
        hashed = true,
        wait,
        requested,
        workloadId,
      }) => {
        const id = newId('instance');
        const labels = workloadId ? { 'ctrlplane.workload': workloadId } : {};
        await dataSource.query(
          `INSERT INTO instances (id, tenant_id, name, provider, provider_store, state, labels, spec, spec_hash,
             next_attempt_at, requested_at)
           VALUES ($1, $2, 'web', $3, $4, $5, $6, $7, $8, now() + $9 * interval '1 ms', now() - $10 * interval '1 ms')`,
          [
            id,
            newId('tenant'),
            provider,
            store,
            state,
            labels,
            spec,
            hashed ? specHash(spec) : null,
            wait ?? null,
            requested ?? null,
          ],
        );
        return id;
      },
      addWorkload: async ({ tenantId, replicas, driftPolicy = 'restart', deleting = false }) => {
        const id = newId('workload');
        await dataSource.query(
          `INSERT INTO workloads (id, tenant_id, name, provider, spec, replicas, drift_policy, deletion_reason)
           VALUES ($1, $2, $1, 'memory', '{}', $3, $4, $5)`,
          [id, tenantId, replicas, driftPolicy, deleting ? 'requested' : null],
        );
        return id;
      },
      ageStore: async (store, age) => {
        await dataSource.query(
          `UPDATE provider_stores SET seen_at = now() - $2 * interval '1 ms', held_until = now() - interval '1 s'
           WHERE id = $1`,
          [store, age],
        );
      },
    };
  });
  for (const { name, run } of contract) it(name, run);
});
