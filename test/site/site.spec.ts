import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { describeWith } from '../support/needs.js';
import { CHROMIUM } from '../support/parts.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SITE = join(ROOT, 'site/dist');
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

/** Milliseconds for a page on a busy machine. */
const PATIENCE = 100_000;

describeWith('chromium', 'the site of the documentation', () => {
  let server: Server | undefined;
  let url: string;
  let browser: Browser | undefined;
  let page: Page;
  const faults: string[] = [];

  beforeAll(async () => {
    // It ends with 1 at a dead link.
    const { status, output } = spawnSync('npm', ['run', 'site'], { cwd: ROOT, encoding: 'utf8' });
    if (status !== 0) throw new Error(output.join('\n').slice(-5_000));
    [server, url] = await serve();
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
  }, 600_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  beforeEach(async () => {
    faults.length = 0;
    page = await browser!.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text());
    });
  });

  it('has a page for each of the documentation, in the order of its index', async () => {
    await page.goto(`${url}/documentation`);
    const inSidebar = await page
      .locator('.VPSidebar a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')));
    const written = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && name !== 'README.md')
      .map((name) => `/${name.slice(0, -'.md'.length)}`);
    expect(inSidebar.toSorted()).toEqual(written.toSorted());
    expect(inSidebar[0]).toBe('/comparison');
    for (const path of inSidebar) expect((await fetch(`${url}${path}`)).status).toBe(200);
    expect(faults).toEqual([]);
  });

  it('finds what somebody looks for', async () => {
    await page.goto(url);
    await page.locator('.VPNavBarSearch button').first().click();
    await page.locator('#localsearch-input').fill('fencing token');
    // By keyboard: the list moves while it loads excerpts, and a click can then meet another result or none.
    await page.locator('#localsearch-list a[href^="/cluster"]').first().press('Enter');
    await page.waitForURL(/\/cluster/);
    await page.getByRole('heading', { level: 1, name: /Cluster/ }).waitFor();
    expect(faults).toEqual([]);
  });

  it('has a reference of what each entry point exports', async () => {
    await page.goto(`${url}/api/core/interfaces/WorkerOptions`);
    await page.getByRole('heading', { level: 1, name: 'Interface: WorkerOptions' }).waitFor();
    await page.goto(`${url}/api/`);
    await page.locator('main a', { hasText: 'modules/testing' }).first().click();
    await page.locator('main a', { hasText: 'providerContract' }).first().waitFor();
    expect(faults).toEqual([]);
  });

  it('shows examples that pages lead to', async () => {
    await page.goto(`${url}/documentation`);
    await page.getByRole('link', { name: 'a status page' }).click();
    await page.getByRole('heading', { level: 1, name: 'examples/uptime/main.ts' }).waitFor();
    expect(await page.locator('main pre').textContent()).toContain('NestFactory');
    expect(faults).toEqual([]);
  });

  it('gives a language model an index, and all pages in one file', () => {
    const index = readFileSync(join(SITE, 'llms.txt'), 'utf8');
    expect(index).toContain('[When a worker runs](/scheduling.md)');
    expect(readFileSync(join(SITE, 'llms-full.txt'), 'utf8')).toContain('# When a worker runs');
    expect(existsSync(join(SITE, 'scheduling.md'))).toBe(true);
  });
});

/** As a server of files does it: `/cluster` is `cluster.html`. */
async function serve(): Promise<[Server, string]> {
  const server = createServer(({ url = '/' }, response) => {
    const path = join(SITE, decodeURIComponent(new URL(url, 'http://site').pathname));
    const file = [path, `${path}.html`, join(path, 'index.html')].find(
      (candidate) => existsSync(candidate) && statSync(candidate).isFile(),
    );
    response.writeHead(file ? 200 : 404, { 'Content-Type': TYPES[extname(file ?? '.html')] ?? 'text/plain' });
    response.end(file && readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
}
