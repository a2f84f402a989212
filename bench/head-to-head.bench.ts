import pg from 'pg';
import { atMost, type Bench, type BenchResult, type Measured, type Ratio } from './harness/bench.js';
import { withPostgres } from './harness/postgres.js';
import { redisClient, withRedis } from './harness/redis.js';
import { type Contender, CONTENDERS } from './head-to-head/contenders.js';
import { Effects } from './head-to-head/effects.js';
import { type Scenario, type ScenarioName, scenarios } from './head-to-head/scenarios.js';
import { run } from './head-to-head/trial.js';
import { judge, type Seen, type Verdict } from './head-to-head/verdict.js';

const LABELS: Readonly<Record<Contender, string>> = {
  ours: 'ctrlplane-workers',
  nestSchedule: '@nestjs/schedule',
  nodeCron: 'node-cron, distributed',
  pgBoss: 'pg-boss',
  bullmq: 'BullMQ',
  graphileWorker: 'graphile-worker',
  sidequest: 'Sidequest',
  agenda: 'Agenda on PostgreSQL',
};
const ALL = Object.keys(CONTENDERS) as Contender[];

/** Milliseconds. The shortest that ours has, and the one it is told to have. */
const LEASE = 1_000;

type Verdicts = Record<ScenarioName, Partial<Record<Contender, Verdict>>>;

export const headToHead: Bench = {
  name: 'head-to-head',
  summary: `3 processes, one job, beside ${ALL.length - 1} others: killed, killed in mid-run, longer than its interval, frozen (28 minutes; HEAD_SECONDS=20 shortens each trial, HEAD_ONLY=ours,bullmq names whom)`,
  peers: true,
  plotted: [
    'killed at random: lost',
    'killed at random: twice',
    'killed in mid-run: lost',
    'killed in mid-run: longest gap',
    'longer than its interval: at once',
    'frozen in mid-run: longest gap',
    'frozen in mid-run: stale writes',
  ],
  async run(say) {
    const seconds = Number(process.env.HEAD_SECONDS ?? Infinity);
    if (!(seconds >= 12)) throw new RangeError(`HEAD_SECONDS=${process.env.HEAD_SECONDS}: give 12 or more`);
    const verdicts = await trials(scenarios(seconds), chosen(), say);
    return result(scenarios(seconds), verdicts);
  },
};

function chosen(): Contender[] {
  const names = process.env.HEAD_ONLY?.split(',') ?? ALL;
  const unknown = names.filter((name) => !(name in CONTENDERS));
  if (unknown.length > 0)
    throw new RangeError(`HEAD_ONLY: no ${unknown.join(', ')}; there are ${ALL.join(', ')}`);
  return names as Contender[];
}

async function trials(
  all: Record<ScenarioName, Scenario>,
  names: readonly Contender[],
  say: (line: string) => void,
): Promise<Verdicts> {
  const verdicts: Verdicts = { killed: {}, killedInMidRun: {}, overlap: {}, frozen: {} };
  await withPostgres((postgres) =>
    withRedis(async ({ url: redis }) => {
      await Effects.install(postgres);
      let trial = 0;
      const attempt = async (contender: Contender, scenario: Scenario): Promise<Seen> => {
        trial++;
        const own = await emptyPlaces(postgres, redis, trial);
        const seen = await run({ ...own, redis, effects: postgres, trial, contender, scenario });
        if (seen.effects.length === 0) throw new Error(`${LABELS[contender]} ran nothing: ${scenario.title}`);
        return seen;
      };
      for (const [name, scenario] of Object.entries(all) as [ScenarioName, Scenario][])
        for (const contender of names) {
          const seen = await attempt(contender, scenario)
            .catch((error: unknown) => {
              say(`${scenario.title}, ${LABELS[contender]}, again: ${String(error)}`);
              return attempt(contender, scenario);
            })
            .catch((error: unknown) => {
              // Half an hour of figures is not to be lost because one of the others did not start on a busy machine.
              if (contender === 'ours') throw error;
              say(`${scenario.title}, ${LABELS[contender]}, left out: ${String(error)}`);
            });
          if (!seen) continue;
          const verdict = judge(seen);
          verdicts[name][contender] = verdict;
          say(`${scenario.title}, ${LABELS[contender]}: ${JSON.stringify(verdict)}`);
        }
    }),
  );
  return verdicts;
}

/** A database of its own for each trial, and a Redis as it was at the start. */
async function emptyPlaces(postgres: string, redis: string, trial: number): Promise<{ postgres: string }> {
  const client = new pg.Client(postgres);
  await client.connect();
  await client.query(`CREATE DATABASE trial_${trial}`);
  await client.end();
  const flushed = await redisClient(redis);
  await flushed.flushall();
  flushed.disconnect();
  const own = new URL(postgres);
  own.pathname = `/trial_${trial}`;
  return { postgres: own.href };
}

