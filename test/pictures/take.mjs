/**
 * Takes the pictures of the README from the reference app as it runs: `npm run pictures`. Needs Chromium, and two minutes.
 *
 * The animation shows what happens when an instance hangs: its check fails, it is started again, it is well.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import sharp from 'sharp';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SIZE = { width: 1_120, height: 640 };
/** Of the animation: seconds, and milliseconds of a frame. */
const [SECONDS, FRAME] = [20, 500];
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const picturePath = (name) => here(`../../docs/pictures/${name}`);

const directory = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-pictures-'));
// PostgreSQL runs as another user where this is root.
await chmod(directory, 0o755);
const app = spawn(process.execPath, [here('../../dist/main.js')], {
  env: { PATH: process.env.PATH, HOME: directory, DATA_DIR: directory, PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = new Promise((resolve) => app.once('exit', resolve));
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  const url = await listening();
  const page = await browser.newPage({ viewport: SIZE, deviceScaleFactor: 1 });
  const show = (hash) => page.goto(`${url}/dashboard/index.html${hash}`);
  const instances = async () => (await (await fetch(`${url}/instances`)).json()).items;
  await page.emulateMedia({ colorScheme: 'light' });
  // So that there is something to see in the charts.
  await wait(60_000);

  await show('');
  await page.locator('.strip rect').first().waitFor();
  await wait(1_000);
  await picture('overview');
  await show('#/workers/gc');
  await page.locator('.chart canvas').first().waitFor();
  await wait(1_000);
  await picture('worker');
  const [{ id, ref }] = (await instances()).filter(({ health }) => health === 'healthy');
  await show(`#/tabs/fleet/${id}`);
  await page.locator('.chart canvas').nth(1).waitFor();
  await page.emulateMedia({ colorScheme: 'dark' });
  await wait(1_000);
  await picture('instance');

  await page.emulateMedia({ colorScheme: 'light' });
  await show('#/tabs/fleet');
  await page.getByRole('link', { name: 'web' }).first().waitFor();
  const frames = [];
  for (let at = 0; at < SECONDS * 1_000; at += FRAME) {
    const next = wait(FRAME);
    if (at === 1_500) process.kill(Number(ref), 'SIGSTOP');
    if (at === 13_000) await show(`#/tabs/fleet/${id}`);
    if (at === 17_000) await show('#/tabs/events');
    frames.push(await page.screenshot());
    await next;
  }
  await animation('hangs', frames);

  async function picture(name) {
    const png = await sharp(await page.screenshot())
      .png({ palette: true, colours: 128, compressionLevel: 9 })
      .toBuffer();
    await writeFile(picturePath(`${name}.png`), png);
    console.log(`${name}.png: ${Math.round(png.length / 1_000)} kB`);
  }
} finally {
  await browser.close();
  app.kill('SIGTERM');
  await ended;
  const down = spawn(process.execPath, [here('../../dist/fleet-down.js')], {
    env: { PATH: process.env.PATH, HOME: directory, DATA_DIR: directory },
    stdio: 'inherit',
  });
  await new Promise((resolve) => down.once('exit', resolve));
  await rm(directory, { recursive: true, force: true });
}

/** What does not change is one frame that stays longer. */
async function animation(name, frames) {
  const [kept, delay] = [[], []];
  for (const frame of frames) {
    if (kept.at(-1)?.equals(frame)) delay[delay.length - 1] += FRAME;
    else {
      kept.push(frame);
      delay.push(FRAME);
    }
  }
  const webp = await sharp(kept, { join: { animated: true } })
    .webp({ delay, loop: 0, quality: 70, minSize: true, mixed: true, effort: 6 })
    .toBuffer();
  await writeFile(picturePath(`${name}.webp`), webp);
  console.log(`${name}.webp: ${kept.length} frames, ${Math.round(webp.length / 1_000)} kB`);
}

/** @returns {Promise<string>} where the app listens, once it says so */
function listening() {
  return new Promise((resolve, reject) => {
    let said = '';
    app.stdout.on('data', (chunk) => {
      said += chunk;
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
      if (url) resolve(url);
    });
    app.once('exit', (code) => reject(new Error(`The app ended with ${code}: ${said.slice(-2_000)}`)));
  });
}
