import { request as send } from 'node:http';
import { Random } from '../simulation/random.js';
import { DocumentedAnswers, type FuzzAnswer } from './answers.js';
import { TOKEN, type FuzzApp } from './fuzz-app.js';
import { type FuzzRequest, type Known, makeRequest } from './requests.js';

/** An answer that takes longer is taken for a hang. Milliseconds. */
const PATIENCE = 30_000;
/** Requests that are under way at a time. */
const AT_ONCE = 8;

export interface FuzzReport {
  /** How many answers had each status. */
  statuses: Record<string, number>;
  /** What must not be: a 500, no answer, one that the document does not know, something done without the token. Each with its request. */
  faults: string[];
}

/**
 * Sends requests made from the document: first a fifth of them without the token, and looks whether anything has changed; then the
 * others, most of them with the token.
 */
export async function fuzz({ url, document }: FuzzApp, requests: number, seed: number): Promise<FuzzReport> {
  const random = new Random(seed);
  const report: FuzzReport = { statuses: {}, faults: [] };
  const documented = new DocumentedAnswers(document);
  const before = await stateOf(url);
  await sendAll(Math.ceil(requests / 5), () => false);
  const after = await stateOf(url);
  if (before !== after)
    report.faults.push(`Something has changed without a token: ${before} is now ${after}`);
  await sendAll(Math.floor((requests * 4) / 5), () => random.chance(0.85));
  return report;

  async function sendAll(count: number, authorized: () => boolean): Promise<void> {
    const known = await knownAt(url);
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) await one(makeRequest(document, random, known, authorized()));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async function one(made: FuzzRequest): Promise<void> {
    const { fault, ...answer } = await answerTo(url, made);
    const { status } = answer;
    report.statuses[status] = (report.statuses[status] ?? 0) + 1;
    const shown = `${made.method} ${made.path.slice(0, 300)} ${JSON.stringify(made.headers).slice(0, 200)} ${made.body?.slice(0, 200) ?? ''}`;
    if (fault !== undefined) report.faults.push(`${fault}: ${shown}`);
    else if (status >= 500) report.faults.push(`${status}: ${shown}`);
    else {
      const undocumented = documented.faultOf(made.template, made.method.toLowerCase(), answer);
      if (undocumented !== undefined) report.faults.push(`${undocumented.slice(0, 1_000)}: ${shown}`);
    }
    const writes = !['GET', 'HEAD', 'OPTIONS'].includes(made.method);
    // Whoever takes the cookie away changes nothing here.
    const ends = made.method === 'DELETE' && made.path.startsWith('/dashboard/session');
    if (writes && !made.authorized && status < 400 && !ends)
      report.faults.push(`${status} without a token: ${shown}`);
  }
}

function answerTo(
  url: string,
  { method, path, headers, body }: FuzzRequest,
): Promise<FuzzAnswer & { fault?: string }> {
  return new Promise((resolve) => {
    let said = '';
    let type: string | undefined;
    const timer = setTimeout(() => done(0, `No answer within ${PATIENCE} ms`), PATIENCE);
    // A connection of its own: one that is kept may be closed by the server just when it is taken.
    // Node gives a DELETE with a body no length by itself, and the server takes the body for another request.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const options = { method, path, headers: { ...headers, ...length }, agent: false };
    const outgoing = send(new URL(url), options, (response) => {
      const status = response.statusCode ?? 0;
      type = response.headers['content-type']?.split(';')[0];
      // It never ends by itself.
      if (type === 'text/event-stream') return done(status);
      response.on('error', () => done(status)).on('end', () => done(status));
      response.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    });
    outgoing.on('error', (error) => done(0, error.message));
    function done(status: number, fault?: string): void {
      clearTimeout(timer);
      resolve({ status, type, body: said, ...(fault !== undefined && { fault }) });
      outgoing.destroy();
    }
    outgoing.end(body);
  });
}

/* eslint-disable @typescript-eslint/no-explicit-any -- answers of any shape */

async function ask(url: string, path: string): Promise<any> {
  return (await fetch(url + path, { headers: { 'x-workers-token': TOKEN } })).json();
}

async function knownAt(url: string): Promise<Known> {
  const idsAt = async (path: string): Promise<string[]> => {
    const list = await ask(url, path);
    return (list.items ?? list).slice(0, 20).map(({ id }: any) => id);
  };
  const lists = ['/runs', '/incidents', '/incidents/silences', '/incidents/deliveries'];
  return {
    workers: (await ask(url, '/workers')).map(({ name }: any) => name),
    ids: Object.fromEntries(await Promise.all(lists.map(async (path) => [path, await idsAt(path)] as const))),
  };
}

/** What somebody could have changed. */
async function stateOf(url: string): Promise<string> {
  const [workers, { items }] = [await ask(url, '/workers'), await ask(url, '/runs?limit=1000')];
  return JSON.stringify([
    await ask(url, '/incidents/silences'),
    workers.map(({ name, state, last_change, interval, cron }: any) => ({
      name,
      state,
      last_change,
      interval,
      cron,
    })),
    items.filter(({ trigger }: any) => trigger === 'manual').map(({ id, outcome }: any) => [id, outcome]),
  ]);
}
