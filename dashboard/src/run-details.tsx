import { type Run } from './api.js';
import { cut, visible } from './format.js';

/** Characters of a payload that are shown. */
const LONGEST_PAYLOAD = 5_000;

export function Shards({ shards: { total, done, failed } }: { shards: NonNullable<Run['shards']> }) {
  return (
    <div>
      <progress value={done + failed} max={total} aria-label="shards" /> {done} of {total} shards
      {failed > 0 && `, ${failed} failed`}
    </div>
  );
}

export function Progress({
  progress: { done, total, message = '' },
}: {
  progress: NonNullable<Run['progress']>;
}) {
  return (
    <p>
      <progress value={done} max={total ?? undefined} aria-label="progress" /> {done}
      {total !== undefined && ` of ${total}`} {cut(message)}
    </p>
  );
}

export function metricsOf(metrics: Record<string, number>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${cut(name, 60)} ${value}`)
    .join(', ');
}

export function payloadOf({ payload }: Run, indent?: number): string {
  return cut(JSON.stringify(payload, null, indent), LONGEST_PAYLOAD);
}

export function RunLog({ log }: { log: Run['log'] }) {
  if (!log) return <>It logged nothing.</>;
  return (
    <pre>
      {log.dropped > 0 && `${log.dropped} earlier lines were not kept\n`}
      {log.lines.map(({ at, level, message }) => `${at} ${level} ${visible(message)}`).join('\n')}
    </pre>
  );
}