const FIGURES: readonly [title: string, unit: Measured['unit'], figure: keyof Verdict][] = [
  ['due', 'runs', 'due'],
  ['done', 'runs', 'done'],
  ['twice', 'runs', 'twice'],
  ['lost', 'runs', 'lost'],
  ['at once', 'runs', 'atOnce'],
  ['longest gap', 'ms', 'gap'],
  ['in mid-run', 'runs', 'inMidRun'],
  ['taken over after', 'ms', 'takeover'],
  ['stale writes', 'runs', 'staleWrites'],
  ['refused writes', 'runs', 'refused'],
];

function result(all: Record<ScenarioName, Scenario>, verdicts: Verdicts): BenchResult {
  const named = Object.entries(all) as [ScenarioName, Scenario][];
  const measured = named.flatMap(([name, { title }]) =>
    (Object.entries(verdicts[name]) as [Contender, Verdict][]).flatMap(([contender, verdict]) =>
      FIGURES.map(([figure, unit, key]): [string, Measured] => [
        `${title}: ${figure}: ${LABELS[contender]}`,
        { unit, samples: [verdict[key]] },
      ]),
    ),
  );
  return { ratios: claimsOf(named, verdicts), measured: Object.fromEntries(measured), notes: NOTES };
}

/** What this package promises, in whatever is done to its processes. */
function claimsOf(named: readonly [ScenarioName, Scenario][], verdicts: Verdicts): Record<string, Ratio> {
  const ours = named.flatMap(([name, scenario]) => {
    const verdict = verdicts[name].ours;
    return verdict ? [{ scenario, verdict }] : [];
  });
  if (ours.length === 0) return {};
  const most = (figure: keyof Verdict): number => Math.max(...ours.map(({ verdict }) => verdict[figure]));
  return {
    'three processes, one job: most due times lost in a scenario': atMost(0, most('lost')),
    'three processes, one job: most due times run twice in a scenario': atMost(0, most('twice')),
    'three processes, one job: most runs at once': atMost(1, most('atOnce')),
    'three processes, one job: most stale writes in a scenario': atMost(0, most('staleWrites')),
    ...Object.fromEntries(
      ours.map(({ scenario: { title, interval }, verdict }) => [
        `three processes, one job, ${title}: longest gap, s`,
        atMost((interval + LEASE) / 1_000, verdict.gap / 1_000),
      ]),
    ),
  };
}

const NOTES = [
  'Killed at random: a job of 20 ms each second; a process of the three is killed every 10 s (kill -9), and started again, for 2 minutes.',
  'Killed in mid-run: a job of 3 s every 6 s; the process of the first run of each due time is killed 1 s after its start, and started again.',
  'Longer than its interval: a job of 5 s each second. Frozen in mid-run: a job of 3 s every 6 s, whose process stands still (SIGSTOP) for 10 s.',
  'Each run writes its start and its end to one table, which refuses the end of a run with a token that is lower than one that was there. Of the contenders, ours alone gives one. A refused run counts as active until it was frozen. The job is deaf to signals.',
  'Due: due times in the time that counts. Done: those with a run that ended. Twice: those with more than one such. Lost: those with none, and that did not pass while another run was active. Gap: the longest time in which no run was active. Taken over after: the longest time from a kill or freeze in mid-run to the next start.',
  'Each as its documentation says, with what it has against overlap, and with its option for how soon a dead process is replaced: ours `lease: 1s` (5 s by default where the interval is 6 s); BullMQ `lockDuration` and `stalledInterval` of 1 s (30 s by default), global concurrency 1; pg-boss queue policy `singleton`, `expireInSeconds` 1 s above the length of the job (15 minutes by default), supervised each second; Agenda `lockLifetime` 1 s above (10 minutes by default); Sidequest the same, looked for each minute, the shortest that it has; graphile-worker has none, a dead process keeps its job for 4 hours.',
  'The schedules of pg-boss and graphile-worker are by the minute: a job sends the next one as it begins, with a key. node-cron: `distributed` and `noOverlap` with a lock of each slot in Redis, as its documentation describes the coordinator. Sidequest: a schedule in each process, `unique` while a job is there, concurrency 1 (`unique` by a period, which its documentation recommends, ran the job once for each start of a process).',
  'croner and toad-scheduler say nothing about several processes, and are not here. @nestjs/schedule does not either: each process runs the job.',
  'All on Node 24, one after the other, on one PostgreSQL that waits for the disk and one Redis that keeps nothing.',
];
