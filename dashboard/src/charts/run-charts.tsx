import { type Run } from '../api.js';
import { duration } from '../format.js';
import { lasted } from '../outcome-strip.js';
import { LineChart } from './line-chart.js';

const WELL = new Set(['succeeded', 'running']);

/** How long the runs took and how late they began, over time; those that did not succeed stand out. */
export function RunCharts({ runs }: { runs: readonly Run[] }) {
  const ended = runs
    .filter(({ ended_at }) => ended_at !== undefined)
    .toSorted((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at));
  if (ended.length < 2) return null;
  const instants = ended.map(({ started_at }) => Date.parse(started_at));
  const took = ended.map(lasted);
  const late = ended.map(({ lateness_ms }) => Math.max(0, lateness_ms));
  const bad = ended.map((run, index) => (WELL.has(run.outcome) ? null : took[index]!));
  return (
    <div class="charts">
      <figure>
        <figcaption>
          Duration <span class="quiet">{spread(took)}</span>
        </figcaption>
        <LineChart
          label={`Duration of the last ${ended.length} runs: ${spread(took)}`}
          instants={instants}
          format={duration}
          lines={[
            { label: 'took', color: '--accent', values: took },
            { label: 'not succeeded', color: '--bad', values: bad, points: true },
          ]}
        />
      </figure>
      <figure>
        <figcaption>
          Lateness <span class="quiet">{spread(late)}</span>
        </figcaption>
        <LineChart
          label={`Lateness of the last ${ended.length} runs: ${spread(late)}`}
          instants={instants}
          format={duration}
          lines={[{ label: 'late', color: '--warn', values: late }]}
        />
      </figure>
    </div>
  );
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number): string =>
    duration(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!);
  return `median ${at(0.5)}, p95 ${at(0.95)}, longest ${at(1)}`;
}
