import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { type Locator } from 'playwright-core';
import { type AppProcess } from '../support/app-process.js';
import { appWorkbench, TOKEN } from '../support/app-workbench.js';
import { answerQuestions, expectAccessible, LOOKS, openBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { describeWith } from '../support/needs.js';
import { embeddedDatabase, query } from '../support/query.js';

/** Tabs of the reference app, and a text that each shows once it has its data. */
const TABS = {
  incidents: 'Silences',
  fleet: 'acme',
  rollouts: 'Drifted instances',
  health: 'alive',
  certificates: 'app.localhost',
  usage: 'memory, last hour',
  events: 'instance.running',
  brakes: 'Tenants in which nothing is deleted',
  schedules: 'invoice',
};

const HOSTILE = `<img src=x onerror="document.title='owned'"> \u001b[31mred\u001b[0m \u202eright to left ${'x'.repeat(1_000_000)}`;

describeWith('chromium', 'the tabs of the control plane', () => {
  const workbench = appWorkbench(afterAll);
  const test = openBrowser();
  const { faults } = test;
  let app: AppProcess;
  let url: string;
  let directory: string;
  let database: string;

  beforeAll(async () => {
    directory = join(await workbench.directory(), 'data');
    app = workbench.start(directory, { env: { HTTPS_PORT: 0 } });
    await app.said(/5 instances are running/);
    [url] = await app.said(/http:\/\/127\.0\.0\.1:\d+/);
    database = await embeddedDatabase(directory);
    // A change that fails, as it would be stored, and what a provider may say of an instance.
    await query(
      database,
      `INSERT INTO deployments (id, tenant_id, workload_id, spec, spec_hash, previous_spec, state, reason, ended_at)
       SELECT 'dep_' || lpad('1', 26, '0'), tenant_id, id, spec || '{"image": "web:2"}', 'other', spec, 'failed', $1,
         clock_timestamp() FROM workloads WHERE name = 'web'`,
      [HOSTILE.replaceAll('\u0000', '')],
    );
    await query(
      database,
      `UPDATE instances SET last_error = $1, attempts = 3 WHERE id = (SELECT max(id) FROM instances WHERE name = 'api')`,
      [HOSTILE],
    );
    await query(
      database,
      `INSERT INTO events (id, type, payload) VALUES ('evt_' || lpad('1', 26, '0'), 'test.hostile', jsonb_build_object('said', $1::text))`,
      [HOSTILE],
    );
    await storeSchedules();
  });

  /** 400 schedules of each of three handlers, one of which has failed. */
  const storeSchedules = async (): Promise<void> => {
    await query(
      database,
      `INSERT INTO schedules (handler, key, timing, created_at, changed_at, revision, slot_at, planned_at, due_at)
       SELECT handler, 'user ' || lpad(n::text, 4, '0'), '{"every":86400000}', clock_timestamp(), clock_timestamp(),
         nextval('schedule_tokens'), at, at, at
       FROM unnest('{digest,invoice,reminder}'::text[]) AS handler, generate_series(1, 400) AS n,
         LATERAL (SELECT clock_timestamp() + interval '12 hours' + n * interval '1 minute' AS at) AS due`,
    );
    await query(
      database,
      `UPDATE schedules SET runs = 3, failures = 3, consecutive_failures = 3, last_outcome = 'failed', last_error = $1,
         last_started_at = clock_timestamp(), last_ended_at = clock_timestamp()
       WHERE handler = 'reminder' AND key = 'user 0001'`,
      [HOSTILE],
    );
    // A replica that is not asked has claimed it.
    await query(
      database,
      `UPDATE schedules SET claimed_by = 'elsewhere', token = nextval('schedule_tokens'), claims = 1,
         due_at = clock_timestamp() + interval '1 hour'
       WHERE handler = 'reminder' AND key = 'user 0308'`,
    );
  };

  /** On a wide page and on a phone. */
  const expectButtonsInView = async (row: Locator): Promise<void> => {
    const { page } = test;
    const before = page.viewportSize()!;
    for (const width of [1280, 390]) {
      await page.setViewportSize({ ...before, width });
      for (const button of await row.getByRole('button').all()) {
        const { x, width: wide } = (await button.boundingBox())!;
        expect([width, x >= 0, x + wide <= width]).toEqual([width, true, true]);
      }
    }
    await page.setViewportSize(before);
  };

  const open = async (tab: string): Promise<void> => {
    await test.page.goto(`${url}/dashboard/index.html#/tabs/${tab}`);
  };
  const table = (name: string) => test.page.getByRole('region', { name, exact: true });

  it('show the fleet by datacenter and workload, with where each instance answers, and a page for each', async () => {
    const { page } = test;
    await open('fleet');
    await table('Fleet').locator('tr.group', { hasText: 'main › web' }).waitFor();
    await table('Fleet')
      .getByText(/http 127\.0\.0\.1:\d+/)
      .first()
      .waitFor();
    await table('Fleet').getByRole('link', { name: 'web' }).first().click();
    await page.getByRole('region', { name: 'Health checks' }).last().getByText('alive').waitFor();
    await page.locator('.chart canvas').nth(1).waitFor();
    await page.getByLabel('State').waitFor({ state: 'detached' });
    await open('fleet');
    await page.getByLabel('State').selectOption('failed');
    await page.getByText('Nothing matches.').waitFor();
    expect(faults).toEqual([]);
  });

  it('show deployments with step, old and new, and why one failed; and what has drifted', async () => {
    await open('rollouts');
    const row = table('Rollouts and drift').locator('tr', { hasText: 'web' }).first();
    await row.getByText('failed', { exact: true }).waitFor();
    await row.getByText('stopped half-way').waitFor();
    await row.getByText('image').waitFor();
    await row.getByText('<img src=x').waitFor();
    await table('Drifted instances').last().getByRole('link', { name: 'api' }).waitFor();
    expect(faults).toEqual([]);
  });

  it('show health by bars of the last 24 hours, with latencies', async () => {
    await open('health');
    const row = table('Health').locator('tr', { hasText: 'alive' }).first();
    await row.getByText('healthy').waitFor();
    await row.getByRole('img', { name: /^last 24 hours: [1-9]\d* of 90 parts were looked at/ }).waitFor();
    // Less than all of it where the machine was too slow for a check.
    await row
      .getByText(/^\d+(\.\d+)? %$/)
      .first()
      .waitFor();
    await row
      .getByText(/^\d+(\.\d)? (ms|s)$/)
      .first()
      .waitFor();
    expect(faults).toEqual([]);
  });

  it('show certificates by the days that are left', async () => {
    await open('certificates');
    await table('Certificates')
      .locator('tr', { hasText: 'app.localhost' })
      .getByText(/^\d+ (days|d|h)/)
      .waitFor();
    await test.page.getByLabel('Stage').selectOption('critical');
    await test.page.getByText('Nothing matches.').waitFor();
    expect(faults).toEqual([]);
  });

  it('show what instances use and have used', async () => {
    await open('usage');
    const row = table('CPU and memory').locator('tbody tr').first();
    await row.getByText(/ %$/).waitFor();
    await row.getByText(/ MB$/).first().waitFor();
    await eventually(async () => (await row.locator('svg.spark').count()) === 2);
    // All together, by datacenter, by workload, and for a day: of CPU and of memory.
    await eventually(async () => (await test.page.locator('figure').count()) === 8);
    await row.getByRole('link').click();
    await test.page.locator('.chart canvas').nth(1).waitFor();
    expect(faults).toEqual([]);
  });

  it('show what all instances use together, a gap as a gap, and say when there is nothing or no answer', async () => {
    const { page } = test;
    const minute = Math.floor(Date.now() / 60_000) * 60_000;
    const points = Array.from({ length: 60 }, (_, n) => [
      new Date(minute - (60 - n) * 60_000).toISOString(),
      n >= 20 && n < 40 ? null : 50,
    ]);
    await page.route('**/usage/history?**', (route) => {
      const query = new URL(route.request().url()).searchParams;
      if (query.get('by') === 'workload')
        return route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ status: 503, title: 'Service Unavailable', detail: 'The database cannot be used at the moment: it is away' }) });
      const series =
        query.get('range') === '24h' ? [] : [{ labels: query.has('by') ? { datacenter: '<b>north</b>' } : {}, points }];
      return route.fulfill({ json: { step_seconds: 60, series } });
    });
    try {
      await open('usage');
      await page.getByRole('img', { name: 'CPU of all, last hour: now 50 %' }).waitFor();
      await page.locator('figure', { hasText: 'CPU of all, last day' }).getByText('Nothing was read yet.').waitFor();
      await page.locator('figure', { hasText: 'CPU of all by workload' }).getByRole('alert').filter({ hasText: 'The database cannot be used' }).waitFor();
      await page.locator('figure', { hasText: 'CPU of all by datacenter' }).getByText('<b>north</b>').waitFor();
      // The line: where its colour is, in tenths of the chart's width.
      const canvas = page.getByRole('img', { name: 'CPU of all, last hour: now 50 %' }).locator('canvas');
      const tenths = await eventually(async () => {
        const found = await canvas.evaluate((element) => {
          const chart = element as unknown as { width: number; height: number; getContext(kind: '2d'): { getImageData(x: number, y: number, w: number, h: number): { data: Uint8ClampedArray } } };
          const { data } = chart.getContext('2d').getImageData(0, 0, chart.width, chart.height);
          const left = Math.round(chart.width * 0.15);
          const tenths = new Set<number>();
          for (let y = 0; y < chart.height; y++)
            for (let x = left; x < chart.width; x++) {
              const [r, g, b, a] = data.subarray((y * chart.width + x) * 4) as unknown as [number, number, number, number];
              if (a > 150 && b > r + 60 && b > g + 30) tenths.add(Math.floor(((x - left) / (chart.width - left)) * 10));
            }
          return [...tenths].sort((a, b) => a - b);
        });
        return found.length > 0 && found;
      });
      expect(tenths).toEqual(expect.arrayContaining([1, 8]));
      expect(tenths).not.toContain(4);
      expect(tenths).not.toContain(5);
    } finally {
      await page.unroute('**/usage/history?**');
    }
    faults.splice(0, faults.length, ...faults.filter((fault) => !/503/.test(fault)));
    expect(faults).toEqual([]);
  }); // prettier-ignore

  it('show events as they come, of one type, and page by page', async () => {
    const { page } = test;
    await open('events');
    const rows = table('Events').locator('tbody tr');
    await rows.first().waitFor();
    await query(
      database,
      `INSERT INTO events (id, type, payload) VALUES ('evt_' || lpad('2', 26, '0'), 'test.fresh', '{}')`,
    );
    await table('Events').getByText('test.fresh').waitFor();
    await page.getByLabel('Type').fill('instance.running');
    // What is typed stays while the list is asked for again.
    for (let n = 0; n < 2; n++) await page.waitForResponse(/\/events/);
    expect(await page.getByLabel('Type').inputValue()).toBe('instance.running');
    await page.getByLabel('Type').press('Enter');
    await table('Events').getByText('test.fresh').waitFor({ state: 'detached' });
    await table('Events').getByText('instance.running').first().waitFor();
    await page.getByLabel('Type').fill('Not a type');
    await page.getByLabel('Type').press('Enter');
    await page.getByText(/is no event type/).waitFor();
    await page.getByLabel('Type').fill('');
    await page.getByLabel('Type').press('Enter');
    await query(
      database,
      `INSERT INTO events (id, type, payload)
       SELECT 'evt_' || lpad((100 + n)::text, 26, '0'), 'test.many', '{}' FROM generate_series(1, 60) n`,
    );
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('Page 2').waitFor();
    await table('Events').getByText('instance.running').first().waitFor();
    await page.getByRole('button', { name: 'Back' }).click();
    await page.getByText('Page 1').waitFor();
    expect(faults).toEqual([]);
  });

  it('show foreign text as text, cut', async () => {
    const { page } = test;
    for (const tab of ['rollouts', 'events']) {
      await open(tab);
      await page.getByLabel(tab === 'events' ? 'Type' : 'State').waitFor();
      if (tab === 'events') {
        await page.getByLabel('Type').fill('test.hostile');
        await page.getByLabel('Type').press('Enter');
      }
      await page.getByText('<img src=x').first().waitFor();
      const said = await page.locator('main').textContent();
      expect(said).toContain('…');
      expect(said!.length).toBeLessThan(30_000);
      expect(said).not.toMatch(/[\u001b\u202e]/);
      expect(await page.locator('img').count()).toBe(0);
      expect(await page.title()).toMatch(/ · Workers$/);
    }
    expect(faults).toEqual([]);
  });

  it('have links and buttons that the keyboard reaches, and say where the reader is', async () => {
    const { page } = test;
    await open('fleet');
    await table('Fleet').getByRole('link', { name: 'web' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('region', { name: 'Results' }).last().waitFor();
    const here = page.getByRole('navigation', { name: 'Pages' }).locator('[aria-current=page]');
    expect(await here.textContent()).toBe('Fleet');
  });

  it.each(LOOKS)('are accessible and fit, each of them, %s, %d pixels wide', async (colorScheme, width) => {
    const { page } = test;
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    for (const [tab, text] of Object.entries(TABS)) {
      await open(tab);
      await page.getByText(text).first().waitFor();
      await expectAccessible(page);
    }
    await open('fleet');
    await table('Fleet').getByRole('link', { name: 'web' }).first().click();
    await page.locator('.chart canvas').nth(1).waitFor();
    await expectAccessible(page);
    expect(faults).toEqual([]);
  });

  it('keep what they show while the server is away, say so, and go on when it is back', async () => {
    const { page } = test;
    await open('health');
    const row = table('Health').locator('tr', { hasText: 'alive' }).first();
    await row.waitFor();
    await page.route('**/health-checks*', (route) => route.abort());
    await page.getByText('The server cannot be reached').waitFor();
    expect(await row.count()).toBe(1);
    await page.unroute('**/health-checks*');
    await page.getByText('The server cannot be reached').waitFor({ state: 'detached' });
    await page.route('**/health-checks*', (route) =>
      route.fulfill({ status: 503, json: { title: 'Unavailable', detail: 'The database is away' } }),
    );
    await page.getByText('The database is away').waitFor();
    expect(await row.count()).toBe(1);
    expect(faults).toEqual([]);
  });

  it('show what a brake holds back, and decide on it after a question, with the token', async () => {
    const { page } = test;
    // What a store holds for a tenant of whom nothing is known: no pass of a worker ends this brake.
    const [tenant, one, other] = ['ten', 'inst', 'inst'].map((kind, n) => `${kind}_${'0'.repeat(25)}${n}`);
    await query(
      database,
      `WITH held AS (
         INSERT INTO rowless_instances (store, tenant_id, instance_id, workload_id)
         VALUES ('elsewhere', $1, $2, ''), ('elsewhere', $1, $3, '') RETURNING instance_id
       ), brake AS (
         INSERT INTO gc_brakes (tenant_id, cause, orphans, examined, set_digest)
         SELECT $1, 'unknown_tenant', 2, 2, md5(string_agg(instance_id || ' ', ',' ORDER BY instance_id)) FROM held
       )
       INSERT INTO gc_braked_instances (tenant_id, instance_id, workload_id) SELECT $1, instance_id, '' FROM held`,
      [tenant, one, other],
    );
    const asked = await answerQuestions(page, [false]);
    await open('brakes');
    const row = table('Brakes').locator('tbody tr', { hasText: tenant! });
    await row.getByText('engaged', { exact: true }).waitFor();
    await row.getByText('unknown tenant').waitFor();
    const confirm = row.getByRole('button', { name: 'Confirm' });
    await confirm.click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(asked).toEqual([expect.stringContaining(`exactly these 2 instances of ${tenant}?`)]);
    await row.getByText('engaged', { exact: true }).waitFor();
    await confirm.click();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Use it' }).click();
    await row.getByText('confirmed', { exact: true }).waitFor();
    await row.getByText('system:http').waitFor();
    await row.getByRole('link', { name: tenant! }).click();
    const instances = page.getByRole('region', { name: 'Instances held back' }).last();
    for (const id of [one!, other!]) await instances.getByText(id).waitFor();
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Refuse' }).click();
    await page.locator('.facts').getByText('refused', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Refuse' }).count()).toBe(0);
    expect(asked).toHaveLength(3);
    expect(faults).toEqual([]);
  });

  it('show what another pass holds back beside what a brake does, and decide on it', async () => {
    const { page } = test;
    // At a store that no replica reaches: no pass of a worker ends this brake.
    const tenant = `ten_${'0'.repeat(25)}1`;
    await query(
      database,
      `INSERT INTO gc_pass_brakes (pass, store, tenant_id, cause, keys, set_digest)
       VALUES ('volumes', 'elsewhere', $1, 'share', '{data-1,data-2}', md5('data-1,data-2'))`,
      [tenant],
    );
    const asked = await answerQuestions(page);
    await open('brakes');
    const row = page
      .getByRole('region', { name: 'Held back beside instances' })
      .last()
      .locator('tbody tr', { hasText: tenant });
    await row.getByText('engaged', { exact: true }).waitFor();
    await row.getByText('data-1').waitFor();
    await row.getByRole('button', { name: 'Refuse' }).click();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Use it' }).click();
    await row.getByText('refused', { exact: true }).waitFor();
    await row.getByRole('button', { name: 'Confirm' }).click();
    await row.getByText('confirmed', { exact: true }).waitFor();
    expect(asked.at(-1)).toContain('Let the pass volumes remove exactly these 2 things?');
    await expectAccessible(page);
    expect(faults).toEqual([]);
  });

  it('show schedules by their handler, find one of 1,200 by its key, and steer it after a question, with the token', async () => {
    const { page } = test;
    const asked = await answerQuestions(page);
    await open('schedules');
    const handler = table('Schedules').locator('tbody tr', { hasText: 'reminder' });
    await handler.getByText('400', { exact: true }).waitFor();
    await handler.getByRole('link', { name: 'reminder' }).click();
    await page.getByText('No run is recorded.').waitFor();
    const list = page.getByRole('region', { name: 'Schedules', exact: true });
    await list.getByText('<img src=x').waitFor();
    await expectButtonsInView(list.locator('tbody tr', { hasText: 'user 0001' }));
    await page.getByRole('button', { name: 'Next' }).click();
    await list.getByText('user 0051').waitFor();
    const prefix = page.getByLabel('key begins with');
    await prefix.fill('user 030');
    await prefix.press('Enter');
    await list.getByText('user 0300').waitFor();
    expect(await list.locator('tbody tr').count()).toBe(10);
    await expectAccessible(page);
    const row = list.locator('tbody tr', { hasText: 'user 0307' });
    await row.getByRole('button', { name: 'Pause' }).click();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Use it' }).click();
    await row.getByText('paused', { exact: true }).waitFor();
    await page.getByLabel('state').selectOption('paused');
    await list.getByText('user 0300').waitFor({ state: 'detached' });
    expect(await list.locator('tbody tr').count()).toBe(1);
    await page.getByLabel('state').selectOption('');
    await row.getByRole('button', { name: 'Resume' }).click();
    await row.getByText('active', { exact: true }).waitFor();
    await row.getByRole('button', { name: 'Run now' }).click();
    await page.getByText('Run now: done.').waitFor();
    const running = list.locator('tbody tr', { hasText: 'user 0308' });
    await running.getByRole('button', { name: 'Cancel run' }).click();
    await page.getByText('Cancel run: done.').waitFor();
    const cancelled = `SELECT FROM schedules WHERE (cancellation ->> 'token')::bigint = token AND key = 'user 0308'`;
    expect(await query(database, cancelled)).toHaveLength(1);
    await row.getByRole('button', { name: 'Remove' }).click();
    await row.waitFor({ state: 'detached' });
    expect(await list.locator('tbody tr').count()).toBe(9);
    expect(asked).toEqual([
      expect.stringContaining('Run no slot of this schedule'),
      expect.stringContaining('from its next slot on'),
      expect.stringContaining('beside its slots'),
      'End the active run of schedule user 0308? It is not tried again.',
      'Remove schedule user 0307 with its counts?',
    ]);
    expect(faults).toEqual([]);
  });

  it('ask for the token before they do what they are told', async () => {
    const { page } = test;
    await answerQuestions(page);
    await app.post('/incidents/silences', TOKEN);
    const made = await page.request.post(`${url}/incidents/silences`, {
      headers: { 'x-workers-token': TOKEN },
      data: { subject: 'gc', for: '1h' },
    });
    expect(made.status()).toBe(201);
    await open('incidents');
    await page.getByRole('button', { name: 'End' }).click();
    await page.getByLabel('Token').fill(TOKEN);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByText('No silence holds: every incident is told.').waitFor();
    expect(faults).toEqual([]);
  });

  it('show what is new after the server was killed and started again, each of them, without a reload', async () => {
    const { page } = test;
    const tabs = Object.keys(TABS);
    const pages = await Promise.all(tabs.map(() => page.context().newPage()));
    for (const [n, tab] of tabs.entries()) {
      await pages[n]!.goto(`${url}/dashboard/index.html#/tabs/${tab}`);
      await pages[n]!.getByText(TABS[tab as keyof typeof TABS])
        .first()
        .waitFor();
      await pages[n]!.evaluate('globalThis.isTheSame = true');
    }
    app.kill('SIGKILL');
    await app.exit;
    for (const one of pages) await one.getByText('The server cannot be reached').first().waitFor();
    app = workbench.start(directory, { env: { HTTPS_PORT: 0, PORT: new URL(url).port } });
    await app.said(/5 instances are running/);
    for (const [n, tab] of tabs.entries()) {
      const one = pages[n]!;
      await one.getByText('The server cannot be reached').first().waitFor({ state: 'detached' });
      await one
        .getByText(TABS[tab as keyof typeof TABS])
        .first()
        .waitFor();
      expect([tab, await one.evaluate('globalThis.isTheSame')]).toEqual([tab, true]);
    }
    await query(
      database,
      `INSERT INTO events (id, type, payload) VALUES ('evt_' || lpad('3', 26, '0'), 'test.after_restart', '{}')`,
    );
    await pages[tabs.indexOf('events')]!.getByText('test.after_restart').waitFor();
  });
});
