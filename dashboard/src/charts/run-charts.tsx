import { type Run } from '../api.js';
import { cut, duration, instant } from '../format.js';
import { lasted } from '../outcome-strip.js';
import { LineChart, type Mark } from './line-chart.js';
import { type ReleaseSpan, releaseSpans } from './releases.js';

const WELL = new Set(['succeeded', 'running']);
/** Most releases that are compared in words. */
const MOST_SPANS = 5;

/** How long the runs took and how late they began, over time; those that did not succeed stand out, and each change of the release. */
export function RunCharts({ runs }: { runs: readonly Run[] }) {
  const ended = runs
    .filter(({ ended_at }) => ended_at !== undefined)
    .toSorted((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at));
  if (ended.length < 2) return null;
  const instants = ended.map(({ started_at }) => Date.parse(started_at));
  const took = ended.map(lasted);
  const late = ended.map(({ lateness_ms }) => Math.max(0, lateness_ms));
  const bad = ended.map((run, index) => (WELL.has(run.outcome) ? null : took[index]!));
  const spans = releaseSpans(ended);
  const marks = spans
    .slice(1)
    .map((span): Mark => ({ at: Date.parse(span.runs[0]!.started_at), label: nameOf(span) }));
  const changes =
    marks.length === 0
      ? ''
      : `, ${marks.length === 1 ? 'one change' : `${marks.length} changes`} of the release`;
  return (
    <div class="charts">
      <figure>
        <figcaption>
          Duration <span class="quiet">{spread(took)}</span>
        </figcaption>
        <LineChart
          label={`Duration of the last ${ended.length} runs: ${spread(took)}${changes}`}
          instants={instants}
          format={duration}
          marks={marks}
          lines={[
            { label: 'took', color: '--accent', values: took },
            { label: 'not succeeded', color: '--bad', values: bad, points: true },
          ]}
        />
        {spans.length > 1 && <Releases spans={spans.slice(-MOST_SPANS)} />}
      </figure>
      <figure>
        <figcaption>
          Lateness <span class="quiet">{spread(late)}</span>
        </figcaption>
        <LineChart
          label={`Lateness of the last ${ended.length} runs: ${spread(late)}`}
          instants={instants}
          format={duration}
          marks={marks}
          lines={[{ label: 'late', color: '--warn', values: late }]}
        />
      </figure>
    </div>
  );
}

/** Since which release it takes longer, in words. */
function Releases({ spans }: { spans: readonly ReleaseSpan[] }) {
  return (
    <ul class="releases" aria-label="Duration by release, the newest first">
      {spans.toReversed().map((span) => {
        const [first] = span.runs;
        const bad = span.runs.filter(({ outcome }) => !WELL.has(outcome)).length;
        return (
          <li key={first!.id}>
            <strong>{nameOf(span)}</strong> since {instant(first!.started_at)}:{' '}
            {spread(span.runs.map(lasted))}
            {bad > 0 && `, ${bad} of ${span.runs.length} not succeeded`}
          </li>
        );
      })}
    </ul>
  );
}

function nameOf({ release }: ReleaseSpan): string {
  return release === undefined ? 'no release' : cut(release, 40);
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): string =>
    duration(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!);
  return `median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)}`;
}
