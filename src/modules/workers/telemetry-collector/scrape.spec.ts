import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { newId } from '../../ids/typed-id.js';
import { EgressPolicy } from '../../network-policy/egress-policy.js';
import { scrape, type ScrapeLimits } from './scrape.js';
import { type ScrapeTarget } from './scrape-targets.js';

describe('scrape', () => {
  let server: Server;
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function serve(answer: RequestListener): Promise<ScrapeTarget> {
    server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      tenantId: newId('tenant'),
      instanceId: newId('instance'),
      host: '127.0.0.1',
      port,
      path: '/metrics',
    };
  }
  /** Goes on for as long as somebody reads. */
  const endless = (response: ServerResponse): void => {
    const more = (): void =>
      void (!response.destroyed && response.write('a 1\n'.repeat(50), () => setImmediate(more)));
    more();
  };
  const policy = new EgressPolicy({ allow: ['127.0.0.0/8', '::1/128'] });
  const ask = (
    target: ScrapeTarget,
    limits: Partial<ScrapeLimits> = {},
    signal = AbortSignal.timeout(5_000),
  ) => scrape(target, { maxBytes: 1_000, maxSeries: 10, policy, ...limits }, signal);

  it('takes what is exposed as samples of the instance, counters with the start of the process', async () => {
    const start = Math.floor(Date.now() / 1_000) - 60;
    const target = await serve((request, response) => {
      response.end(
        `# TYPE hits_total counter\nhits_total{path="${request.url}"} 7\nload 0.5\nprocess_start_time_seconds ${start}\n`,
      );
    });
    const { samples, incomplete } = await ask(target);
    expect(samples.slice(0, 2)).toMatchObject([
      { name: 'hits_total', labels: { path: '/metrics' }, value: 7, kind: 'counter', instanceId: target.instanceId, startedAt: new Date(start * 1_000) },
      { name: 'load', value: 0.5, kind: 'gauge', instanceId: target.instanceId },
    ]); // prettier-ignore
    expect(samples[1]).not.toHaveProperty('startedAt');
    expect(incomplete).toBeUndefined();
  });

  it('takes no more samples than it may, and says that there were more', async () => {
    const target = await serve((_, response) => response.end('a 1\nb 2\nc 3\nd four\n'));
    const { samples, incomplete } = await ask(target, { maxSeries: 2 });
    expect(samples.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(incomplete).toContain('more than 2 samples');
  });

  it.each<[string, RequestListener]>([
    ['is 404 and not 200', (_, response) => response.writeHead(404).end()],
    [
      'is 302 and not 200',
      (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end(),
    ],
    ['more than 1000 bytes', (_, response) => response.end(`a 1\n`.repeat(300))],
    ['not in the text format', (_, response) => response.end('<!doctype html><p>hello</p>')],
    [
      'is compressed ("gzip")',
      (_, response) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('a 1\n'.repeat(1e6))),
    ],
    [
      'aborted',
      (_, response) => {
        response.writeHead(200, { 'content-length': '500' }).write('a 1\n');
        setImmediate(() => response.destroy());
      },
    ],
    ['more than 1000 bytes', (_, response) => endless(response)],
    ['hang up', (request) => request.socket.destroy()],
    ['timeout', () => {}],
    ['timeout', (_, response) => void response.write('a 1\n')],
  ])('fails when the answer %s', async (message, answer) => {
    const target = await serve(answer);
    const timeout = message === 'timeout' ? AbortSignal.timeout(200) : undefined;
    await expect(ask(target, {}, timeout)).rejects.toThrow(message === 'timeout' ? /abort/ : message);
  });

  it('takes timestamps of OpenMetrics as seconds, and bytes that are no text as the sign for those', async () => {
    const target = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' });
      response.end(Buffer.concat([Buffer.from('a{l="'), Buffer.from([0xff, 0xc0]), Buffer.from('"} 1 1395066363.5\n# EOF\n')]));
    });
    const { samples } = await ask(target);
    expect(samples).toMatchObject([{ labels: { l: '\uFFFD\uFFFD' }, at: new Date(1_395_066_363_500) }]);
  }); // prettier-ignore

  it.each(['127.0.0.1', 'localhost', '::ffff:127.0.0.1', '169.254.169.254'])(
    'does not connect to %s unless that is allowed',
    async (host) => {
      let asked = 0;
      const target = await serve((_, response) => void (asked++, response.end()));
      await expect(ask({ ...target, host }, { policy: new EgressPolicy() })).rejects.toThrow(/not/);
      expect(asked).toBe(0);
    },
  );
});
