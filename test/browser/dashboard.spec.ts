import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Page } from 'playwright-core';
import { type AppProcess } from '../support/app-process.js';
import {
  answerQuestions,
  expectAccessible,
  LOOKS,
  openBrowser,
  startPageApp,
  TOKEN,
} from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/needs.js';

describeWith('chromium', 'the page of the dashboard', () => {
  let app: AppProcess;
  let url: string;
  const test = openBrowser();
  const { faults } = test;

  beforeAll(async () => {
    [app, url] = await startPageApp('dashboard.mjs', { WORKERS_RELEASE: '2.4.1' });
  });
  afterAll(() => app.destroy());

  it('lists every worker, those in trouble first, and says how many those are', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    await page.getByText('1 of 4 workers in trouble').waitFor();
    const names = await page.locator('.worker .who a').allTextContents();
    expect(names).toEqual(['fails <b>bold</b>', 'endless', 'succeeds', 'waits']);
    const failing = page.locator('.worker', { hasText: 'bold' });
    await failing.getByText(/^ · \d+ failed$/).waitFor();
    await eventually(async () => /^\d+(\.\d)? (ms|s)$/.test((await failing.locator('dt:text-is("late") + dd').textContent()) ?? '')); // prettier-ignore
    expect(faults).toEqual([]);
  });

  it('shows new runs without being reloaded', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    const runs = page.locator('.worker', { hasText: 'succeeds' }).locator('dd').last();
    await runs.waitFor();
    const before = Number(await runs.textContent());
    await eventually(async () => Number(await runs.textContent()) > before);
  });

  it('shows the same in eight tabs over one stream, and goes on when the tab that has it closes', async () => {
    const { page } = test;
    const context = page.context();
    const streams: string[] = [];
    context.on('request', (request) => {
      if (request.url().endsWith('/dashboard/live')) streams.push(request.url());
    });
    const tabs = [page];
    while (tabs.length < 8) tabs.push(await context.newPage());
    const runsIn = (tab: Page) => tab.locator('.worker', { hasText: 'succeeds' }).locator('dd').last();
    for (const tab of tabs) {
      await tab.goto(`${url}/dashboard`);
      await runsIn(tab).waitFor();
    }
    const goesOn = async (tab: Page) => {
      const before = Number(await runsIn(tab).textContent());
      await eventually(async () => Number(await runsIn(tab).textContent()) > before);
    };
    await Promise.all(tabs.map(goesOn));
    expect(streams).toHaveLength(1);
    await tabs.shift()!.close();
    await Promise.all(tabs.map(goesOn));
    expect(streams).toHaveLength(2);
    expect(faults).toEqual([]);
  });

  it('shows what a worker throws as text, with its causes', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    await page.getByRole('link', { name: 'fails <b>bold</b>' }).click();
    await page.locator('td.said details summary').first().click();
    // By then newer runs may stand above it.
    const opened = page.locator('td.said details[open]').first();
    await opened.getByText('caused by').waitFor();
    expect(await opened.textContent()).toContain('<img src=x onerror=');
    expect(await opened.textContent()).toContain('the deepest reason');
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe('fails <b>bold</b> · Workers');
    expect(faults).toEqual([]);
  });

  it('asks for the token when a run is asked for, and starts the run with it', async () => {
    const { page } = test;
    await answerQuestions(page);
    await page.goto(`${url}/dashboard/index.html#/workers/waits`);
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByLabel('Token').fill('a wrong one');
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByText('The token is wrong').waitFor();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByText('Run requested.').waitFor();
    expect(await page.getByLabel('Token').count()).toBe(0);
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.locator('tbody tr', { hasText: 'manual' }).waitFor();
    expect(faults).toEqual([]);
  });

  it('pauses a worker, resumes it, and cancels a run', async () => {
    const { page } = test;
    await answerQuestions(page);
    await page.request.post(`${url}/dashboard/session`, { data: { token: TOKEN } });
    await page.goto(`${url}/dashboard/index.html#/workers/waits`);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await page.goto(`${url}/dashboard/index.html#/workers/endless`);
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByRole('progressbar', { name: 'progress' }).waitFor();
    const said = (await page.locator('main').textContent())!;
    for (const foreign of ['<i>half</i>', '<i>never</i>']) expect(said).toContain(foreign);
    expect(said).not.toMatch(/[\u001b\u202e]/);
    expect(said.length).toBeLessThan(30_000);
    await page.getByRole('button', { name: 'Cancel the active run' }).click();
    await page.getByText('Cancellation requested.').waitFor();
    await page.locator('tbody .badge.cancelled').waitFor();
    expect(faults).toEqual([]);
  });

  it('pauses all workers that are shown, and resumes them', async () => {
    const { page } = test;
    await answerQuestions(page);
    await page.request.post(`${url}/dashboard/session`, { data: { token: TOKEN } });
    await page.goto(`${url}/dashboard`);
    await page.getByLabel('Filter workers by name, group or description').fill('s');
    await page.getByRole('button', { name: 'Pause all shown' }).click();
    await page.getByText('4 paused.').waitFor();
    await page.getByLabel('Which workers').selectOption({ label: 'paused (4)' });
    await page.getByRole('button', { name: 'Resume all shown' }).click();
    await page.getByText('4 resumed.').waitFor();
    await page.getByText('No worker matches.').waitFor();
    expect(faults).toEqual([]);
  });

  it('runs a run again, with its payload', async () => {
    const { page } = test;
    await answerQuestions(page);
    await page.request.post(`${url}/dashboard/session`, { data: { token: TOKEN } });
    await page.request.post(`${url}/workers/waits/trigger`, {
      data: { order: 7 },
      headers: { 'x-workers-token': TOKEN },
    });
    await page.goto(`${url}/dashboard/index.html#/workers/waits`);
    const rows = page.locator('tbody tr');
    await rows.first().waitFor();
    const before = await rows.count();
    await page.getByRole('button', { name: 'Run again' }).first().click();
    await eventually(async () => (await rows.count()) > before);
    const {
      items: [latest],
    } = (await (await fetch(`${url}/workers/waits/runs?limit=1`)).json()) as { items: { id: string }[] };
    expect(await (await fetch(`${url}/runs/${latest!.id}`)).json()).toMatchObject({
      trigger: 'manual',
      payload: { order: 7 },
    });
    const newest = page.getByRole('region', { name: 'Runs, newest first' }).locator('tbody tr').first();
    await newest.getByText('log', { exact: true }).click();
    await newest.getByText('payload {"order":7}').waitFor();
    await newest.getByText(new RegExp(`^on .+, process ${app.pid}$`)).waitFor();
    await newest.getByText('2.4.1', { exact: true }).waitFor();
    expect(faults).toEqual([]);
  });

  it('runs a worker with a payload that was put in, and leads to the run', async () => {
    const { page } = test;
    await page.request.post(`${url}/dashboard/session`, { data: { token: TOKEN } });
    await page.goto(`${url}/dashboard/index.html#/workers/waits`);
    await page.getByRole('button', { name: 'Run now' }).click();
    const payload = page.getByLabel('Payload: JSON, or nothing');
    const confirm = page.getByRole('button', { name: 'Confirm' });
    await payload.fill('{"order": 7');
    await confirm.click();
    await page
      .getByRole('alert')
      .filter({ hasText: /^The payload is no JSON: / })
      .waitFor();
    await payload.fill('7');
    await confirm.click();
    await page.getByRole('alert').filter({ hasText: 'only an object or an array' }).waitFor();
    await payload.fill('{"order": "<b>seven</b>"}');
    await confirm.click();
    await page.getByRole('link', { name: 'See it' }).click();
    await page.getByRole('heading', { name: /^Run of / }).waitFor();
    await page.locator('h2 .badge.succeeded').waitFor();
    await page.getByText('"order": "<b>seven</b>"').waitFor();
    await page.getByText('It logged nothing.').waitFor();
    await page.getByText(new RegExp(`^.+, process ${app.pid}$`)).waitFor();
    await page.getByRole('button', { name: 'Run again' }).click();
    await confirm.click();
    await page.getByText('Run with the same payload requested.').waitFor();
    // Without one, none is recorded.
    await page.getByRole('link', { name: 'waits' }).click();
    await page.getByRole('button', { name: 'Run now' }).click();
    await confirm.click();
    await page.getByRole('link', { name: 'See it' }).click();
    await page.getByRole('heading', { name: 'Log' }).waitFor();
    expect(await page.getByRole('heading', { name: 'Payload' }).count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('gives a worker another schedule, and says what is wrong with one that cannot be', async () => {
    const { page } = test;
    await page.request.post(`${url}/dashboard/session`, { data: { token: TOKEN } });
    await page.goto(`${url}/dashboard/index.html#/workers/waits`);
    const schedule = page.locator('dt:text-is("schedule") + dd');
    const confirm = page.getByRole('button', { name: 'Confirm' });
    await page.getByRole('button', { name: 'Reschedule' }).click();
    await page.getByLabel(/^Interval/).fill('sometimes');
    await confirm.click();
    await page.getByRole('alert').filter({ hasText: 'sometimes' }).waitFor();
    await page.getByLabel(/^Interval/).fill('2h');
    await confirm.click();
    await page.getByText('Rescheduled.').waitFor();
    await schedule.filter({ hasText: 'every 2 h' }).waitFor();
    await page.getByText('rescheduled', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Reschedule' }).click();
    await page.getByLabel('It runs').selectOption('by a cron expression');
    await page.getByLabel(/^Cron/).fill('0 3 * * *');
    await page.getByLabel('Time zone').fill('Asia/Tokyo');
    await confirm.click();
    await schedule.filter({ hasText: '0 3 * * *' }).waitFor();
    await page
      .locator('.upcoming li')
      .first()
      .getByText(/3:00:00.+in Asia\/Tokyo$/)
      .waitFor();
    await page.getByRole('button', { name: 'Reschedule' }).click();
    await page.getByLabel('It runs').selectOption('once');
    await page.getByLabel(/^At this time/).fill('2100-01-31T12:00');
    await confirm.click();
    await schedule.filter({ hasText: 'once' }).waitFor();
    await eventually(async () => {
      const worker = (await (await fetch(`${url}/workers/waits`)).json()) as { next_run?: string };
      return worker.next_run === new Date('2100-01-31T12:00').toISOString();
    });
    expect(faults).toEqual([]);
  });

  it('shows a run that is active, with where it runs, until it ends, and why one failed', async () => {
    const { page } = test;
    await answerQuestions(page);
    await page.request.post(`${url}/dashboard/session`, { data: { token: TOKEN } });
    await page.goto(`${url}/dashboard/index.html#/workers/endless`);
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.locator('.facts dt:text-is("runs on") + dd').getByText(`process ${app.pid}`).waitFor();
    await page.getByRole('link', { name: 'See it' }).click();
    await page.locator('h2 .badge.running').waitFor();
    await page.getByRole('progressbar', { name: 'progress' }).waitFor();
    await page.getByRole('button', { name: 'Cancel this run' }).click();
    await page.locator('h2 .badge.cancelled').waitFor();
    await page.getByRole('button', { name: 'Run again' }).waitFor();
    await page.goto(`${url}/dashboard/index.html#/workers/${encodeURIComponent('fails <b>bold</b>')}`);
    await page.locator('tbody td a').first().click();
    await page.getByRole('region', { name: 'Error' }).getByText('caused by').waitFor();
    await page.goto(`${url}/dashboard/index.html#/runs/1e1e1e1e-0000-4000-8000-000000000000`);
    await page.getByText(/1e1e1e1e/).waitFor();
    expect(faults).toEqual([]);
  });

  it('shows the replicas, when a worker comes next, and how it was defined', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard/index.html#/replicas`);
    await page.getByText('1 replica is running').waitFor();
    await page.getByRole('link', { name: 'Workers', exact: true }).click();
    await page.getByRole('link', { name: 'succeeds' }).click();
    await page.locator('.upcoming li').nth(4).waitFor();
    await page.getByText('Definition').click();
    await page.getByText('max attempts').waitFor();
    expect(faults).toEqual([]);
  });

  it('draws how long the runs took and how late they were, and puts errors of one kind together', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard/index.html#/workers/fails%20%3Cb%3Ebold%3C%2Fb%3E`);
    for (const what of ['Duration', 'Lateness'])
      await page
        .getByRole('img', { name: new RegExp(`^${what} of the last \\d+ runs: median .+`) })
        .waitFor();
    const errors = page.locator('.errors > li');
    await errors.getByText(/^\d+ times$/).waitFor();
    expect(await errors.count()).toBe(1);
    await errors.locator('summary').first().click();
    await errors.getByText('caused by').waitFor();
    expect(await errors.textContent()).not.toMatch(/[\u001b\u202e]/);
    expect(faults).toEqual([]);
  });

  it('marks in the charts since when another release runs, and says how long its runs take', async () => {
    const { page } = test;
    // The older half as if another release had run it.
    await page.route('**/workers/succeeds/runs?limit=200', async (route) => {
      const answer = await route.fetch();
      const { items, next } = (await answer.json()) as { items: { release: string }[]; next?: string };
      for (const run of items.slice(items.length / 2)) run.release = '2.4.0 <b>\u202eold</b>';
      await route.fulfill({ json: { items, next } });
    });
    await page.goto(`${url}/dashboard/index.html#/workers/succeeds`);
    const chart = page.getByRole('img', { name: /^Duration of the last \d+ runs: .+, one change of the release$/ });
    await chart.waitFor();
    const [newer, older] = await page.getByRole('list', { name: 'Duration by release, the newest first' }).getByRole('listitem').allTextContents(); // prettier-ignore
    expect(newer).toMatch(/^2\.4\.1 since .+: median \d+ ms, p95 \d+ ms, longest \d+ ms$/);
    expect(older).toMatch(/^2\.4\.0 <b>\\u202eold<\/b> since .+: median /);
    // A column of the mark's colour, which nothing else in the chart has.
    const columns = await eventually(async () => {
      const found = await chart.locator('canvas').evaluate((element) => {
        const canvas = element as unknown as { width: number; height: number; getContext(kind: '2d'): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8ClampedArray } } };
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const columns = [];
        for (let x = 0; x < canvas.width; x++) {
          let pixels = 0;
          for (let y = 0; y < canvas.height; y++) {
            const [r, g, b] = data.subarray((y * canvas.width + x) * 4) as unknown as [number, number, number];
            if (r > g + 30 && b > r + 30) pixels++;
          }
          if (pixels > canvas.height / 4) columns.push(x);
        }
        return columns;
      });
      return found.length > 0 && found;
    });
    expect(columns.at(-1)! - columns[0]!).toBeLessThan(4);
    expect(faults).toEqual([]);
  }); // prettier-ignore

  it('has of five hundred workers those rows in the document that can be seen, and finds each', async () => {
    const { page } = test;
    const [crowded, at] = await startPageApp('dashboard.mjs', { MORE: '500' });
    try {
      await page.goto(`${at}/dashboard`);
      await page.getByText('1 of 504 workers in trouble').waitFor();
      const rows = page.locator('.worker');
      await page.locator('.worker', { hasText: 'more 1' }).first().waitFor();
      expect(await rows.count()).toBeLessThan(80);
      const last = page.getByRole('link', { name: 'waits', exact: true });
      expect(await last.count()).toBe(0);
      await page.evaluate('scrollTo(0, document.documentElement.scrollHeight)');
      await last.waitFor();
      expect(await rows.count()).toBeLessThan(80);
      expect(await page.locator('.workers > li').last().getAttribute('aria-posinset')).toBe('504');
      await page.getByLabel('Filter workers by name, group or description').fill('more 321');
      await page.getByRole('link', { name: 'more 321' }).waitFor();
      await eventually(async () => (await rows.count()) === 1);
      await page.getByLabel('Filter workers by name, group or description').fill('odd');
      await page.getByLabel('Which workers').selectOption({ label: 'paused (0)' });
      await page.getByText('No worker matches.').waitFor();
      expect(faults).toEqual([]);
    } finally {
      await crowded.destroy();
    }
  });

  it.each(LOOKS)('is accessible and fits, %s, %d pixels wide', async (colorScheme, width) => {
    const { page } = test;
    await page.setViewportSize({ width, height: 700 });
    await page.emulateMedia({ colorScheme });
    const failed = `${url}/workers/${encodeURIComponent('fails <b>bold</b>')}/runs?limit=1`;
    const { items } = (await (await fetch(failed)).json()) as { items: { id: string }[] };
    await page.goto(`${url}/dashboard/index.html#/runs/${items[0]!.id}`);
    await page.getByText('caused by').waitFor();
    await expectAccessible(page);
    for (const path of ['', '#/workers/succeeds', '#/replicas']) {
      await page.goto(`${url}/dashboard/index.html${path}`);
      if (path === '#/replicas') await page.getByText('1 replica is running').waitFor();
      else {
        await page.getByRole('link', { name: path ? 'All workers' : 'succeeds' }).waitFor();
        await page.locator('.strip rect').first().waitFor();
      }
      await expectAccessible(page);
    }
  });

  it.each(LOOKS)(
    'is accessible where it asks, and asks for the token, %s, %d pixels wide',
    async (colorScheme, width) => {
      const { page } = test;
      await page.setViewportSize({ width, height: 700 });
      await page.emulateMedia({ colorScheme });
      await page.goto(`${url}/dashboard/index.html#/workers/waits`);
      await page.getByRole('button', { name: 'Run now' }).click();
      await page.getByText('Run waits now?').waitFor();
      await expectAccessible(page);
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByRole('button', { name: 'Reschedule' }).click();
      await page.getByLabel('It runs').selectOption('by a cron expression');
      await expectAccessible(page);
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByRole('button', { name: 'Run now' }).click();
      await page.getByRole('button', { name: 'Confirm' }).click();
      await page.getByLabel('Token').waitFor();
      await expectAccessible(page);
    },
  );

  it('asks for the token first where reading needs it, and is accessible then', async () => {
    const { page } = test;
    const [closed, at] = await startPageApp('dashboard.mjs', { ACCESS: JSON.stringify({ token: TOKEN }) });
    try {
      for (const [colorScheme, width] of LOOKS) {
        await page.setViewportSize({ width, height: 700 });
        await page.emulateMedia({ colorScheme });
        await page.goto(`${at}/dashboard`);
        await page.getByLabel('Token').waitFor();
        await expectAccessible(page);
      }
      await page.getByLabel('Token').fill(TOKEN);
      await page.getByRole('button', { name: 'Use it' }).click();
      await page.getByRole('link', { name: 'succeeds' }).waitFor();
    } finally {
      await closed.destroy();
    }
    expect(faults).toEqual([]);
  });

  it('shows nothing that changes anything where nobody can, and says so', async () => {
    const { page } = test;
    const [still, at] = await startPageApp('dashboard.mjs', {
      INCIDENTS: '1',
      ACCESS: JSON.stringify({ token: TOKEN, openReads: true, readOnly: true }),
    });
    try {
      await page.goto(`${at}/dashboard`);
      await page.getByText('Read-only: nothing can be changed here.').waitFor();
      await page.locator('.incident').first().waitFor();
      const buttons = async () => page.locator('main button').allTextContents();
      expect(await buttons()).toEqual([]);
      await page.goto(`${at}/dashboard/index.html#/workers/succeeds`);
      await page.locator('tbody tr').first().waitFor();
      expect(await buttons()).toEqual([]);
      await page.goto(`${at}/dashboard/index.html#/tabs/incidents`);
      await page.getByText('expiring').waitFor();
      expect(await buttons()).toEqual([]);
      await expectAccessible(page);
    } finally {
      await still.destroy();
    }
    expect(faults).toEqual([]);
  });

  it('offers another token to whom has one that may only read', async () => {
    const { page } = test;
    await answerQuestions(page);
    const [app, at] = await startPageApp('dashboard.mjs', {
      ACCESS: JSON.stringify({ token: TOKEN, readToken: 'a-token-that-may-read' }),
    });
    try {
      await page.request.post(`${at}/dashboard/session`, { data: { token: 'a-token-that-may-read' } });
      await page.goto(`${at}/dashboard/index.html#/workers/waits`);
      await page.getByRole('button', { name: 'Run now' }).click();
      await page.getByText('This token may only read').waitFor();
      await page.getByLabel('Token').fill(TOKEN);
      await page.getByRole('button', { name: 'Use it' }).click();
      await page.getByText('Run requested.').waitFor();
    } finally {
      await app.destroy();
    }
    expect(faults).toEqual([]);
  });

  it('goes on in other tabs while a question is open in the one that has the stream', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard/index.html#/workers/waits`);
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByRole('dialog').waitFor();
    const other = await page.context().newPage();
    await other.goto(`${url}/dashboard`);
    const runs = other.locator('.worker', { hasText: 'succeeds' }).locator('dd').last();
    await runs.waitFor();
    const before = Number(await runs.textContent());
    await eventually(async () => Number(await runs.textContent()) > before);
  });

  it('keeps what it has while the server is away, says so, and goes on when it is back', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    await page.getByRole('link', { name: 'succeeds' }).waitFor();
    await app.destroy();
    await page.getByText('The server cannot be reached').first().waitFor();
    await page.getByRole('link', { name: 'succeeds' }).waitFor();
    [app] = await startPageApp('dashboard.mjs', { PORT: new URL(url).port });
    await page.getByText('The server cannot be reached').first().waitFor({ state: 'detached' });
    expect(faults).toEqual([]);
  });
});
