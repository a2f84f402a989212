import { spawnSync } from 'node:child_process';
import { get, type IncomingMessage } from 'node:http';
import { setTimeout as pass } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';
import { atMost, type Bench } from './harness/bench.js';
import { startChild } from './harness/child.js';
import { median } from './harness/rounds.js';
import { type Sample, TICKING, WORKERS } from './pages/size.js';

const CHILD = new URL('./pages/child.ts', import.meta.url);
const CHROMIUM = '/usr/bin/chromium';
/** `PAGES`, `PAGES_SECONDS`: shorter forms. */
const PAGES = Number(process.env.PAGES ?? 50);
const SECONDS = Number(process.env.PAGES_SECONDS ?? 600);
/** Those of them that a browser has open; the others read the stream as a page does. */
const IN_BROWSER = Math.min(Number(process.env.PAGES_IN_BROWSER ?? 5), PAGES);
/** Pieces that the time with pages is measured in, and as many seconds before and after it without. */
const PIECES = 10;
/** Milliseconds within which a page asks for open incidents and silences when the stream says that they have changed. */
const ASKS_WITHIN = 1_000;

export const pages: Bench = {
  name: 'pages',
  summary: `${PAGES} open pages for ${SECONDS} s, the driver in another process: lateness of ticks, memory, connections`,
  run: async (say) => {
    const server = await startChild<{ url: string }>(CHILD);
    /** Has the pages while the measured one has none: so the machine has the same to do, and the difference is the server's own. */
    const other = await startChild<{ url: string }>(CHILD);
    yieldToServers();
    const { url } = server.found;
    const sample = async (): Promise<Sample> => (await (await fetch(`${url}/sample`)).json()) as Sample;
    /** One after the other, as the first of each has what was before. */
    const measured = async (pieces: number): Promise<Sample[]> => {
      await sample();
      const samples: Sample[] = [];
      for (let piece = 0; piece < pieces; piece++) {
        await pass((SECONDS * 1_000) / PIECES);
        const taken = await sample();
        if (taken.runs < TICKING) throw new Error(`Only ${taken.runs} runs in a piece`);
        samples.push(taken);
      }
      return samples;
    };
    let visitors: Visitors | undefined;
    const measuredWith = async (pagesOf: string, pieces: number): Promise<Sample[]> => {
      visitors = await visit(pagesOf);
      await pass(2_000);
      const samples = await measured(pieces);
      await visitors.leave();
      return samples;
    };
    try {
      say('warming up');
      await warmUp(url);
      await warmUp(other.found.url);
      const before = await measuredWith(other.found.url, PIECES / 2);
      say('without pages: done');
      const during = await measuredWith(url, PIECES);
      const { inBrowser, told } = visitors!;
      say('with pages: done');
      const closed = await emptied(sample, before[0]!);
      const after = await measuredWith(other.found.url, PIECES / 2);
      const without = [...before, ...after];
      return {
        ratios: {
          'p99 of the lateness, with pages / without': atMost(
            1.2,
            median(p99(during)) / median(p99(without)),
          ),
          'heap after the pages / before': atMost(1.15, after.at(-1)!.heapUsed / before.at(-1)!.heapUsed),
          'heap, last piece with pages / second': atMost(1.15, during.at(-1)!.heapUsed / during[1]!.heapUsed),
          'connections that stay': atMost(0, closed.sockets - before[0]!.sockets),
          'timers that stay': atMost(0, closed.timers - before[0]!.timers),
        },
        measured: {
          'p99 of the lateness without pages': { unit: 'ms', samples: p99(without) },
          'p99 of the lateness with pages': { unit: 'ms', samples: p99(during) },
          'median of the lateness without pages': { unit: 'ms', samples: without.map((one) => one.median) },
          'median of the lateness with pages': { unit: 'ms', samples: during.map((one) => one.median) },
          'RSS without pages': { unit: 'B', samples: without.map(({ rss }) => rss) },
          'RSS with pages': { unit: 'B', samples: during.map(({ rss }) => rss) },
          'heap without pages': { unit: 'B', samples: without.map(({ heapUsed }) => heapUsed) },
          'heap with pages': { unit: 'B', samples: during.map(({ heapUsed }) => heapUsed) },
        },
        notes: [
          `${WORKERS} workers in one process, ${TICKING} of them each second. ${inBrowser} pages in Chromium, each with a stream of its own; ${PAGES - inBrowser} readers of the stream by HTTP, which ask for incidents when it says that they have changed, as the page does.`,
          'While the server has no pages, another one has them: the machine has the same to do.',
          `The streams told ${told()} messages. Garbage is collected before each sample of memory.`,
        ],
      };
    } finally {
      await visitors?.leave();
      server.stop();
      other.stop();
    }
  },
};

