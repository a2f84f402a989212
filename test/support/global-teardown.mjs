import { once } from 'node:events';

/** Has the server of this run stop and clean up, and waits for it. */
export default async function globalTeardown() {
  const server = globalThis.testPostgresServer;
  if (!server) return;
  delete globalThis.testPostgresServer;
  delete process.env.TEST_POSTGRES_URL;
  const exit = once(server, 'exit');
  server.ref();
  server.disconnect();
  const [code] = await exit;
  if (code !== 0) throw new Error(`The PostgreSQL of the tests ended with code ${code}.`);
}
