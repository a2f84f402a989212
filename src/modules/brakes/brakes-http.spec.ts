import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { type HttpAccess } from '../../core/http/access.js';
import { HttpAccessModule } from '../../core/http/http-access.module.js';
import { WorkerModule } from '../../core/worker.module.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { DatabaseModule } from '../schema/database.module.js';
import { BrakeRepository } from './brake.repository.js';
import { BrakesHttpModule } from './brakes-http.module.js';
import { BrakesModule } from './brakes.module.js';

const READS = { authorization: 'Bearer reads' };
const WRITES = { authorization: 'Bearer writes' };

describe('a brake over HTTP', () => {
  let database: { url: string; drop(): Promise<void> };
  let app: INestApplication;
  let readOnly: INestApplication;
  let tenantId: TenantId;
  let set: string;

  const start = async (access: HttpAccess): Promise<INestApplication> => {
    const module = await Test.createTestingModule({
      imports: [
        DatabaseModule.forRoot({ url: database.url }),
        WorkerModule.forRoot({ run: false }),
        BrakesModule,
        BrakesHttpModule,
        HttpAccessModule.forRoot(access),
      ],
    }).compile();
    const started = module.createNestApplication({ logger: false });
    await started.listen(0, '127.0.0.1');
    return started;
  };

  beforeAll(async () => {
    database = await createControlPlaneDatabase();
    app = await start({ token: 'writes', readToken: 'reads' });
    readOnly = await start({ token: 'writes', readToken: 'reads', readOnly: true });
  });
  afterAll(async () => {
    await app.close();
    await readOnly.close();
    await database.drop();
  });
  beforeEach(async () => {
    tenantId = newId('tenant');
    const rows = new InstanceRows(app.get(DataSource));
    await rows.addInstance({ tenantId, workloadId: newId('workload'), age: 60_000 });
    const brake = await app.get(BrakeRepository).engage(tenantId, 'lost_workloads', 1_000);
    ({ set } = brake!);
  });

  const ask = async (path: string, init: RequestInit = {}, of = app) => {
    const response = await fetch(`${await of.getUrl()}/gc/brakes${path}`, init);
    const text = await response.text();
    return { status: response.status, body: (text ? JSON.parse(text) : undefined) as unknown };
  };
  const decide = (decision: string, headers: Record<string, string>, of = app) =>
    ask(`/${tenantId}/${decision}?set=${set}`, { method: 'POST', headers }, of);
  const shown = async () => {
    const { body } = await ask('?limit=1000', { headers: READS });
    return (body as { items: { id: string }[] }).items.find(({ id }) => id === tenantId);
  };

  it.each(['confirm', 'refuse'])(
    'is not decided (%s) by who may only read, nor where it is read-only',
    async (decision) => {
      expect(await decide(decision, {})).toMatchObject({ status: 401 });
      expect(await decide(decision, READS)).toMatchObject({ status: 403 });
      expect(await decide(decision, WRITES, readOnly)).toMatchObject({ status: 403 });
      expect(await shown()).toMatchObject({ state: 'engaged', cause: 'lost_workloads', orphans: 1, set });
    },
  );

  it.each([
    ['confirm', 'confirmed'],
    ['refuse', 'refused'],
  ])('keeps who has decided (%s)', async (decision, state) => {
    const by = { ...WRITES, 'x-workers-actor': 'ann' };
    expect(await decide(decision, by)).toMatchObject({
      status: 200,
      body: { state, decided_by: 'user:ann' },
    });
    expect(await shown()).toMatchObject({ state, decided_by: 'user:ann' });
    const [event] = await app
      .get(DataSource)
      .query<{ payload: object }[]>(
        `SELECT payload FROM events WHERE tenant_id = $1 AND type LIKE 'gc.brake_re%'`,
        [tenantId],
      );
    expect(event!.payload).toMatchObject({ by: 'user:ann', set });
  });

  it('is decided by the control plane itself where nobody says who', async () => {
    expect(await decide('refuse', WRITES)).toMatchObject({ body: { decided_by: 'system:http' } });
  });

  it('is not decided on a set that nobody has seen, by a parameter that is not there, or twice', async () => {
    const post = { method: 'POST', headers: WRITES };
    expect(await ask(`/${tenantId}/confirm?set=${'0'.repeat(32)}`, post)).toMatchObject({ status: 409 });
    expect(await ask(`/${tenantId}/confirm`, post)).toMatchObject({ status: 400 });
    expect(await ask(`/${tenantId}/confirm?set=${set}&force=true`, post)).toMatchObject({ status: 400 });
    expect(await ask(`/${newId('tenant')}/confirm?set=${set}`, post)).toMatchObject({ status: 404 });
    expect(await ask(`/no-tenant/confirm?set=${set}`, post)).toMatchObject({ status: 400 });
    expect(await shown()).toMatchObject({ state: 'engaged' });
  });

  it('shows the instances of its set', async () => {
    const { body } = await ask(`/${tenantId}`, { headers: READS });
    expect(body).toMatchObject({ items: [{ instance_id: expect.stringMatching(/^inst_/) }] });
  });
});
