import { type Effect } from './effects.js';

/** Something that happened to a process: it was killed, or it stood still for a while. Milliseconds since the epoch. */
export interface Disturbance {
  readonly pid: number;
  readonly at: number;
  /** When it went on. Absent: it was killed. */
  readonly until?: number;
}

/** What was seen of a trial. Milliseconds, those of instants since the epoch. */
export interface Seen {
  readonly effects: readonly Effect[];
  readonly disturbances: readonly Disturbance[];
  readonly interval: number;
  /** Due times from there on count … */
  readonly from: number;
  /** … until there. */
  readonly to: number;
  /** When the last process was ended. */
  readonly ended: number;
}

export interface Verdict {
  /** Due times in the window. */
  due: number;
  /** Those of them for which a run ended. */
  done: number;
  /** Those for which more than one did. */
  twice: number;
  /** Those for which none did, and that did not pass while another run was active. */
  lost: number;
  /** The most runs that were active at one time. */
  atOnce: number;
  /** The longest time in the window in which no run was active, milliseconds. */
  gap: number;
  /** The longest time from a kill or a freeze in mid-run to the start of the next run, milliseconds. 0: none was in mid-run. */
  takeover: number;
  /** Kills and freezes that met a run. */
  inMidRun: number;
  /** What frozen runs wrote after they woke, although another run had begun. */
  staleWrites: number;
  /** The same that was refused. */
  refused: number;
}

/** A part of the time in which a run was active. */
interface Span {
  readonly from: number;
  readonly to: number;
}

interface Run {
  readonly pid: number;
  readonly due: number;
  readonly start: number;
  /** When its end was written. */
  readonly end?: number | undefined;
  readonly refused?: number | undefined;
}

export function judge(seen: Seen): Verdict {
  const { disturbances, interval, from, to } = seen;
  const runs = runsOf(seen);
  const spans = runs.map((run) => spansOf(run, seen));
  const first = runs[0];
  // Contenders that tell what a run is for choose the phase.
  const phase = first ? first.due % interval : 0;
  const dues = range(Math.ceil((from - phase) / interval) * interval + phase, to, interval);
  const endedOf = (due: number) => runs.filter((run) => run.due === due && run.end !== undefined).length;
  const passedBy = (due: number) =>
    spans.some((parts, i) => runs[i]!.due !== due && parts.some((span) => span.from <= due && due < span.to));
  const ended = dues.map(endedOf);
  const hit = disturbances.filter(({ pid, at }) =>
    spans.some((parts, i) => runs[i]!.pid === pid && parts.some((span) => span.from <= at && at <= span.to)),
  );
  const after = hit.map(({ at }) => (runs.find(({ start }) => start > at)?.start ?? seen.ended) - at);
  return {
    due: dues.length,
    done: ended.filter((times) => times > 0).length,
    twice: ended.filter((times) => times > 1).length,
    lost: dues.filter((due, i) => ended[i] === 0 && !passedBy(due)).length,
    atOnce: mostAtOnce(spans.flat()),
    gap: longestGap(spans.flat(), from, to),
    takeover: Math.max(0, ...after),
    inMidRun: hit.length,
    ...lateWrites(runs, disturbances),
  };
}

/** In the order of their starts. */
function runsOf({ effects, interval }: Seen): Run[] {
  const ends = new Map(effects.filter(({ what }) => what === 'end').map(({ run, at }) => [run, at]));
  const refused = new Map(effects.filter(({ what }) => what === 'refused').map(({ run, at }) => [run, at]));
  return effects
    .filter(({ what }) => what === 'start')
    .map(({ run, pid, due, at }) => ({
      pid,
      due: due ?? Math.floor(at / interval) * interval,
      start: at,
      end: ends.get(run),
      refused: refused.get(run),
    }))
    .toSorted((a, b) => a.start - b.start);
}

/** A run that was refused was active until it was frozen: what came after that took no effect. */
function spansOf({ pid, start, end, refused }: Run, { disturbances, ended }: Seen): Span[] {
  const met = disturbances.find((one) => one.pid === pid && one.at >= start && one.at <= (end ?? Infinity));
  if (!met) return [{ from: start, to: end ?? refused ?? ended }];
  const before = { from: start, to: met.at };
  if (met.until === undefined || refused !== undefined) return [before];
  return [before, { from: met.until, to: end ?? ended }];
}

function mostAtOnce(spans: readonly Span[]): number {
  const changes = spans.flatMap(({ from, to }) => [
    { at: from, by: 1 },
    { at: to, by: -1 },
  ]);
  let active = 0;
  let most = 0;
  for (const { by } of changes.toSorted((a, b) => a.at - b.at || a.by - b.by)) {
    active += by;
    most = Math.max(most, active);
  }
  return most;
}

function longestGap(spans: readonly Span[], from: number, to: number): number {
  let covered = from;
  let longest = 0;
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    longest = Math.max(longest, Math.min(span.from, to) - covered);
    covered = Math.max(covered, Math.min(span.to, to));
  }
  return Math.max(longest, to - covered);
}

function lateWrites(
  runs: readonly Run[],
  disturbances: readonly Disturbance[],
): { staleWrites: number; refused: number } {
  const frozen = runs.filter((run) =>
    disturbances.some(({ pid, at, until }) => {
      const written = run.end ?? run.refused;
      if (until === undefined || run.pid !== pid || run.start > at) return false;
      if (written === undefined || written < until) return false;
      return runs.some(({ start }) => start > at && start < written);
    }),
  );
  return {
    staleWrites: frozen.filter(({ end }) => end !== undefined).length,
    refused: frozen.filter(({ refused }) => refused !== undefined).length,
  };
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);
}
