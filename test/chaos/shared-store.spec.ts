import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type InstanceId, newId } from '../../src/modules/ids/typed-id.js';
import { specHash } from '../../src/modules/providers/spec-hash.js';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { createControlPlaneDatabase } from '../support/control-plane-database.js';
import { eventually } from '../support/eventually.js';
import { gate } from '../support/gate.js';
import { query } from '../support/query.js';

const INSTANCES = 24;
const SPEC = { command: ['true'] };

/** A store over HTTP, as a daemon is one: what it holds, and every call that changes something. */
class Store {
  readonly states = new Map<InstanceId, string>();
  readonly calls: { what: string; id: InstanceId; by: string }[] = [];
  /** Called after a call had its effect, and before it is answered. */
  beforeAnswer: () => Promise<void> = async () => undefined;
  private readonly server: Server = createServer((request, response) => {
    const [, what, id] = request.url!.split('/') as [string, string, InstanceId];
    void this.answer(what, id, String(request.headers.name)).then((body) =>
      response.end(JSON.stringify(body)),
    );
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async answer(what: string, id: InstanceId, by: string): Promise<unknown> {
    if (what === 'list') return [...this.states.keys()].map((id) => this.describe(id));
    this.calls.push({ what, id, by });
    this.states.set(id, what === 'stop' ? 'stopped' : 'running');
    await this.beforeAnswer();
    return this.describe(id);
  }

  private describe(instanceId: InstanceId) {
    const state = this.states.get(instanceId);
    return { instanceId, state, labels: {}, endpoints: [], specHash: specHash(SPEC) };
  }
}

describe('two replicas on one store', () => {
  let database: { url: string; drop(): Promise<void> };
  let store: Store;
  let url: string;
  const replicas: AppProcess[] = [];

  beforeEach(async () => {
    database = await createControlPlaneDatabase();
    store = new Store();
    url = await store.listen();
    const ids = Array.from({ length: INSTANCES }, () => newId('instance'));
    await query(
      database.url,
      `INSERT INTO instances (id, tenant_id, name, provider, provider_store, state, spec, spec_hash)
       SELECT id, '${newId('tenant')}', 'web', 'http', 'the-store', 'running', '${JSON.stringify(SPEC)}',
         '${specHash(SPEC)}' FROM unnest('{${ids.join()}}'::text[]) AS id`,
    );
    for (const id of ids) store.states.set(id, 'exited');
  });
  afterEach(async () => {
    await Promise.all(replicas.splice(0).map((replica) => replica.destroy()));
    store.close();
    await database.drop();
  });

  const start = (name: string): AppProcess => {
    const replica = new AppProcess({
      command: [process.execPath, 'test/apps/shared-store.mjs'],
      cwd: builtCheckout(),
      env: { PATH: process.env.PATH, REPLICA: JSON.stringify({ url: database.url, store: url, name }) },
    });
    replicas.push(replica);
    return replica;
  };
  const running = async () => {
    const [row] = await query<{ n: number }>(
      database.url,
      `SELECT count(*)::int AS n FROM instances WHERE state = 'running'`,
    );
    const [told] = await query<{ n: number }>(
      database.url,
      `SELECT count(*)::int AS n FROM events WHERE type = 'instance.recovered'`,
    );
    return row!.n === INSTANCES && told!.n === INSTANCES;
  };
  const startedOnce = () => {
    const started = store.calls.filter(({ what }) => what === 'start').map(({ id }) => id);
    expect(started.toSorted()).toEqual([...store.states.keys()].toSorted());
  };

  it('start what has ended once, both alive', async () => {
    const both = [start('one'), start('two')];
    await Promise.all(both.map((replica) => replica.said(/^ready$/m)));
    await eventually(running, 60_000);
    startedOnce();
    expect(new Set(store.calls.map(({ by }) => by)).size).toBe(1);
  });

  it('start it once also when one is killed in the midst of it: the other finishes', async () => {
    const both = { one: start('one'), two: start('two') };
    const [reached, held] = [gate(), gate()];
    store.beforeAnswer = async () => {
      if (store.calls.length < INSTANCES / 2) return;
      reached.open();
      await held.opened;
    };
    await Promise.all(Object.values(both).map((replica) => replica.said(/^ready$/m)));
    await reached.opened;
    const { by } = store.calls[0]!;
    both[by as 'one' | 'two'].kill('SIGKILL');
    await both[by as 'one' | 'two'].exit;
    store.beforeAnswer = async () => undefined;
    held.open();
    await eventually(running, 60_000);
    startedOnce();
    expect(new Set(store.calls.map((call) => call.by)).size).toBe(2);
  });
});
