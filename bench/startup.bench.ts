import { atMost, type Bench } from './harness/bench.js';
import { inChild } from './harness/child.js';
import { inTurn, ratio } from './harness/rounds.js';
import { PROVIDERS, WORKERS } from './startup/app.js';
import { type Subject, type Took } from './startup/child.js';

const CHILD = new URL('./startup/child.ts', import.meta.url);

export const startup: Bench = {
  name: 'startup',
  summary: `Nest's start with ${PROVIDERS} providers and ${WORKERS} workers, beside the same application on @nestjs/schedule`,
  plotted: ['start', 'loading'],
  async run(say) {
    const run = (name: Subject) => () => inChild<Took>(CHILD, name);
    const { ours, adopted, nestSchedule } = await inTurn(
      { count: 15, warmUp: 1 },
      { ours: run('ours'), adopted: run('adopted'), nestSchedule: run('nestSchedule') },
      say,
    );
    const all = (rounds: Took[], figure: keyof Took): number[] => rounds.map((round) => round[figure]);
    const row = (rounds: Took[], figure: keyof Took) => ({
      unit: 'ms' as const,
      samples: all(rounds, figure),
    });
    const beside = (rounds: Took[]) =>
      atMost(1.5, ratio(all(rounds, 'bootstrap'), all(nestSchedule, 'bootstrap')));
    return {
      ratios: {
        'start / on @nestjs/schedule': beside(ours),
        'start with its decorators adopted / on @nestjs/schedule': beside(adopted),
      },
      measured: {
        'start: ctrlplane-workers': row(ours, 'bootstrap'),
        'start: ctrlplane-workers, decorators of @nestjs/schedule': row(adopted, 'bootstrap'),
        'start: @nestjs/schedule': row(nestSchedule, 'bootstrap'),
        'loading: ctrlplane-workers': row(ours, 'load'),
        'loading: ctrlplane-workers and @nestjs/schedule': row(adopted, 'load'),
        'loading: @nestjs/schedule': row(nestSchedule, 'load'),
      },
      notes: [
        'Each in a new process, in turn, from NestFactory.createApplicationContext until every worker is found and ticks. Nest itself is loaded before.',
        'Loading is what the package and its dependencies take besides, and making the classes; it is in no ratio.',
      ],
    };
  },
};
