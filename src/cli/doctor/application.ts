import { type ApiClient } from '../api-client.js';
import { CommandError } from '../exit-codes.js';
import { type Replica, type Worker } from '../../core/dashboard/api-shapes.js';
import { type Finding, some } from './finding.js';

/** Milliseconds by which a clock may be off: the header has whole seconds, and the answer takes its time. */
const MOST_SKEW = 3_000;

/** What an application says of itself. */
export async function examineApplication(api: ApiClient): Promise<Finding[]> {
  try {
    const answer = await api.head('workers');
    if (!answer.ok) return [{ about: 'application', state: 'fault', detail: await refused(answer) }];
    const workers = (await answer.json()) as Worker[];
    return [
      { about: 'application', state: 'ok', detail: `${workers.length} workers at ${answer.url}` },
      clock(answer.headers.get('date')),
      knowledge(workers, answer.headers.get('x-workers-source')),
      ...conditions(workers),
      ...(await replicas(api)),
    ];
  } catch (error) {
    const detail =
      error instanceof CommandError || error instanceof SyntaxError ? error.message : String(error);
    return [{ about: 'application', state: 'fault', detail }];
  }
}

async function refused(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    return String((JSON.parse(text) as { detail?: string }).detail ?? answer.status);
  } catch {
    return `${answer.url} answers ${answer.status}`;
  }
}

function clock(date: string | null): Finding {
  const skew = date === null ? NaN : Date.parse(date) - Date.now();
  if (Number.isNaN(skew))
    return { about: 'clock', state: 'note', detail: 'the application does not say what time it is' };
  const off = Math.abs(skew) > MOST_SKEW;
  return {
    about: 'clock',
    state: off ? 'warn' : 'ok',
    detail: off
      ? `that of the application and that of this machine are ${Math.round(Math.abs(skew) / 1_000)} s apart: set them by NTP`
      : 'the application and this machine agree',
  };
}

function knowledge(workers: readonly Worker[], source: string | null): Finding {
  const cluster = source === 'cluster' || workers.some((worker) => worker.source === 'cluster');
  return cluster
    ? { about: 'coordination', state: 'ok', detail: 'it answers for the cluster' }
    : {
        about: 'coordination',
        state: 'note',
        detail: 'one replica answers for itself: the application has no coordination, or cannot reach it',
      };
}

function conditions(workers: readonly Worker[]): Finding[] {
  const findings = (['stuck', 'stale', 'failing'] as const).flatMap((condition): Finding[] => {
    const names = workers.filter(({ conditions }) => conditions.includes(condition)).map(({ name }) => name);
    return names.length > 0 ? [{ about: condition, state: 'fault', detail: some(names) }] : [];
  });
  return findings.length > 0
    ? findings
    : [{ about: 'workers', state: 'ok', detail: 'none is stuck, stale or failing' }];
}

async function replicas(api: ApiClient): Promise<Finding[]> {
  const { items } = await api.get<{ items: Replica[] }>('replicas', { alive: true, limit: 1_000 });
  const releases = [...new Set(items.map(({ release }) => release ?? 'unknown'))];
  return [
    {
      about: 'replicas',
      state: 'ok',
      detail: some(items.map(({ host, pid }) => `${host} (pid ${pid})`)),
    },
    {
      about: 'versions',
      state: releases.length > 1 ? 'warn' : 'ok',
      detail: `${some(releases)}${releases.length > 1 ? ': several at a time, which a deployment that goes on would explain' : ''}`,
    },
  ];
}
