import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Readable } from 'node:stream';
import { writeFile } from 'node:fs/promises';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { query } from '../support/query.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

/* eslint-disable @typescript-eslint/no-explicit-any -- JSON of any shape */

const TOKEN = 'token-of-the-cli-tests';
const BIN = join(builtCheckout(), 'dist/bin.js');

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

describe('the command ctrlplane-workers', () => {
  const newDirectory = temporaryDirectories(afterAll);
  let app: AppProcess;
  let url: string;
  let database: TestDatabase;
  let hook: Server;
  /** What the webhook answers with. */
  let hookStatus = 410;

  beforeAll(async () => {
    database = await createTestDatabase();
    hook = createServer((request, response) => {
      request.resume().on('end', () => response.writeHead(hookStatus).end());
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const WEBHOOK = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`;
    app = new AppProcess({
      command: [process.execPath, 'test/apps/cli.mjs'],
      cwd: builtCheckout(),
      env: { PATH: process.env.PATH, TOKEN, DATABASE_URL: database.url, WEBHOOK },
    });
    [, url] = (await app.said(/listening at (\S+)/)) as unknown as [string, string];
  });
  afterAll(async () => {
    await app.destroy();
    hook.closeAllConnections();
    await new Promise((resolve) => hook.close(resolve));
    await database.drop();
  });

  function environment(own: Record<string, string> = {}): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, WORKERS_URL: url, WORKERS_TOKEN: TOKEN, ...own };
  }

  function command(args: string[], own?: Record<string, string>): Promise<Result> {
    return new Promise((resolve) => {
      execFile(process.execPath, [BIN, ...args], { env: environment(own) }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });
  }

  const json = async (...args: string[]): Promise<any> => {
    const { code, stdout, stderr } = await command([...args, '--json']);
    expect([args, code, stderr]).toEqual([args, 0, '']);
    return JSON.parse(stdout) as unknown;
  };

  it('lists workers, for people and as JSON', async () => {
    const { code, stdout } = await command(['ls']);
    expect(code).toBe(0);
    expect(stdout.split('\n')[0]).toMatch(/^WORKER +STATE +SCHEDULE +NEXT +LAST +TOOK +RUNS +FAILED +ERROR$/);
    expect(stdout).toMatch(/^steps +idle +on events/m);
    const workers = await json('ls', '--text', 'STEPS');
    expect(workers).toMatchObject([{ name: 'steps', source: 'cluster' }]);
  });

  it('triggers a run with a payload, waits for its end, and shows it', async () => {
    const run = await json('trigger', 'steps', '{"steps":2}', '--wait', '--actor', 'Jörg 名');
    expect(run).toMatchObject({
      outcome: 'succeeded', trigger: 'manual', actor: 'Jörg 名', payload: { steps: 2 }, progress: { done: 2, total: 2 },
      log: { lines: [{ message: 'step 1' }, { message: 'step 2' }] }, ran_on: { pid: app.pid },
    }); // prettier-ignore
    const shown = await command(['run', run.id]);
    expect(shown.stdout).toMatch(/^outcome +succeeded$/m);
    expect(shown.stdout).toMatch(/log {0,4}step 2$/m);
    expect((await json('runs', '--worker', 'steps', '--limit', '1')).items).toMatchObject([{ id: run.id }]);
    const again = await json('rerun', run.id, '--wait');
    expect(again).toMatchObject({ outcome: 'succeeded', payload: { steps: 2 } });
    expect((await command(['show', 'steps'])).stdout).toContain(run.id);
  });

  it('reads a payload from a file', async () => {
    const file = join(await newDirectory(), 'payload.json');
    await writeFile(file, '{"steps":1}');
    expect(await json('trigger', 'steps', `@${file}`, '--wait')).toMatchObject({ payload: { steps: 1 } });
  });

  it('ends with 1 when the run that it waits for fails, and shows what a terminal would obey as text', async () => {
    const { code, stdout, stderr } = await command(['trigger', 'fails', '--wait']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/Run \S+ failed/);
    expect(stdout).toContain('\\u001b[31mred');
    expect(stdout).toContain('caused by: Error: the deepest reason');
    expect(stdout).not.toContain('\u001b');
    expect((await command(['ls'])).stdout).not.toContain('\u001b');
  });

  it('cancels a run', async () => {
    const { run_id } = await json('trigger', 'endless');
    expect((await command(['cancel', run_id, '--reason', 'too slow'])).code).toBe(0);
    const { items } = await untilRuns('--worker', 'endless', '--outcome', 'cancelled');
    expect(items[0]).toMatchObject({ id: run_id, error: { message: expect.stringContaining('too slow') } });
  });

  async function untilRuns(...args: string[]): Promise<any> {
    for (;;) {
      const page = await json('runs', ...args);
      if (page.items.length > 0) return page;
    }
  }

  it('pauses and resumes by name, and all that match; reschedules', async () => {
    expect((await command(['pause', 'steps', 'fails'])).stdout).toBe('steps is paused\nfails is paused\n');
    expect((await json('resume', '--state', 'paused')).changed).toEqual(['fails', 'steps']);
    // One that there is not keeps nobody from the others.
    expect(await command(['pause', 'nobody', 'steps'])).toMatchObject({
      code: 1,
      stdout: 'steps is paused\n',
      stderr: expect.stringMatching(/^No worker is named "nobody"/),
    });
    expect((await command(['resume', 'steps'])).stdout).toBe('steps is idle\n');
    expect((await command(['pause', 'nobody'])).code).toBe(3);
    expect((await command(['pause'])).code).toBe(2);
    expect((await command(['pause', 'steps', '--all'])).code).toBe(2);
    expect((await command(['reschedule', 'hourly', '2h'])).stdout).toMatch(/^hourly runs every 2 h, next /);
    expect((await command(['reschedule', 'hourly', '90s'])).stdout).toMatch(
      /^hourly runs every 1 m 30 s, next /,
    );
    expect((await command(['reschedule', 'hourly', '--at', '2100-01-31T12:00:00Z'])).stdout).toBe(
      'hourly runs once, next 2100-01-31T12:00:00.000Z\n',
    );
    expect(await json('reschedule', 'hourly', '--cron', '0 3 * * *', '--time-zone', 'UTC')).toMatchObject({
      definition: { rescheduled: { cron: '0 3 * * *', time_zone: 'UTC' } },
    });
    const [next] = await json('upcoming', 'hourly');
    expect(next).toMatchObject({ worker: 'hourly', time_zone: 'UTC' });
    expect(await json('replicas')).toMatchObject([{ pid: app.pid, alive: true }]);
  });

  it('tells runs as they start and end, until it is stopped', async () => {
    const tail: ChildProcessByStdio<null, Readable, Readable> = spawn(
      process.execPath,
      [BIN, 'tail', 'steps', '--json'],
      { env: environment(), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const exit = new Promise<number | null>((resolve) => tail.once('close', (code) => resolve(code)));
    let told = '';
    const heard = new Promise<void>((resolve, reject) => {
      tail.stderr.on('data', (chunk: Buffer) => {
        if (String(chunk).includes('Listening'))
          void command(['trigger', 'steps', '{"steps":1}']).then(
            ({ code }) => code === 0 || reject(new Error(`${code}`)),
          );
      });
      tail.stdout.on('data', (chunk: Buffer) => {
        told += String(chunk);
        if (told.includes('succeeded')) resolve();
      });
      void exit.then((code) => reject(new Error(`tail ended with ${code}: ${told}`)));
    });
    await heard;
    tail.kill('SIGINT');
    expect(await exit).toBe(0);
    const lines = told
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as any);
    expect(lines.at(-1)).toMatchObject({ worker: 'steps', outcome: 'succeeded' });
  });

  it('examines the application and its database', async () => {
    await command(['trigger', 'fails', '--wait']);
    await command(['trigger', 'fails', '--wait']);
    await command(['trigger', 'fails', '--wait']);
    const { code, stdout } = await command(['doctor', '--json'], { DATABASE_URL: database.url });
    const findings = new Map((JSON.parse(stdout) as any[]).map(({ about, ...finding }) => [about, finding]));
    expect(Object.fromEntries([...findings].map(([about, { state }]) => [about, state]))).toMatchObject({
      application: 'ok', clock: 'ok', coordination: 'ok', failing: 'fault', replicas: 'ok', versions: 'ok', database: 'ok',
      'database clock': 'ok', schema: 'ok', leases: 'ok', triggers: 'ok',
    }); // prettier-ignore
    expect(findings.get('failing')).toMatchObject({ detail: 'fails' });
    expect(code).toBe(1);
    const elsewhere = await command(['doctor', '--schema', 'elsewhere'], { DATABASE_URL: database.url });
    expect(elsewhere.stdout).toMatch(
      /^fault schema: "elsewhere" is not installed: ctrlplane-workers migrate/m,
    );
  });

  it('installs the tables', async () => {
    const own = await createTestDatabase();
    const { stdout } = await command(['sql', '--schema', 'jobs']);
    expect(stdout).toContain('CREATE SCHEMA IF NOT EXISTS');
    for (let i = 0; i < 2; i++)
      expect(await command(['migrate', '--schema', 'jobs'], { DATABASE_URL: own.url })).toMatchObject({
        code: 0,
        stdout: 'The schema is up to date.\n',
      });
    const [version] = await query<{ max: number }>(own.url, 'SELECT max(version) FROM jobs.schema_version');
    expect(version!.max).toBeGreaterThan(1);
    // Somebody has removed a part of it by hand.
    await query(own.url, 'DROP TABLE jobs.requests');
    const examined = await command(['doctor', '--schema', 'jobs'], { DATABASE_URL: own.url });
    expect(examined.code).toBe(1);
    expect(examined.stdout).toMatch(
      /^fault tables: "jobs" lacks something that its version has \(.*requests.*\): restore/m,
    );
    expect(examined.stdout).toMatch(/^ok +database: it answers/m);
    await own.drop();
  });

  it('finds a clock that is off, a worker that is stale, and several releases', async () => {
    const other: Server = createServer((request, response) => {
      const worker = { name: 'late', conditions: ['stale'], source: 'cluster' };
      const replica = { host: 'h', pid: 1, alive: true };
      const body = request.url!.startsWith('/workers')
        ? [worker]
        : {
            items: [
              { ...replica, release: '1' },
              { ...replica, release: '2' },
            ],
          };
      response.setHeader('Date', 'Thu, 01 Jan 2015 00:00:00 GMT');
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(body));
    });
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { code, stdout } = await command(['doctor'], {
      WORKERS_URL: `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^warn +clock: that of the application and that of this machine are \d+ s apart/m);
    expect(stdout).toMatch(/^fault stale: late$/m);
    expect(stdout).toMatch(/^warn +versions: 1, 2: several at a time/m);
    const away = await command(['doctor'], { DATABASE_URL: 'postgres://u:hunter2@127.0.0.1:1/d' });
    expect(away.code).toBe(1);
    expect(away.stdout).toMatch(/^fault database: /m);
    expect(away.stdout + away.stderr).not.toContain('hunter2');
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
  });

  it.each<[string[], number, RegExp]>([
    [[], 2, /Usage: ctrlplane-workers/],
    [['lst'], 2, /unknown command 'lst'/],
    [['ls', '--stat', 'idle'], 2, /unknown option '--stat'/],
    [['show'], 2, /missing required argument 'worker'/],
    [['runs', '--limit', '0'], 2, /Give a whole number from 1 to 1000/],
    [['trigger', 'steps', '{'], 2, /The payload is no JSON/],
    [['trigger', 'steps', '@/nowhere'], 2, /The payload cannot be read: ENOENT/],
    [['ls', '--url', 'nowhere'], 2, /--url nowhere: give an address/],
    [['ls', '--url', 'ftp://ann:hunter2@host'], 2, /^--url ftp:\/\/…@host: give an address/],
    [
      ['ls', '--url', 'http://ann:hunter2@127.0.0.1:1'],
      5,
      /^http:\/\/127.0.0.1:1\/ cannot be reached: (?!.*hunter2)/,
    ],
    [['ls', '--url', 'http://ann:100%@127.0.0.1:1'], 2, /write %25/],
    [['ls', '--token', 'hunter2\u0007'], 2, /^The token has characters that no header carries(?!.*hunter2)/],
    [['migrate', '--database', 'hunter2'], 2, /^The address of the database is none(?!.*hunter2)/],
    [['migrate', '--database', 'postgres://u:hunter2@127.0.0.1:1/d'], 5, /^(?!.*hunter2).*ECONNREFUSED/],
    [['migrate'], 2, /Give --database <url>, or set DATABASE_URL/],
    [['show', 'nobody'], 3, /No worker is named "nobody"/],
    [['ls', '--state', 'busy'], 3, /give one or several of idle/],
    [['reschedule', 'hourly', 'soon'], 3, /keeps its schedule/],
    [['cancel', 'no-id'], 3, /No run no-id is active/],
    [['ls', '--token', 'wrong'], 4, /The token is wrong/],
    [['ls', '--url', 'http://127.0.0.1:1'], 5, /cannot be reached: /],
    [['--url', 'http://127.0.0.1:1', 'ls'], 5, /cannot be reached: /],
    [['--token', 'wrong', '--json', 'incidents', 'ls'], 4, /The token is wrong/],
    [['tail', '--url', 'http://127.0.0.1:1'], 5, /cannot be reached: /],
    [['doctor', '--url', 'http://127.0.0.1:1'], 1, /1 faults/],
  ])('%j ends with %d, and says why', async (args, code, message) => {
    const result = await command(args);
    expect([result.code, result.stderr]).toEqual([code, expect.stringMatching(message)]);
  });

  it('ends with 5 where something else answers', async () => {
    const other: Server = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}/admin`;
    expect(await command(['ls'], { WORKERS_URL: address })).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('something else than JSON'),
    });
    await new Promise((resolve) => other.close(resolve));
  });

  it('logs in at a proxy with the name and password of the address, and sends the token beside them', async () => {
    let sent: Record<string, unknown> = {};
    const proxy: Server = createServer((request, response) => {
      sent = { path: request.url, ...request.headers };
      response.setHeader('Content-Type', 'application/json').end('[]');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const { port } = proxy.address() as AddressInfo;
    // With what comes after a path in a browser's address.
    const WORKERS_URL = `http://ann:p%40ss@127.0.0.1:${port}/admin?from=here#there`;
    expect((await command(['ls'], { WORKERS_URL })).code).toBe(0);
    expect(sent).toMatchObject({
      path: '/admin/workers',
      authorization: `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
      'x-workers-token': TOKEN,
    });
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });

  it('lists incidents, sends a delivery again, and silences for a time', async () => {
    const first = async (args: string[], which: (item: any) => boolean = () => true): Promise<any> => {
      for (;;) {
        const found = (await json('incidents', ...args)).items.find(which);
        if (found) return found;
      }
    };
    const headers = { authorization: `Bearer ${TOKEN}` };
    for (let n = 0; n < 3; n++)
      expect((await fetch(`${url}/workers/fails/trigger?wait=1m`, { method: 'POST', headers })).status).toBe(
        200,
      );
    // Of its runs only those that fail are recorded: the command waits for the answer.
    expect(await json('trigger', 'workers_incidents', '--wait')).toMatchObject({ outcome: 'succeeded' });
    const incident = await first(['ls', '--state', 'open', '--subject', 'fails', '--condition', 'failing']);
    expect(incident).toMatchObject({ kind: 'worker', summary: expect.stringContaining('runs in a row') });
    const { stdout } = await command(['incidents', 'ls']);
    expect(stdout).toMatch(/^INCIDENT +OF +WHAT +OPENED +CLOSED +SUMMARY$/m);
    expect(stdout).not.toContain('\u001b');
    // The receiver wants no more: 410 is not tried again.
    const refused = await first(['deliveries', '--state', 'failed', '--endpoint', 'hook']);
    expect(refused).toMatchObject({ status: 410, attempts: 1 });
    hookStatus = 204;
    expect(await command(['incidents', 'resend', refused.id])).toMatchObject({
      code: 0,
      stdout: `Delivery ${refused.id} to hook is sent again\n`,
    });
    expect(await first(['deliveries', '--state', 'delivered'], ({ id }) => id === refused.id)).toMatchObject({ status: 204 }); // prettier-ignore
    const silence = await json('incidents', 'silence', 'fails', '--for', '2h', '--reason', 'it moves house', '--actor', 'ann'); // prettier-ignore
    expect(await json('incidents', 'silences')).toMatchObject([
      { id: silence.id, subject: 'fails', reason: 'it moves house', actor: 'ann' },
    ]);
    expect((await command(['incidents', 'unsilence', silence.id])).code).toBe(0);
    expect(await json('incidents', 'silences')).toEqual([]);
  });

  it.each<[string[], number]>([
    [['silence', 'fails'], 2],
    [['silence', 'fails', '--for', '2y'], 3],
    [['resend', 'no-id'], 3],
    [['unsilence', 'no-id'], 3],
    [['ls', '--state', 'odd'], 3],
    [['ls', '--url', 'http://127.0.0.1:1'], 5],
  ])('of incidents, %j ends with %d', async (args, code) => {
    expect((await command(['incidents', ...args])).code).toBe(code);
  });

  it('says what it can do', async () => {
    const { code, stdout } = await command(['--help']);
    expect(code).toBe(0);
    for (const name of [
      'ls',
      'show',
      'runs',
      'run',
      'trigger',
      'rerun',
      'cancel',
      'pause',
      'resume',
      'reschedule',
      'upcoming',
      'tail',
      'replicas',
      'schedules',
      'brakes',
      'incidents',
      'doctor',
      'migrate',
      'sql',
      'schema',
    ])
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout).toContain('Exit codes: 0 done');
    expect(await command(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\S*\n$/),
    });
  });

  it('serves the reading tools to a model over standard input and output, and actions where they are allowed', async () => {
    const tools = async (...flags: string[]): Promise<[names: string[], workers: string]> => {
      const client = new Client({ name: 'test', version: '1' });
      const env = environment() as Record<string, string>;
      await client.connect(
        new StdioClientTransport({ command: process.execPath, args: [BIN, 'mcp', ...flags], env }),
      );
      try {
        const { tools: found } = await client.listTools();
        const answer = await client.callTool({ name: 'list_workers', arguments: {} });
        return [found.map(({ name }) => name), JSON.stringify(answer.content)];
      } finally {
        await client.close();
      }
    };
    const [reading, workers] = await tools();
    expect(reading).toContain('list_runs');
    expect(reading).not.toContain('trigger_worker');
    const [first] = await json('ls');
    expect(workers).toContain(first.name);
    const [acting] = await tools('--allow-actions');
    expect(acting).toContain('trigger_worker');
  });

  it('serves no actions without a token', async () => {
    const { code, stderr } = await command(['mcp', '--allow-actions'], { WORKERS_TOKEN: '' });
    expect([code, stderr]).toEqual([2, expect.stringContaining('needs a token that may write')]);
  });
});
