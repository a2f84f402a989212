import { atMost, type Bench, type Measured } from './harness/bench.js';
import { inChild } from './harness/child.js';
import { inTurn, ratio } from './harness/rounds.js';
import { type Found } from './lateness/child.js';
import { type Subject, SUBJECTS } from './lateness/subjects.js';

const WORKERS = 10_000;
const SECONDS = 30;
const CHILD = new URL('./lateness/child.ts', import.meta.url);

const LABELS: Record<Subject, string> = {
  ours: 'ctrlplane-workers',
  bare: 'bare setInterval',
  bareTogether: 'bare setInterval, started together',
  nestSchedule: '@nestjs/schedule',
  toadScheduler: 'toad-scheduler',
  croner: 'croner',
  nodeCron: 'node-cron',
};
const NAMES = Object.keys(SUBJECTS) as Subject[];

export const lateness: Bench = {
  name: 'lateness',
  summary: `${WORKERS} workers of one second for ${SECONDS} s, beside setInterval and four schedulers (13 minutes)`,
  peers: true,
  plotted: ['p99 lateness', 'CPU', 'memory per worker, after the runs'],
  async run(say) {
    const run = (name: Subject) => () => inChild<Found>(CHILD, name, String(WORKERS), String(SECONDS));
    const found = await inTurn(
      { count: 3, warmUp: 0 },
      Object.fromEntries(NAMES.map((name) => [name, run(name)])) as Record<Subject, () => Promise<Found>>,
      say,
    );
    const all = (name: Subject, figure: keyof Found): number[] => found[name].map((round) => round[figure]);
    const rows = (title: string, unit: Measured['unit'], figure: keyof Found, names = NAMES) =>
      Object.fromEntries(
        names.map((name) => [`${title}: ${LABELS[name]}`, { unit, samples: all(name, figure) }]),
      );
    const due = WORKERS * SECONDS;
    const leftOut = (name: Subject) => ({
      unit: 'runs' as const,
      samples: all(name, 'runs').map((n) => due - n),
    });
    return {
      ratios: {
        'p99 lateness / bare setInterval': atMost(2, ratio(all('ours', 'lateness'), all('bare', 'lateness'))),
        'CPU / croner': atMost(1, ratio(all('ours', 'cpuPercent'), all('croner', 'cpuPercent'))),
      },
      measured: {
        ...Object.fromEntries(NAMES.map((name) => [`left out: ${LABELS[name]}`, leftOut(name)])),
        ...rows('p99 lateness', 'ms', 'lateness'),
        ...rows('p99 lateness without drift', 'ms', 'sinceLast', ['ours', 'bare', 'bareTogether']),
        ...rows('CPU', '%', 'cpuPercent'),
        ...rows('memory per worker, started', 'B', 'started'),
        ...rows('memory per worker, after the runs', 'B', 'ran'),
      },
      notes: [
        `Left out: of ${due} runs that were due. Below zero, what was late from before came into the window as well.`,
        'Ours leaves out slots that pass while the process gets no processor for a second, and counts them as missed.',
        'Each subject in a process of its own, one after the other. CPU is of one core, and of all threads: garbage collection too.',
        `Ours keeps the record of every run, ${SECONDS + 3} of each worker in the end; the others keep none.`,
        'Lateness is against the slot that a run is for. setInterval, and what is built on it, has slots from its first run on; it drifts, which counts. Without drift: against a second after the run before.',
        'croner does not say which second a run is for: the one in which it took place is taken, so its lateness is never more than a second.',
        'Bare setInterval is spread over the second as our workers are. The others start as their documentation says: all together.',
      ],
    };
  },
};
