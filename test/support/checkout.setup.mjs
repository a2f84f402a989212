import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHECKOUT = fileURLToPath(new URL('../../', import.meta.url));
const COPIED = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsconfig.cjs.json',
  'src',
  'dashboard',
  'schematics',
  'examples',
  'test/apps',
  'test/consumers',
];

/**
 * Builds the app and the examples in a copy of this checkout, which the system tests find by `TEST_CHECKOUT`: they run what is
 * built from the present source, and take `dist/` away from nobody who works in the checkout meanwhile.
 */
export default async function buildCheckout() {
  const copy = await mkdtemp(join(tmpdir(), 'ctrlplane-workers-checkout-'));
  // Apps of ordinary users run from it, and mkdtemp makes it 0700.
  await chmod(copy, 0o755);
  for (const name of COPIED) {
    await mkdir(dirname(join(copy, name)), { recursive: true });
    await cp(join(CHECKOUT, name), join(copy, name), { recursive: true });
  }
  await symlink(join(CHECKOUT, 'node_modules'), join(copy, 'node_modules'));
  await build(copy);
  process.env.TEST_CHECKOUT = copy;
}

async function build(cwd) {
  const child = spawn('npm', ['run', '--silent', 'examples:build'], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`The app cannot be built (code ${code}):\n${output}`);
}
