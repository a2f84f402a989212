import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type AppProcess } from '../support/app-process.js';
import {
  answerQuestions,
  expectAccessible,
  LOOKS,
  openBrowser,
  startPageApp,
  TOKEN,
} from '../support/browser.js';
import { describeWith } from '../support/needs.js';

describeWith('chromium', 'open incidents on the page', () => {
  let app: AppProcess;
  let url: string;
  const test = openBrowser();
  const { faults } = test;

  beforeAll(async () => {
    [app, url] = await startPageApp('dashboard.mjs', { INCIDENTS: '1' });
  });
  afterAll(() => app.destroy());
  beforeEach(async () => {
    await answerQuestions(test.page);
    await test.page.request.post(`${url}/dashboard/session`, { data: { token: TOKEN } });
  });

  it('stand before all workers: what, since when, and of which worker', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    await page.getByRole('heading', { name: '2 open incidents' }).waitFor();
    const [section, list] = await Promise.all(
      ['.incidents', '.workers'].map((name) => page.locator(name).boundingBox()),
    );
    expect(section!.y + section!.height).toBeLessThanOrEqual(list!.y);
    const failing = page.locator('.incident', { hasText: 'failing' });
    await failing.getByText(/^since /).waitFor();
    await failing.getByRole('link', { name: 'fails <b>bold</b>' }).click();
    await page.getByRole('heading', { name: 'fails <b>bold</b>' }).waitFor();
    await page.goBack();
    await failing.getByRole('link', { name: 'the run' }).click();
    await page.locator('h2 .badge.failed').waitFor();
    expect(faults).toEqual([]);
  });

  it('show what is said of them as text, cut', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    const foreign = page.locator('.incident', { hasText: 'certificate' });
    const said = await foreign.textContent();
    expect(said).toContain('certificate <b>shop</b>.example \\u202egro.live');
    expect(said).toContain('<img src=x onerror=');
    expect(said).toContain('…');
    expect(said!.length).toBeLessThan(700);
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe('Workers');
    expect(faults).toEqual([]);
  });

  it('are silenced, and told again when the silence is ended', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    const failing = page.locator('.incident', { hasText: 'failing' });
    const silences = async () =>
      (await (await fetch(`${url}/incidents/silences`)).json()) as Record<string, unknown>[];
    await failing.getByRole('combobox').selectOption('8h');
    expect(await silences()).toEqual([]);
    await failing.getByRole('button', { name: 'Silence for: fails <b>bold</b>, failing' }).click();
    await failing.getByText(/^silenced, ends in/).waitFor();
    expect(await silences()).toMatchObject([
      { kind: 'worker', subject: 'fails <b>bold</b>', condition: 'failing' },
    ]);
    await page.goto(`${url}/dashboard/index.html#/tabs/incidents`);
    await page.getByRole('region', { name: 'Silences' }).last().getByText('failing').waitFor();
    await page.goto(`${url}/dashboard`);
    await failing.getByRole('button', { name: 'End silence' }).click();
    await failing.getByRole('combobox').waitFor();
    expect(await silences()).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('change on the page when somebody else changes something', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    const foreign = page.locator('.incident', { hasText: 'certificate' });
    await foreign.getByRole('combobox').waitFor();
    const headers = { 'x-workers-token': TOKEN };
    const silences = `${url}/incidents/silences`;
    const made = await page.request.post(silences, { headers, data: { kind: 'certificate', for: '1h' } });
    await foreign.getByText(/^silenced, ends in/).waitFor();
    await page.request.delete(`${silences}/${((await made.json()) as { id: string }).id}`, { headers });
    await foreign.getByRole('combobox').waitFor();
    expect(faults).toEqual([]);
  });

  it('start a run of their worker', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard`);
    await page
      .locator('.incident', { hasText: 'failing' })
      .getByRole('button', { name: 'Run now: fails <b>bold</b>' })
      .click();
    await page.getByText('Run of fails <b>bold</b> requested.').waitFor();
    expect(faults).toEqual([]);
  });

  it('have a tab, which is narrowed, silences there, and says when there is nothing', async () => {
    const { page } = test;
    await page.goto(`${url}/dashboard/index.html#/tabs/incidents`);
    const table = page.getByRole('region', { name: 'Incidents' });
    await table.getByText('expiring').waitFor();
    await page.getByLabel('State').first().selectOption('closed');
    await page.getByText('Nothing matches.').waitFor();
    await page.getByLabel('State').first().selectOption('open');
    await table
      .locator('tr', { hasText: 'expiring' })
      .getByRole('button', { name: 'Silence for 1 h' })
      .click();
    await page.getByRole('button', { name: 'End' }).click();
    await page.getByText('No silence holds: every incident is told.').waitFor();
    await page.getByText('Nothing was sent to webhooks.').waitFor();
    await table.locator('tr', { hasText: 'failing' }).locator('a').click();
    await page.locator('h2 .badge.failed').waitFor();
    expect(faults).toEqual([]);
  });

  it.each(LOOKS)('are accessible and fit, %s, %d pixels wide', async (colorScheme, width) => {
    const { page } = test;
    await page.setViewportSize({ width, height: 700 });
    await page.emulateMedia({ colorScheme });
    await page.goto(`${url}/dashboard`);
    await page.locator('.incident').nth(1).waitFor();
    await page.locator('.strip rect').first().waitFor();
    await expectAccessible(page);
    await page.goto(`${url}/dashboard/index.html#/tabs/incidents`);
    await page.getByRole('region', { name: 'Incidents' }).getByText('expiring').waitFor();
    await expectAccessible(page);
  });
});
