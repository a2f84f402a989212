import { format, resolveConfig } from 'prettier';
import { PAGE } from './places.js';
import { plot } from './plot.js';
import { type Samples } from './sample.js';
import { claims, section } from './section.js';

/** What the samples make of the source. */
export interface Generated {
  /** `docs/benchmarks.md`. */
  readonly page: string;
  /** SVG by name of the bench, of those that are plotted. */
  readonly plots: Readonly<Record<string, string>>;
}

const NOTE =
  '<!-- Made by `npm run bench report` of bench/report/benchmarks.md and docs/benchmarks/*.json: change those. -->\n\n';
const CLAIMS = '<!-- claims -->';
/** Between the two stands what is said as long as the bench has no samples. */
const BENCH = /^<!-- bench ([\w-]+) -->\n([^]*?)^<!-- \/bench -->\n/gm;

/**
 * Puts what the latest run of each bench has shown into the source: all claims in the place of `<!-- claims -->`, figures and plot of a
 * bench in the place of its block. A row of a table that names the command of such a bench, which somebody wrote by hand, is left out:
 * its claims are in that other table.
 * @throws Error when a bench has samples, and no block that shows them
 */
export async function generate(source: string, samples: Samples): Promise<Generated> {
  const blocks = [...source.matchAll(BENCH)].map(([, name]) => name);
  const nowhere = Object.keys(samples).filter((name) => !blocks.includes(name));
  if (nowhere.length > 0)
    throw new Error(
      `There is no "<!-- bench ${nowhere[0]} -->" in bench/report/benchmarks.md, so nobody would see its samples`,
    );
  const plots = Object.fromEntries(
    Object.values(samples).flatMap((sample) => {
      const drawn = plot(sample);
      return drawn ? [[sample.bench, drawn]] : [];
    }),
  );
  const filled = source
    .replace(/^\|.*`npm run bench ([\w-]+)`.*\n/gm, (row, name: string) => (name in samples ? '' : row))
    .replace(BENCH, (_, name: string, words: string) => {
      const sample = samples[name];
      return sample ? `${section(sample, name in plots)}\n` : words;
    })
    .replace(CLAIMS, () => (Object.keys(samples).length > 0 ? claims(samples) : ''));
  const options = await resolveConfig(PAGE);
  return { page: await format(NOTE + filled, { ...options, parser: 'markdown' }), plots };
}
