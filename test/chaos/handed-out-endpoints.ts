import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { setTimeout as pass } from 'node:timers/promises';
import { newId, type TenantId } from '../../src/modules/ids/typed-id.js';
import {
  type Ask,
  type HandedOutWork,
  type PassRun,
  type SharedPass,
  wrongRecords,
} from './handed-out-work.js';

const TENANTS = 6;
/** In batches of 200, of which a replica has 50 at once: more than one can take. */
const ENDPOINTS = 12_000;
/** Answered while the gate is shut. */
const WITHOUT_GATE = 300;

/** Endpoints that instances name: the telemetry collector asks each of them at a tick. */
export class HandedOutEndpoints implements HandedOutWork {
  readonly figures = {
    'endpoints, each asked and its sample stored': 0,
    'asked again': 0,
    'samples of them stored twice': 0,
  };
  private readonly instances = Array.from({ length: ENDPOINTS }, () => newId('instance'));
  private server?: Server;
  private answered = 0;
  private since = new Date(0);

  constructor(
    private readonly ask: Ask,
    private readonly gate: string,
  ) {}

  async fill(): Promise<void> {
    if (!this.server) await this.open();
    this.answered = 0;
    const [row] = await this.ask<{ now: Date }>('SELECT clock_timestamp() AS now');
    this.since = row!.now;
  }

  isDone(runs: readonly PassRun[]): boolean {
    return runs.some(({ outcome }) => outcome === 'succeeded');
  }

  async judge({ runs, quiet }: SharedPass): Promise<string[]> {
    const wrong = wrongRecords(runs);
    const done = runs.find(({ outcome }) => outcome === 'succeeded');
    const { 'endpoints.asked': asked, 'endpoints.samples': samples } = done?.metrics ?? {};
    if (asked !== ENDPOINTS || samples !== ENDPOINTS)
      wrong.push(`the metrics say ${JSON.stringify(done?.metrics)}`);
    if (done?.shards?.total !== ENDPOINTS / 200)
      wrong.push(`the record says ${JSON.stringify(done?.shards)}`);
    const [stored] = await this.ask<{ instances: number; series: number; samples: number }>(
      `SELECT count(DISTINCT s.instance_id)::int AS instances, count(DISTINCT m.series_id)::int AS series, count(*)::int AS samples
       FROM metric_samples AS m JOIN metric_series AS s ON s.id = m.series_id WHERE m.at >= $1`,
      [this.since],
    );
    const { instances, series, samples: all } = stored!;
    if (instances !== ENDPOINTS) wrong.push(`${instances} of ${ENDPOINTS} endpoints have a sample`);
    const again = this.answered - ENDPOINTS;
    // A batch whose replica was killed is asked again.
    if (quiet && again > 0) wrong.push(`${again} endpoints were asked again although nothing was killed`);
    if (all - series > again)
      wrong.push(`${all - series} samples are doubled, and ${again} endpoints were asked again`);
    this.figures['endpoints, each asked and its sample stored'] += instances;
    this.figures['asked again'] += again;
    this.figures['samples of them stored twice'] += all - series;
    return wrong;
  }

  async end(): Promise<void> {
    this.server?.closeAllConnections();
    this.server?.close();
  }

  private async open(): Promise<void> {
    this.server = createServer((_request, response) => void this.answer(response)).listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    const { port } = this.server.address() as AddressInfo;
    const tenants: TenantId[] = Array.from({ length: TENANTS }, () => newId('tenant'));
    await this.ask(
      `INSERT INTO instances (id, tenant_id, name, provider, state, endpoints, spec)
       SELECT id, ($2::text[])[1 + place % $3], 'web', 'memory', 'running', $4::jsonb,
         jsonb_build_object('command', '["true"]'::jsonb, 'metrics', jsonb_build_object('port', 'http', 'path', '/' || id))
       FROM unnest($1::text[]) WITH ORDINALITY AS given (id, place)`,
      [this.instances, tenants, TENANTS, JSON.stringify([{ name: 'http', host: '127.0.0.1', port }])],
    );
  }

  private async answer(response: ServerResponse): Promise<void> {
    const place = ++this.answered;
    while (place > WITHOUT_GATE && !existsSync(this.gate)) await pass(20);
    response.end('# TYPE hits counter\nhits_total 7\n');
  }
}
