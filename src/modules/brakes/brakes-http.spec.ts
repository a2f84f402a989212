import { type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { asSystem } from '../../../test/support/control-plane.js';
import { createControlPlaneDatabase } from '../../../test/support/control-plane-database.js';
import { InstanceRows } from '../../../test/support/instance-rows.js';
import { runCommandLine } from '../../cli/program.js';
import { type HttpAccess } from '../../core/http/access.js';
import { HttpAccessModule } from '../../core/http/http-access.module.js';
import { WorkerModule } from '../../core/worker.module.js';
import { newId, type TenantId } from '../ids/typed-id.js';
import { DatabaseModule } from '../schema/database.module.js';
import { BrakeRepository } from './brake.repository.js';
import { BrakesHttpModule } from './brakes-http.module.js';
import { BrakesModule } from './brakes.module.js';
import { PassBrakes } from './pass-brakes.js';

/** The path of its id is another one than that of a brake on instances; all else is the same. */
const REASON_TO_HOLD = { pass: 'routes', cause: 'lost', keys: ['rte_2', 'rte_1'] } as const;

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

  const ask = async (path: string, init: RequestInit = {}, of = app, root = '/gc/brakes') => {
    const response = await fetch(`${await of.getUrl()}${root}${path}`, init);
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

  describe('of a pass', () => {
    const askOfPass = (path: string, init: RequestInit = {}, of = app) =>
      ask(path, init, of, '/gc/pass-brakes');
    const post = (headers: Record<string, string>) => ({ method: 'POST', headers });
    let brake: { id: string; set: string; [field: string]: unknown };
    const shownOfPass = async () => {
      const { body } = await askOfPass('?limit=1000', { headers: READS });
      return (body as { items: (typeof brake)[] }).items.find(({ tenant_id }) => tenant_id === tenantId)!;
    };

    beforeEach(async () => {
      const settings = { share: 1, minimum: 1, confirmAfter: 900_000 };
      const found = { ...REASON_TO_HOLD, tenantId };
      await asSystem(() => app.get(PassBrakes).judge(found, settings, { warn: () => {} }));
      brake = await shownOfPass();
    });

    it('is shown with all that it holds back', async () => {
      expect(brake).toMatchObject({
        ...{ pass: 'routes', state: 'engaged', cause: 'lost', items: 2, examples: ['rte_1', 'rte_2'] },
        engaged_at: expect.stringMatching(/Z$/),
      });
      const { body } = await askOfPass(`/${brake.id}?limit=1`, { headers: READS });
      expect(body).toEqual({ items: [{ key: 'rte_1' }], next: 'rte_1' });
    });

    it.each(['confirm', 'refuse'])(
      'is not decided (%s) by who may only read, on another set, or on what is no brake',
      async (decision) => {
        const path = `/${brake.id}/${decision}`;
        const none = '0'.repeat(32);
        for (const [status, of, init, where] of [
          [401, `${path}?set=${brake.set}`, { method: 'POST' }, app],
          [403, `${path}?set=${brake.set}`, post(READS), app],
          [403, `${path}?set=${brake.set}`, post(WRITES), readOnly],
          [409, `${path}?set=${none}`, post(WRITES), app],
          [400, path, post(WRITES), app],
          [400, `${path}?set=${brake.set}&force=1`, post(WRITES), app],
          [404, `/${none}/${decision}?set=${brake.set}`, post(WRITES), app],
          [400, `/routes%00/${decision}?set=${brake.set}`, post(WRITES), app],
        ] as const)
          expect([of, (await askOfPass(of, init, where)).status]).toEqual([of, status]);
        expect(await shownOfPass()).toMatchObject({ state: 'engaged' });
      },
    );

    it.each([
      ['confirm', 'confirmed'],
      ['refuse', 'refused'],
    ])('keeps who has decided (%s)', async (decision, state) => {
      const by = post({ ...WRITES, 'x-workers-actor': 'ann' });
      expect(await askOfPass(`/${brake.id}/${decision}?set=${brake.set}`, by)).toMatchObject({
        status: 200,
        body: { id: brake.id, state, decided_by: 'user:ann' },
      });
      expect(await shownOfPass()).toMatchObject({ state, decided_by: 'user:ann' });
    });
  });

  it('is listed, shown and decided by the command line, of instances and of passes', async () => {
    const settings = { share: 1, minimum: 1, confirmAfter: 900_000 };
    const found = { ...REASON_TO_HOLD, store: 'dock_1', tenantId };
    await asSystem(() => app.get(PassBrakes).judge(found, settings, { warn: () => {} }));
    const url = await app.getUrl();
    const lines: string[] = [];
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = ((text: string) => lines.push(text) > 0) as typeof process.stdout.write;
    const run = async (...args: string[]): Promise<[code: number, output: string]> => {
      lines.length = 0;
      const code = await runCommandLine([
        ...['brakes', ...args, '--url', url, '--token', 'writes', '--actor', 'ann'],
      ]);
      return [code, lines.join('')];
    };
    try {
      const [code, listed] = await run('ls');
      expect(code).toBe(0);
      expect(listed).toMatch(
        new RegExp(
          `^${tenantId} +instances +engaged +lost_workloads +1 of 1 +${tenantId} +- .* ${set}$`,
          'm',
        ),
      );
      const [, id, passSet] = new RegExp(
        `^([0-9a-f]{32}) +routes +engaged +lost +2 +${tenantId} +dock_1 .* ([0-9a-f]{32})$`,
        'm',
      ).exec(listed)!;
      expect((await run('show', tenantId))[1]).toMatch(/^INSTANCE[^\n]*\ninst_\w+ +wkl_\w+\n$/);
      expect(await run('show', id!)).toEqual([0, 'KEY\nrte_1\nrte_2\n']);
      expect((await run('confirm', id!, '0'.repeat(32)))[0]).toBe(3);
      expect((await run('confirm', id!))[0]).toBe(2);
      expect(await run('refuse', id!, passSet!)).toEqual([0, `routes ${id}: the set stays\n`]);
      expect(await run('confirm', tenantId, set)).toEqual([
        0,
        `instances ${tenantId}: the set is removed by the next runs\n`,
      ]);
      const [, json] = await run('ls', '--json');
      const { instances, passes } = JSON.parse(json) as Record<string, Record<string, unknown>[]>;
      expect(instances).toContainEqual(
        expect.objectContaining({ id: tenantId, state: 'confirmed', decided_by: 'user:ann' }),
      );
      expect(passes).toContainEqual(
        expect.objectContaining({ id, state: 'refused', decided_by: 'user:ann' }),
      );
    } finally {
      process.stdout.write = write;
    }
  });

  it('shows the instances of its set', async () => {
    const { body } = await ask(`/${tenantId}`, { headers: READS });
    expect(body).toMatchObject({ items: [{ instance_id: expect.stringMatching(/^inst_/) }] });
  });
});