/**
 * In life pages are on other machines: the driver and its browser get the processor when the servers do not want it. `nice` does not
 * do: as root, Chromium sets its own priority to -8, and the p99 of ticks was 15 ms instead of 2.
 */
function yieldToServers(): void {
  const { status } = spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)]);
  if (status !== 0)
    throw new Error('chrt of util-linux is needed, which gives the driver what the servers leave');
}

interface Visitors {
  readonly inBrowser: number;
  /** Messages that the readers have got. */
  told(): number;
  leave(): Promise<void>;
}

async function warmUp(url: string): Promise<void> {
  const visitors = await visit(url);
  await pass(Math.min(20_000, SECONDS * 500));
  await visitors.leave();
  await pass(6_000);
}

/** Each page in a context of its own: tabs of one share a stream. */
async function visit(url: string): Promise<Visitors> {
  let messages = 0;
  const browser = IN_BROWSER > 0 ? await launch() : undefined;
  const inBrowser = browser ? IN_BROWSER : 0;
  for (let n = 0; n < inBrowser; n++) {
    const page = await (await browser!.newContext()).newPage();
    await page.goto(`${url}/dashboard/index.html`);
    await page.getByText('billing.invoices.0', { exact: true }).first().waitFor();
  }
  const readers = await Promise.all(
    Array.from({ length: PAGES - inBrowser }, () => read(url, () => messages++)),
  );
  return {
    inBrowser,
    told: () => messages,
    leave: async () => {
      for (const reader of readers) reader.destroy();
      await browser?.close();
    },
  };
}

async function askForIncidents(url: string): Promise<void> {
  await pass(Math.random() * ASKS_WITHIN);
  for (const path of ['incidents?state=open&limit=20', 'incidents/silences'])
    // A connection that the server closes at that moment is no fault.
    await fetch(`${url}/${path}`).then(
      (answer) => answer.arrayBuffer(),
      () => undefined,
    );
}

async function launch(): Promise<Browser | undefined> {
  try {
    return await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    });
  } catch {
    return undefined;
  }
}

/** Resolves with the stream when it has told all workers. */
function read(url: string, told: () => void): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(`${url}/dashboard/live`, { agent: false }, (stream) => {
      if (stream.statusCode !== 200) return reject(new Error(`The stream answered ${stream.statusCode}`));
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (text.includes('\nevent: ') || text.startsWith('event: ')) told();
        if (text.includes('event: snapshot') || text.includes('"incidents":true')) void askForIncidents(url);
        resolve(stream);
      });
      stream.on('error', () => undefined);
    }).on('error', reject);
  });
}

/** Waits until the connections of those who left are gone; sockets that are kept alive end by themselves. */
async function emptied(sample: () => Promise<Sample>, before: Sample): Promise<Sample> {
  for (let tries = 0; ; tries++) {
    const now = await sample();
    if ((now.sockets <= before.sockets && now.timers <= before.timers) || tries === 30) return now;
    // Not in step with the workers, whose timers count too.
    await pass(700);
  }
}

function p99(samples: readonly Sample[]): number[] {
  return samples.map((one) => Math.max(one.p99, 1));
}
