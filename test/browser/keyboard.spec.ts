import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Locator } from 'playwright-core';
import { type AppProcess } from '../support/app-process.js';
import { openBrowser, startPageApp, TOKEN } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/needs.js';

/** More than there is on a page of these tests. */
const MOST_TABS = 250;

describeWith('chromium', 'the page without a mouse', () => {
  let app: AppProcess;
  let url: string;
  const test = openBrowser();

  beforeAll(async () => {
    [app, url] = await startPageApp('dashboard.mjs', { INCIDENTS: '1', RUNS: '80' });
  });
  afterAll(() => app.destroy());

  const open = (hash = ''): Promise<unknown> => test.page.goto(`${url}/dashboard/index.html${hash}`);
  const press = (key: string): Promise<void> => test.page.keyboard.press(key);
  const hasFocus = (what: Locator): Promise<boolean> => what.evaluate((one) => one.matches(':focus'));
  const button = (name: string): Locator => test.page.getByRole('button', { name, exact: true });

  /** By the Tab key alone, from wherever the focus is. */
  async function reach(what: Locator): Promise<void> {
    await what.waitFor();
    for (let n = 0; n < MOST_TABS; n++) {
      await press('Tab');
      if (await hasFocus(what)) return;
    }
    throw new Error(`Not reached by ${MOST_TABS} tabs: ${String(what)}`);
  }

  async function pressOn(what: Locator, key = 'Enter'): Promise<void> {
    await reach(what);
    await press(key);
  }

  /** Answers the question, whose first button has the focus. */
  async function confirm(): Promise<void> {
    await eventually(() => hasFocus(button('Confirm')));
    await press('Enter');
  }

  it('leads past the navigation, and to what a link has led to', async () => {
    const { page } = test;
    await open();
    await pressOn(button('Skip to the content'));
    await eventually(() => hasFocus(page.locator('main')));
    await pressOn(page.getByRole('link', { name: 'waits', exact: true }));
    await page.getByRole('heading', { name: 'waits' }).waitFor();
    await eventually(() => hasFocus(page.locator('main')));
    await pressOn(page.getByRole('link', { name: 'All workers' }));
    await page.getByRole('link', { name: 'waits', exact: true }).waitFor();
    expect(test.faults).toEqual([]);
  });

  it('asks for the token in the question, and does what was confirmed', async () => {
    const { page } = test;
    await open('#/workers/waits');
    await pressOn(button('Run now'));
    await confirm();
    await eventually(() => hasFocus(page.getByLabel('Token')));
    await page.keyboard.type('a wrong one');
    await press('Enter');
    await page.getByText('The token is wrong').waitFor();
    await press('Control+A');
    await page.keyboard.type(TOKEN);
    await press('Enter');
    await page.getByText('Run requested.').waitFor();
    await eventually(() => hasFocus(button('Run now')));
    // The session can be ended by keys too.
    await page.reload();
    await pressOn(button('Sign out'));
    await button('Sign out').waitFor({ state: 'detached' });
    expect(await page.context().cookies()).toEqual([]);
    expect(test.faults).toEqual([]);
  });

  it('asks for the token before anything is shown, once, where reading needs it', async () => {
    const { page } = test;
    const [closed, at] = await startPageApp('dashboard.mjs', {
      INCIDENTS: '1',
      ACCESS: JSON.stringify({ token: TOKEN }),
    });
    try {
      await page.goto(`${at}/dashboard/index.html#/tabs/incidents`);
      await eventually(() => hasFocus(page.getByLabel('Token')));
      await page.keyboard.type(TOKEN);
      await press('Enter');
      await page.getByText('Nothing was sent to webhooks.').waitFor();
      expect(await page.getByLabel('Token').count()).toBe(0);
      // Of a session that ends, all parts of the tab are told: one of them asks.
      await page.context().clearCookies();
      await page.getByLabel('Token').waitFor();
      await eventually(async () => (await page.getByText('The token is needed to show this.').count()) === 2);
      expect(await page.getByLabel('Token').count()).toBe(1);
      await pressOn(page.getByLabel('Token'), 'a');
      await press('Control+A');
      await page.keyboard.type(TOKEN);
      await press('Enter');
      await page.getByLabel('Token').waitFor({ state: 'detached' });
      await page.getByText('The token is needed').first().waitFor({ state: 'detached' });
    } finally {
      await closed.destroy();
    }
    expect(test.faults).toEqual([]);
  });

  it('says that there is nothing where an address leads to no tab, or was cut in the middle', async () => {
    const { page } = test;
    await open('#/tabs/nothing');
    await page.getByText('There is no tab “nothing” here.').waitFor();
    await open('#/workers/%E0%A4%A');
    await page.getByText('No worker is named "%E0%A4%A"').waitFor();
    expect(test.faults).toEqual([]);
  });

  describe('with a session', () => {
    beforeEach(() => test.page.request.post(`${url}/dashboard/session`, { data: { token: TOKEN } }));

    it('keeps the focus in a question, and gives it back when the question is dismissed', async () => {
      const { page } = test;
      await open('#/workers/waits');
      const runs = async () =>
        ((await (await fetch(`${url}/workers/waits`)).json()) as { run_count: number }).run_count;
      const before = await runs();
      for (const dismiss of [
        () => press('Escape'),
        async () => {
          await press('Tab');
          expect(await hasFocus(button('Cancel'))).toBe(true);
          await press('Enter');
        },
      ]) {
        await ((await hasFocus(button('Run now'))) ? press('Enter') : pressOn(button('Run now')));
        await eventually(() => hasFocus(button('Confirm')));
        for (let n = 0; n < 8; n++) {
          await press('Tab');
          // Beyond the last the browser's own buttons come.
          const inside =
            'document.activeElement === document.body || !!document.activeElement.closest("dialog")';
          expect(await page.evaluate(inside)).toBe(true);
        }
        while (!(await hasFocus(button('Confirm')))) await press('Tab');
        await dismiss();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await eventually(() => hasFocus(button('Run now')));
      }
      expect(await runs()).toBe(before);
      expect(test.faults).toEqual([]);
    });

    it('pauses, resumes, runs, cancels', async () => {
      const { page } = test;
      await open('#/workers/endless');
      await pressOn(button('Pause'));
      await confirm();
      await button('Resume').waitFor();
      await pressOn(button('Resume'), 'Space');
      await confirm();
      await button('Pause').waitFor();
      await pressOn(button('Run now'));
      await confirm();
      await pressOn(button('Cancel the active run'));
      await confirm();
      await page.locator('tbody .badge.cancelled').first().waitFor();
      const again = button('Run again').first();
      await pressOn(again);
      await confirm();
      await page.getByText('Run with the same payload requested.').waitFor();
      await pressOn(button('Cancel the active run'));
      await confirm();
      await button('Cancel the active run').waitFor({ state: 'detached' });
      expect(test.faults).toEqual([]);
    });

    it('opens what is folded: definition, errors, log', async () => {
      const { page } = test;
      await open(`#/workers/${encodeURIComponent('fails <b>bold</b>')}`);
      await pressOn(page.getByText('Definition', { exact: true }));
      await page.getByText('max attempts').waitFor();
      await pressOn(page.locator('.errors summary').first());
      await page.locator('.errors').getByText('caused by').waitFor();
      await open('#/workers/busy');
      await page.getByRole('heading', { name: 'busy' }).waitFor();
      await pressOn(page.getByText('log', { exact: true }).first());
      await page.getByText(/payload \d+/).waitFor();
      expect(test.faults).toEqual([]);
    });

    it('turns the pages of runs, and keeps the focus at the end', async () => {
      const { page } = test;
      await open('#/workers/busy');
      const rows = page.getByRole('region', { name: 'Runs, newest first' }).locator('tbody tr');
      await eventually(async () => (await rows.count()) === 50);
      const older = button('Older runs');
      await pressOn(older);
      await page.getByText('Page 2').waitFor();
      await eventually(async () => (await rows.count()) === 30);
      await eventually(async () => (await older.getAttribute('aria-disabled')) === 'true');
      expect(await hasFocus(older)).toBe(true);
      await press('Enter');
      await page.getByText('Page 2').waitFor();
      await press('Shift+Tab');
      expect(await hasFocus(button('Newer runs'))).toBe(true);
      await press('Enter');
      await page.getByText('Page 1').waitFor();
      await eventually(async () => (await rows.count()) === 50);
      await reach(page.getByLabel('Outcome'));
      await press('ArrowDown');
      await page.getByText('No run matches.').waitFor();
      await press('ArrowDown');
      await eventually(async () => (await rows.count()) === 50);
      expect(test.faults).toEqual([]);
    });

    it('narrows the workers, and changes all that are shown', async () => {
      const { page } = test;
      await open();
      await reach(page.getByLabel('Filter workers by name, group or description'));
      await page.keyboard.type('busy');
      await pressOn(button('Pause all shown'));
      await confirm();
      await page.getByText('1 paused.').waitFor();
      await pressOn(button('Resume all shown'));
      await confirm();
      await page.getByText('1 resumed.').waitFor();
      await reach(page.getByLabel('Which workers'));
      await press('End');
      await page.getByText('No worker matches.').waitFor();
      expect(test.faults).toEqual([]);
    });

    it('silences an incident for a time of the reader’s choice, and ends the silence', async () => {
      const { page } = test;
      await open();
      const failing = page.locator('.incident', { hasText: 'failing' });
      await pressOn(failing.getByRole('button', { name: /^Run now/ }));
      await confirm();
      await page.getByText('Run of fails <b>bold</b> requested.').waitFor();
      await reach(failing.getByRole('combobox'));
      // Each value on the way is none that was chosen.
      await press('ArrowDown');
      await press('ArrowDown');
      expect(await page.getByRole('dialog').count()).toBe(0);
      await press('Shift+Tab');
      await press('Enter');
      await page.getByText('failing for 3d?').waitFor();
      await confirm();
      await failing.getByText(/^silenced, ends in 2 d/).waitFor();
      await open('#/tabs/incidents');
      await pressOn(button('End'));
      await confirm();
      await page.getByText('No silence holds').waitFor();
      expect(test.faults).toEqual([]);
    });
  });
});
