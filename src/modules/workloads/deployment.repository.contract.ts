import assert from 'node:assert/strict';
import { contract, type ContractCase } from '../../core/testing/contract-case.js';
import { InvalidIdError } from '../ids/id.errors.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { specHash } from '../providers/spec-hash.js';
import { type Deployment } from './deployment.js';
import { type DeploymentRepository } from './deployment.repository.js';

const OLD = { command: ['old'] };
const NEW = { command: ['new'], env: { A: 'ä' } };

/** What every `DeploymentRepository` keeps. `setup` is called by each case; one may serve them all. */
export function deploymentRepositoryContract(setup: () => DeploymentRepository): ContractCase[] {
  const place = () => ({ tenantId: newId('tenant'), workloadId: newId('workload') });
  const begin = ({ tenantId, workloadId } = place(), spec = NEW) =>
    setup().begin(tenantId, { workloadId, spec, previousSpec: OLD });

  return contract(setup, {
    'begins one as rolling, and gives it back': async (repository) => {
      const { tenantId, workloadId } = place();
      const deployment = await begin({ tenantId, workloadId });
      const { id, createdAt, progressedAt, ...rest } = deployment;
      assert.deepEqual(rest, {
        tenantId,
        workloadId,
        spec: NEW,
        specHash: specHash(NEW),
        previousSpec: OLD,
        state: 'rolling',
        reason: undefined,
        progress: 0,
        endedAt: undefined,
      });
      assert.ok(id.startsWith('dep_') && progressedAt >= createdAt);
      assert.deepEqual(await repository.latest(tenantId, workloadId), deployment);
    },
    'has one at most rolling, the last one: the one before is superseded': async (repository) => {
      const where = place();
      await begin(where);
      await begin(where, { ...NEW, command: ['newer'] });
      const all = await repository.list(where.tenantId, where.workloadId);
      assert.deepEqual(
        all.map(({ state, spec }) => [state, spec.command[0]]),
        [
          ['rolling', 'newer'],
          ['superseded', 'new'],
        ],
      );
      assert.ok(all[1]?.endedAt);
      assert.equal((await repository.list(where.tenantId, where.workloadId, 1)).length, 1);
    },
    'goes only forward, and ends once, for one of those who end it': async (repository) => {
      const { id, tenantId, workloadId } = await begin();
      await repository.progress(tenantId, id, 2);
      await repository.progress(tenantId, id, 1);
      assert.equal((await repository.latest(tenantId, workloadId))?.progress, 2);
      const ends = await Promise.all([
        repository.end(tenantId, id, 'failed', 'no such\0 program'),
        repository.end(tenantId, id, 'failed', 'no such\0 program'),
      ]);
      assert.deepEqual(ends.toSorted(), [false, true]);
      await repository.progress(tenantId, id, 3);
      const ended = await repository.latest(tenantId, workloadId);
      assert.deepEqual([ended?.state, ended?.reason, ended?.progress], ['failed', 'no such program', 2]);
    },
    'has its time without progress begin anew, without progress, as long as it is rolling': async (
      repository,
    ) => {
      const { id, tenantId, workloadId, progressedAt } = await begin();
      await repository.renew(newId('tenant'), workloadId);
      assert.deepEqual((await repository.latest(tenantId, workloadId))?.progressedAt, progressedAt);
      let renewed: Deployment;
      do {
        await repository.renew(tenantId, workloadId);
        renewed = (await repository.latest(tenantId, workloadId))!;
      } while (renewed.progressedAt <= progressedAt); // of one millisecond
      assert.equal(renewed.progress, 0);
      await repository.end(tenantId, id, 'failed');
      await repository.renew(tenantId, workloadId);
      assert.deepEqual((await repository.latest(tenantId, workloadId))?.progressedAt, renewed.progressedAt);
    },
    'shows nothing to another tenant, and refuses a malformed id': async (repository) => {
      const { id, workloadId } = await begin();
      const theirs = newId('tenant');
      assert.equal(await repository.latest(theirs, workloadId), undefined);
      assert.equal(await repository.end(theirs, id, 'succeeded'), false);
      await assert.rejects(repository.list('x' as TenantId, workloadId), InvalidIdError);
    },
  });
}
