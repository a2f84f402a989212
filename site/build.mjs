/** Builds the site into `site/dist`: `npm run site`. A dead link ends it. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));

for (const [program, ...args] of [
  ['node', 'collect.mjs'],
  ['node', 'node_modules/typedoc/bin/typedoc'],
  ['node', 'node_modules/vitepress/bin/vitepress.js', 'build', '.'],
]) {
  const { status } = spawnSync(program, args, { cwd: HERE, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
