import pg from 'pg';
import { chromium } from 'playwright-core';
import { type Served } from './dashboard/child.js';
import { WORKERS } from './dashboard/size.js';
import { atMost, type Bench, type Measured } from './harness/bench.js';
import { startChild } from './harness/child.js';
import { withPostgres } from './harness/postgres.js';
import { median, timed } from './harness/rounds.js';

const CHILD = new URL('./dashboard/child.ts', import.meta.url);
const CHROMIUM = '/usr/bin/chromium';
/** `HISTORY_RUNS`: a shorter form. */
const RUNS = Number(process.env.HISTORY_RUNS ?? 1_000_000);
const REQUESTS = 20;
const RENDERS = 7;
/** Milliseconds of a call that nobody waits for. A scan of a million runs takes ten times as long. */
const QUICK = 100;

export const history: Bench = {
  name: 'history',
  summary: `Every GET of the API, and the first render of the page, with ${WORKERS} workers and ${RUNS.toLocaleString('en')} runs`,
  run: (say) =>
    withPostgres(async (database) => {
      const server = await startChild<Served>(CHILD, database);
      try {
        const { url } = server.found;
        const paths = await fill(database);
        say(`${RUNS} runs are there`);
        const measured: Record<string, Measured> = {};
        for (const path of paths) measured[`GET ${path}`] = { unit: 'ms', samples: await ask(url + path) };
        say('all calls were made');
        const renders = await render(`${url}/dashboard/index.html`);
        const slowest = Math.max(...Object.values(measured).map(({ samples }) => median(samples)));
        return {
          ratios: {
            'slowest call, median, in ms': atMost(QUICK, slowest),
            'first render of the page, median, in ms': atMost(1_000, median(renders)),
          },
          measured: { ...measured, 'first render of the page': { unit: 'ms', samples: renders } },
          notes: [
            'Of every 500 runs one failed, of every 1,000 one was triggered. Calls one after the other, driver and server in processes of their own.',
            'First render: from the request of the page in a new context of Chromium until all workers are counted and the first of them is painted.',
          ],
        };
      } finally {
        server.stop();
      }
    }),
};

/** @returns what the API can be asked */
async function fill(database: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    const { rows: replicas } = await client.query<{ id: string }>('SELECT id FROM workers.known_replicas');
    await client.query(
      `INSERT INTO workers.runs (id, worker, replica, trigger, attempt, scheduled_at, started_at, ended_at, outcome, error)
       SELECT gen_random_uuid(), 'billing.invoices.' || n % ${WORKERS}, $1, CASE WHEN n % 1000 = 7 THEN 'manual' ELSE 'schedule' END, 1,
         at, at, at + interval '80 ms', CASE WHEN n % 500 = 3 THEN 'failed' ELSE 'succeeded' END,
         CASE WHEN n % 500 = 3 THEN jsonb_build_object('name', 'Error', 'message', 'connect ECONNREFUSED', 'stack', repeat('at x ', 200)) END
       FROM generate_series(1, ${RUNS}) AS n, LATERAL (SELECT now() - n * interval '0.5 second' AS at) AS start`,
      [replicas[0]!.id],
    );
    await client.query(
      `INSERT INTO workers.incidents (id, kind, subject, condition, summary, opened_at, closed_at, told_at)
       SELECT gen_random_uuid(), 'worker', 'billing.invoices.' || n % ${WORKERS}, 'failing', 'It fails', at, at, at
       FROM generate_series(1, 50000) AS n, LATERAL (SELECT now() - n * interval '1 minute' AS at) AS opened`,
    );
    await client.query('VACUUM ANALYZE workers.runs, workers.incidents');
    const { rows } = await client.query<{ id: string; at: number }>(
      `SELECT id, floor(extract(epoch FROM started_at) * 1000)::float8 AS at FROM workers.runs ORDER BY started_at OFFSET 1000 LIMIT 1`,
    );
    const { id, at } = rows[0]!;
    const [late, day] = [`before=${at}_${id}`, new Date(Date.now() - 86_400_000).toISOString()];
    const one = '/workers/billing.invoices.3';
    return [
      '/workers', '/workers?text=invoices.42', '/workers?state=paused&group=group%203', one, `${one}/runs`, `${one}/runs?limit=1000`,
      `${one}/runs?outcome=failed`, `${one}/runs?text=econnrefused`, `${one}/runs?${late}`, `${one}/upcoming`,
      '/runs', '/runs?limit=1000', '/runs?outcome=failed,timed_out', '/runs?outcome=running', '/runs?outcome=succeeded', '/runs?trigger=manual',
      '/runs?trigger=event', '/runs?text=econnrefused', '/runs?text=no%20such%20text', `/runs?since=${day}`, `/runs?until=${day}`, `/runs?${late}`,
      `/runs?outcome=failed&trigger=manual`, `/runs/${id}`, '/runs/upcoming', '/replicas', '/replicas?alive=true', '/incidents',
      '/incidents?state=open', '/incidents?kind=certificate', '/incidents?subject=billing.invoices.3', '/incidents/silences',
      '/incidents/deliveries', '/dashboard/tabs',
    ]; // prettier-ignore
  } finally {
    await client.end();
  }
}

async function ask(url: string): Promise<number[]> {
  const samples: number[] = [];
  for (let n = -3; n < REQUESTS; n++) {
    const took = await timed(async () => {
      const answer = await fetch(url);
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${text}`);
    });
    if (n >= 0) samples.push(took);
  }
  return samples;
}

async function render(url: string): Promise<number[]> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    const samples: number[] = [];
    for (let n = -1; n < RENDERS; n++) {
      const page = await (await browser.newContext()).newPage();
      const took = await timed(async () => {
        await page.goto(url, { waitUntil: 'commit' });
        await page.locator('.worker').first().waitFor();
        // As text: the types of a browser are not those of a bench.
        await page.evaluate('new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)))');
      });
      if (n >= 0) samples.push(took);
      await page.context().close();
    }
    return samples;
  } finally {
    await browser.close();
  }
}
