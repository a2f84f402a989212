import { createServer } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { type HttpChallengeStore } from '../../src/modules/certificates/challenges/http-challenge.store.js';

/** What answers HTTP-01 in tests that run no application. */
export async function startChallengeServer(
  store: HttpChallengeStore,
  { host = '127.0.0.1', port = 0 }: { host?: string; port?: number } = {},
) {
  const server = createServer((request, response) => {
    const token = /^\/\.well-known\/acme-challenge\/([\w-]+)$/.exec(request.url ?? '')?.[1];
    void (token ? store.find(token) : Promise.resolve(undefined)).then((answer) => {
      response.statusCode = answer === undefined ? 404 : 200;
      response.end(answer);
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
