import { afterEach, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppProcess } from '../support/app-process.js';
import { answerQuestions, openBrowser, startPageApp, TOKEN } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { describeWith } from '../support/needs.js';
import { PARTS } from '../support/parts.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

describeWith('chromium', 'the page behind a proxy that takes a part of the path away', () => {
  const test = openBrowser();
  const ending: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0).toReversed()) await end();
  });
  const directory = temporaryDirectories(afterEach);

  async function start(env: Record<string, string>): Promise<AppProcess & { url: string }> {
    const [app, url] = await startPageApp('dashboard.mjs', env);
    ending.push(() => app.destroy());
    return Object.assign(app, { url });
  }

  /** What a reader does, at the address that the browser knows. */
  async function useAt(url: string): Promise<void> {
    const { page, faults } = test;
    await answerQuestions(page);
    const asked: string[] = [];
    page.on('request', (each) => asked.push(new URL(each.url()).pathname));
    await page.goto(url);
    const runs = page.locator('.worker', { hasText: 'succeeds' }).locator('dd').last();
    await runs.waitFor();
    const before = Number(await runs.textContent());
    await eventually(async () => Number(await runs.textContent()) > before);
    await page.getByRole('link', { name: 'waits', exact: true }).click();
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByText('Run requested.').waitFor();
    await page.getByRole('link', { name: 'Incidents' }).click();
    await page.getByText('No silence holds').waitFor();
    // The cookie is for what is below the address of the page, and for nothing else of that host.
    const { pathname } = new URL(page.url());
    const below = pathname.slice(0, pathname.indexOf('/dashboard/'));
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, path: expect.stringMatching(/^\//) });
    expect(`${below}/`.startsWith(cookie!.path)).toBe(true);
    expect(asked.filter((path) => !path.startsWith('/ops/'))).toEqual([]);
    expect(faults).toEqual([]);
  }

  it.each([
    ['Express, at its root', {}, '/ops/workers', '', ''],
    ['Fastify, at its root', { PLATFORM: 'fastify' }, '/ops/workers', '', ''],
    [
      'Express, mounted at a path, of which the proxy takes a part',
      { MOUNT: 'workers' },
      '/ops',
      '',
      '/workers',
    ],
    ['Fastify, with a global prefix', { PLATFORM: 'fastify', PREFIX: 'api' }, '/ops/tools', '/api', ''],
    ['Express, with a global prefix and a path', { PREFIX: 'api', MOUNT: 'admin' }, '/ops', '/api', '/admin'],
  ])('works: %s', async (_, env, taken, put, below) => {
    const app = await start({ INCIDENTS: '1', ...env });
    const proxy = await stripping(taken, `${app.url}${put}`);
    ending.push(() => closed(proxy));
    const { port } = proxy.address() as AddressInfo;
    await useAt(`http://127.0.0.1:${port}${taken}${below}/dashboard`);
  });

  it('is found with a slash at the end of its address too', async () => {
    const app = await start({});
    await test.page.goto(`${app.url}/dashboard/`);
    await test.page.getByRole('link', { name: 'succeeds' }).waitFor();
    expect(test.faults).toEqual([]);
  });

  it.each(['express', 'fastify'])(
    'keeps its own policy under the headers of helmet on %s',
    async (platform) => {
      const app = await start({ HELMET: '1', PLATFORM: platform });
      const answer = await test.page.goto(`${app.url}/dashboard`);
      const { 'content-security-policy': policy } = await answer!.allHeaders();
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'/);
      expect(policy).not.toMatch(/unsafe-inline|upgrade-insecure-requests/);
      await test.page.getByRole('link', { name: 'waits', exact: true }).click();
      await test.page.getByRole('button', { name: 'Run now' }).click();
      await test.page.getByText('Run waits now?').waitFor();
      expect(test.faults).toEqual([]);
    },
  );

  const withCaddy = PARTS.caddy.present() ? it : it.skip;
  withCaddy('works behind Caddy, by handle_path', async () => {
    const app = await start({ INCIDENTS: '1' });
    const caddy = await startCaddy(await directory(), '/ops/workers', app.url);
    ending.push(() => caddy.stop());
    await useAt(`${caddy.url}/ops/workers/dashboard`);
  });
});

/** A proxy for what is below that path, which the application does not see of it. */
async function stripping(path: string, target: string): Promise<Server> {
  const server = createServer((incoming, answer) => {
    const { url = '', method, headers } = incoming;
    if (!url.startsWith(`${path}/`)) return void answer.writeHead(404).end('not mine');
    const onwards = request(
      `${target}${url.slice(path.length)}`,
      { method, headers: { ...headers, 'x-forwarded-host': headers.host } },
      (theirs) => {
        answer.writeHead(theirs.statusCode!, theirs.headers);
        theirs.pipe(answer);
      },
    );
    onwards.on('error', () => answer.destroy());
    answer.on('close', () => onwards.destroy());
    incoming.pipe(onwards);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function startCaddy(directory: string, path: string, target: string) {
  const port = await freePort();
  const config = join(directory, 'Caddyfile');
  await writeFile(
    config,
    `{
      admin off
      auto_https off
      storage file_system ${directory}
    }
    http://127.0.0.1:${port} {
      handle_path ${path}/* {
        reverse_proxy ${new URL(target).host}
      }
    }`,
  );
  const child: ChildProcess = spawn('caddy', ['run', '--config', config, '--adapter', 'caddyfile'], {
    env: { PATH: process.env.PATH, HOME: directory },
    stdio: 'ignore',
  });
  const exit = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`Caddy ended with ${child.exitCode}`);
    return fetch(url).then(
      () => true,
      () => false,
    );
  });
  return {
    url,
    async stop() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}
