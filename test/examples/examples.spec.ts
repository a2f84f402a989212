import { afterEach, describe, expect, it } from '@jest/globals';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppProcess } from '../support/app-process.js';
import { builtCheckout } from '../support/app-workbench.js';
import { createTestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { temporaryDirectories } from '../support/temporary-directory.js';

describe('an example', () => {
  const apps: AppProcess[] = [];
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.destroy();
  });
  const directory = temporaryDirectories();

  function start(example: string, env: Record<string, string> = {}): AppProcess {
    const app = new AppProcess({
      command: [process.execPath, `dist/examples/${example}.js`],
      cwd: builtCheckout(),
      env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
    });
    apps.push(app);
    return app;
  }
  async function end(app: AppProcess): Promise<void> {
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
    expect(app.output).not.toMatch(/error/i);
  }

  it('custom-worker removes what is stale, and only that', async () => {
    const UPLOADS = await directory();
    await writeFile(join(UPLOADS, 'stale'), '');
    await writeFile(join(UPLOADS, 'fresh'), '');
    const hours = Date.now() / 1_000 - 2 * 3_600;
    await utimes(join(UPLOADS, 'stale'), hours, hours);
    const app = start('custom-worker/main', { UPLOADS });
    await app.said(/\[stale_uploads\] Removed 1 of 2 uploads/);
    expect(await readdir(UPLOADS)).toEqual(['fresh']);
    await end(app);
  });

  it('configured-interval runs as often as its environment says', async () => {
    const app = start('configured-interval/main', { REPORT_EVERY: '100ms' });
    const reports = () => app.output.match(/\[memory_reporter\] This process uses \d+ MiB/g)?.length ?? 0;
    await eventually(() => reports() >= 3);
    await end(app);
  });

  it('fan-out sends what can be sent, and names what cannot', async () => {
    const app = start('fan-out/main');
    await app.said(/\[invoices\] Sent 199 of 200 invoices/);
    await app.said(/\[invoices\] 1 were not sent: tenant-13/);
    await end(app);
  });

  it('isolation computes in a thread while the other worker goes on; without one it blocks that', async () => {
    const isolated = start('isolation/main');
    await isolated.said(/\[passwords\] Strengthened \d+ passwords/);
    await isolated.said(/\[pulse\] 20 beats/);
    expect(isolated.output).not.toContain('"passwords" blocked the event loop');
    await end(isolated);
    const blocking = start('isolation/main', { ISOLATE: 'no' });
    // It is not asked to end: its first run may block it before it listens to signals.
    await blocking.said(/Worker "passwords" blocked the event loop/);
  });

  it('uptime shows a target that is there and one that is not, and says so once', async () => {
    const PORT = '31871';
    const TARGETS = `http://127.0.0.1:${PORT}/alive,http://127.0.0.1:9/`;
    const app = start('uptime/main', { PORT, TARGETS });
    await app.said(/status page is at/);
    const page = async (): Promise<{ name: string; status: string }[]> =>
      (await (await fetch(`http://127.0.0.1:${PORT}/`)).json()) as never;
    await eventually(async () => {
      const statuses = (await page()).map(({ status }) => status).sort();
      return statuses.join() === 'healthy,unhealthy';
    }, 60_000);
    expect(app.output.match(/health\.failed/g)).toHaveLength(1);
    app.kill('SIGTERM');
    expect(await app.exit).toEqual({ code: 0, signal: null });
  });

  it('configured-interval does not start with an interval that cannot be read, and says where', async () => {
    const app = start('configured-interval/main', { REPORT_EVERY: 'soon' });
    expect(await app.exit).toMatchObject({ code: 1 });
    expect(app.output).toMatch(/MemoryReporter\.report \(in AppModule\): interval: 'soon' is not a duration/);
  });

  it('metrics-store collects without a database, and answers from its store', async () => {
    const app = start('metrics-store/main');
    await app.said(/\[memory_report\] At most \d+ MiB in this minute/);
    await end(app);
  });

  it('reminders runs what is stored, with a database and without one', async () => {
    const database = await createTestDatabase();
    try {
      for (const env of [{}, { DATABASE_URL: database.url }]) {
        const app = start('reminders/main', env as Record<string, string>);
        await app.said(/The next stand-up of grace is at \d{4}-/);
        await app.said(/linus: once \(attempt 1\)/);
        await app.said(/ada: drink some water \(attempt 1\)[^]*ada: drink some water \(attempt 1\)/);
        await end(app);
      }
    } finally {
      await database.drop();
    }
  });

  it('reminders is tested as its users test theirs, with a database and without one', async () => {
    const database = await createTestDatabase();
    try {
      for (const env of [{}, { DATABASE_URL: database.url }]) {
        const tests = new AppProcess({
          command: [process.execPath, '--test', 'dist/examples/reminders/reminders.test.js'],
          cwd: builtCheckout(),
          env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
        });
        apps.push(tests);
        expect([await tests.exit, tests.output]).toEqual([{ code: 0, signal: null }, expect.any(String)]);
        expect(tests.output).toMatch('DATABASE_URL' in env ? /pass 3\n/ : /pass 4\n/);
      }
    } finally {
      await database.drop();
    }
  });

  it('own-provider starts its threads again when they end, also those of an earlier run', async () => {
    const database = await createTestDatabase();
    try {
      for (let n = 0; n < 2; n++) {
        const app = start('own-provider/main', { DATABASE_URL: database.url });
        await app.said(/brief ends[^]*instance\.(drifted|crash_looping) brief[^]*brief runs/);
        await end(app);
      }
    } finally {
      await database.drop();
    }
  });

  it.each(['before', 'after'])('migration/%s runs the same tasks', async (which) => {
    const app = start(`migration/${which}`);
    await app.said(/\[Tasks\] Heartbeat 2/);
    await app.said(/\[Tasks\] Report; the next at 20\d\d-.*:\d\d\.000\+0[12]:00/);
    await end(app);
  });

  it('migration/after has them as workers', async () => {
    const app = start('migration/after');
    await app.said(/heartbeat runs at 20/);
    await app.said(/report runs at 20/);
    await app.said(/heartbeat: run\.started/);
    await app.said(/report: run\.succeeded/);
    await end(app);
  });
});
