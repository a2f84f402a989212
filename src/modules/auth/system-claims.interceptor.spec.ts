import { describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { Scheduler } from '../../core/scheduler/scheduler.js';
import { WorkerModule } from '../../core/worker.module.js';
import { newId } from '../ids/typed-id.js';
import { AuthModule } from './auth.module.js';
import { type Claims, requireClaims, withClaims } from './claims.js';

describe('SystemClaimsInterceptor', () => {
  it('lets every run act as system:worker over all tenants, whoever triggered it', async () => {
    const app = await Test.createTestingModule({ imports: [WorkerModule.forRoot(), AuthModule] }).compile();
    await app.init();
    const scheduler = app.get(Scheduler);
    const seen: Claims[] = [];
    scheduler.register({ name: 'who', interval: 0, run: () => seen.push(requireClaims()) });

    const ann = { subject: 'user:ann', tenantId: newId('tenant'), roles: [] };
    const { ended } = await withClaims(ann, () => scheduler.trigger('who'));

    expect(await ended).toMatchObject({ outcome: 'succeeded' });
    expect(seen).toEqual([{ subject: 'system:worker', roles: ['system'] }]);
    await app.close();
  });
});
