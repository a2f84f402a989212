import { type ProviderInstance } from '../providers/provider.js';
import { type Drift } from './instance-drift.js';
import { type Instance, type InstanceChange } from './instance.js';

/** What a successful attempt clears. */
export const WELL = {
  lastError: null,
  exitCode: null,
  logTail: null,
  nextAttemptIn: null,
  requested: false,
} as const;

/** What its row learns when its provider has made it run. */
export function running({ reason }: Instance, { endpoints, ref }: ProviderInstance): InstanceChange {
  const isLooping = reason === 'crash_looping';
  return {
    ...WELL,
    ...(isLooping && { lastError: undefined, exitCode: undefined, logTail: undefined }),
    state: 'running',
    endpoints,
    ref: ref ?? null,
    reason: isLooping ? reason : null,
    restartRequested: false,
  };
}

/** What its row learns when its provider has stopped it. */
export function stopped(): InstanceChange {
  return { ...WELL, state: 'stopped', reason: null, attempts: 0, restartRequested: false };
}

/** It ran, and does not any more. */
export type End = Extract<Drift, 'exited' | 'missing' | 'stopped'>;

export function isEnd(drift: Drift): drift is End {
  return drift === 'exited' || drift === 'missing' || drift === 'stopped';
}

/** In words. */
export function endOf(drift: End, observed?: ProviderInstance): string {
  if (drift === 'missing') return 'its provider has nothing of it any more';
  if (drift === 'stopped') return 'it was stopped at its provider';
  return observed?.exitCode === undefined ? 'it ended' : `it ended with exit code ${observed.exitCode}`;
}
