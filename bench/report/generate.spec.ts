import { describe, expect, it } from '@jest/globals';
import { amount, amounts } from './amount.js';
import { generate } from './generate.js';
import { type Sample } from './sample.js';

const LATENESS: Sample = {
  bench: 'lateness',
  summary: 'workers of one second',
  command: 'npm run bench report -- --only lateness',
  at: '2026-01-02T03:04:05.000Z',
  commit: 'abc1234',
  machine: {
    cpu: 'A processor',
    cores: 2,
    memoryBytes: 24 * 2 ** 30,
    platform: 'linux x64',
    node: 'v24.1.0',
    loadAverage: 1.5,
  },
  loadAfter: 2.25,
  niceness: -5,
  versions: { croner: '11.0.1' },
  plotted: ['p99 lateness'],
  ratios: {
    'p99 lateness / bare': { figure: 0.183, goal: 2, bound: 'at most', ok: true },
    'CPU / croner': { figure: 1.2, goal: 1, bound: 'at most', ok: false },
  },
  measured: {
    'p99 lateness: ctrlplane-workers': { unit: 'ms', samples: [2.9, 2.1, 3.3] },
    'p99 lateness: croner': { unit: 'ms', samples: [209, 1_209, 190] },
    'CPU: ctrlplane-workers': { unit: '%', samples: [20] },
  },
  notes: ['Each in a process of its own.'],
};

const SOURCE = `# Benchmarks

<!-- claims -->
<!-- /claims -->

## Ten thousand workers

Said by a person.

<!-- bench lateness -->

Not run yet.

<!-- /bench lateness -->

<!-- bench gc -->

Seen by a person.

<!-- /bench gc -->
`;

describe('generate', () => {
  it('leaves a page as it is where no bench has samples', async () => {
    const { page, plots } = await generate(SOURCE, {});
    expect(page).toContain('Said by a person.');
    expect(page).toContain('Not run yet.');
    expect(page).toContain('Seen by a person.');
    expect(plots).toEqual({});
  });

  it('shows the claims, figures, command, commit, machine, load and versions of the latest run', async () => {
    const { page } = await generate(SOURCE, { lateness: LATENESS });
    expect(page).toContain('Said by a person.');
    expect(page).not.toContain('Not run yet.');
    expect(page).toMatch(
      /\| p99 lateness \/ bare +\| `npm run bench lateness` \| +at most 2 \| +0.183 \| 1.5 to 2.25 \|/,
    );
    expect(page).toMatch(/\| CPU \/ croner +\|.*missed: 1.2/);
    expect(page).toMatch(/\| ctrlplane-workers \| +2.9 ms \(2.1 ms to 3.3 ms\) \| +20% \|/);
    expect(page).toMatch(/\| croner +\| 209 ms \(190 ms to 1,?\.?21 s\) \| +\|/);
    expect(page).toContain(
      '`npm run bench report -- --only lateness` on 2 January 2026, commit abc1234; A processor, 2 cores, 24 GB, linux x64,',
    );
    expect(page).toContain('Node 24.1.0; load 1.5 to 2.25, niceness -5. Beside: croner 11.0.1.');
    expect(page).toContain('[each sample](benchmarks/lateness.json)');
    expect(page).toContain('- Each in a process of its own.');
  });

  it('leaves all else as it is, and writes the same again', async () => {
    const { page } = await generate(SOURCE, { lateness: LATENESS });
    expect(page).toContain('Seen by a person.');
    expect((await generate(page, { lateness: LATENESS })).page).toBe(page);
  });

  it('writes the latest run in the place of the one before', async () => {
    const before = await generate(SOURCE, { lateness: LATENESS });
    const { page } = await generate(before.page, { lateness: { ...LATENESS, commit: 'def5678' } });
    expect(page).toContain('commit def5678');
    expect(page).not.toContain('commit abc1234');
  });

  it('plots what a bench names, a bar for each subject', async () => {
    const { plots } = await generate(SOURCE, { lateness: LATENESS });
    expect(plots.lateness!.match(/class="bar/g)).toHaveLength(2);
    expect(plots.lateness).toContain('209 ms');
    expect(plots.lateness).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('plots zeros and nothing else', async () => {
    const measured = { 'p99 lateness: ctrlplane-workers': { unit: 'ms' as const, samples: [0] } };
    const { plots } = await generate(SOURCE, { lateness: { ...LATENESS, measured } });
    expect(plots.lateness).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('refuses samples that no block would show, and says what is missing', async () => {
    const pages = { ...LATENESS, bench: 'pages' };
    await expect(generate(SOURCE, { pages })).rejects.toThrow('no "<!-- bench pages -->"');
  });
});

describe('amount', () => {
  it('says a figure with a unit that fits its size', () => {
    expect(amount(1_034, 'ms')).toBe('1.03 s');
    expect(amount(2.94, 'ms')).toBe('2.94 ms');
    expect(amount(83_312, 'B')).toBe('83.3 kB');
    expect(amount(24_312.4, '/s')).toBe('24,312/s');
    expect(amount(8.04, '%')).toBe('8.04%');
  });

  it('says what the rounds lie between only if they differ', () => {
    expect(amounts({ unit: 'runs', samples: [3, 3, 3] })).toBe('3');
    expect(amounts({ unit: 'runs', samples: [3, 1, 2] })).toBe('2 (1 to 3)');
  });
});
