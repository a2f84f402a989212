import { format, resolveConfig } from 'prettier';
import { PAGE } from './places.js';
import { plot } from './plot.js';
import { type Samples } from './sample.js';
import { claims, section } from './section.js';

/** What the samples make of the page. */
export interface Generated {
  readonly page: string;
  /** SVG by name of the bench, of those that are plotted. */
  readonly plots: Readonly<Record<string, string>>;
}

/** Between the two stands what the generator writes; all else are the words of people. */
const BLOCK = /^<!-- (bench [\w-]+|claims) -->\n[^]*?^<!-- \/\1 -->\n/gm;

/**
 * Puts what the latest run of each bench has shown into `docs/benchmarks.md`: its figures and its plot between `<!-- bench NAME -->` and
 * `<!-- /bench NAME -->`, the claims of all of them between `<!-- claims -->` and `<!-- /claims -->`. A block of a bench without samples
 * stays as it is.
 * @throws Error when a bench has samples, and no block that shows them
 */
export async function generate(page: string, samples: Samples): Promise<Generated> {
  const plots = Object.fromEntries(
    Object.values(samples).flatMap((sample) => {
      const drawn = plot(sample);
      return drawn ? [[sample.bench, drawn]] : [];
    }),
  );
  const blocks = {
    ...(Object.keys(samples).length > 0 && { claims: claims(samples) }),
    ...Object.fromEntries(
      Object.values(samples).map((sample) => [
        `bench ${sample.bench}`,
        section(sample, sample.bench in plots),
      ]),
    ),
  } as Record<string, string>;
  const missing = Object.keys(blocks).filter((block) => !page.includes(`<!-- ${block} -->`));
  if (missing.length > 0)
    throw new Error(`docs/benchmarks.md has no "<!-- ${missing[0]} -->", so nobody would see the samples`);
  const filled = page.replace(BLOCK, (whole, block: string) => {
    const content = blocks[block];
    return content === undefined ? whole : `<!-- ${block} -->\n\n${content}\n\n<!-- /${block} -->\n`;
  });
  const options = await resolveConfig(PAGE);
  return { page: await format(filled, { ...options, parser: 'markdown' }), plots };
}
