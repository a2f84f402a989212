import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { generated } from '../bench/report/files.js';
import { PAGE, plotPath } from '../bench/report/places.js';

it('docs/benchmarks.md and its plots show the latest samples, as `npm run bench report` writes them', async () => {
  const { page, plots } = await generated();
  expect(readFileSync(PAGE, 'utf8')).toBe(page);
  for (const [bench, plot] of Object.entries(plots))
    expect(readFileSync(plotPath(bench).file, 'utf8')).toBe(plot);
});
