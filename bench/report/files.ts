import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { generate, type Generated } from './generate.js';
import { PAGE, plotPath, samplePath, SAMPLES } from './places.js';
import { type Sample, type Samples } from './sample.js';

/** The latest run of each bench. */
export function readSamples(): Samples {
  const files = existsSync(SAMPLES) ? readdirSync(SAMPLES) : [];
  const samples = files.map((file) => JSON.parse(readFileSync(join(SAMPLES, file), 'utf8')) as Sample);
  return Object.fromEntries(samples.map((sample) => [sample.bench, sample]));
}

export async function writeSample(sample: Sample): Promise<void> {
  const path = samplePath(sample.bench);
  const options = await resolveConfig(path);
  write(path, await format(JSON.stringify(sample), { ...options, parser: 'json' }));
}

/** What the files here make of each other. */
export function generated(): Promise<Generated> {
  return generate(readFileSync(PAGE, 'utf8'), readSamples());
}

export async function writeReport(): Promise<void> {
  const { page, plots } = await generated();
  write(PAGE, page);
  for (const [bench, drawn] of Object.entries(plots)) write(plotPath(bench).file, drawn);
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
