import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Starts one PostgreSQL for the whole run; the tests find it by `TEST_POSTGRES_URL`. */
export default async function globalSetup() {
  if (process.env.TEST_POSTGRES_URL) return;
  const server = fork(fileURLToPath(new URL('postgres-server.mjs', import.meta.url)), {
    // In a session of its own Ctrl-C does not reach it: it ends after the tests have.
    detached: true,
    // Those of this process are meant for Jest.
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const [answer] = await Promise.race([
    once(server, 'message'),
    once(server, 'exit').then(([code]) => [{ error: `it ended with code ${code}` }]),
  ]);
  if (answer.error) throw new Error(`No PostgreSQL for the tests: ${answer.error}`);
  server.unref();
  server.channel?.unref();
  process.env.TEST_POSTGRES_URL = answer.url;
  globalThis.testPostgresServer = server;
}
