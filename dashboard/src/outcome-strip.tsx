import { type Run } from './api.js';
import { duration } from './format.js';

const HEIGHT = 28;
const WIDTH = 6;

/** The last runs, oldest left: the height of a bar is its duration beside the longest of them. */
export function OutcomeStrip({ runs, most = 30 }: { runs: readonly Run[]; most?: number }) {
  const shown = runs.slice(0, most).toReversed();
  const longest = Math.max(1, ...shown.map(lasted));
  const failed = shown.filter(({ outcome }) => !['succeeded', 'running'].includes(outcome)).length;
  const label = shown.length ? `${shown.length} last runs, ${failed} of them not succeeded` : 'no runs yet';
  return (
    <svg class="strip" role="img" aria-label={label} width={most * WIDTH} height={HEIGHT}>
      {shown.map((run, index) => {
        const height = Math.max(3, Math.round((lasted(run) / longest) * HEIGHT));
        return (
          <rect
            key={run.id}
            class={`bar ${run.outcome}`}
            x={(most - shown.length + index) * WIDTH}
            y={HEIGHT - height}
            width={WIDTH - 2}
            height={height}
            rx={1}
          >
            <title>{`${run.outcome}, ${duration(lasted(run))}, ${run.started_at}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

/** Milliseconds that it took, so far if it is running. */
export function lasted({ started_at, ended_at }: Run): number {
  return (ended_at ? Date.parse(ended_at) : Date.now()) - Date.parse(started_at);
}
