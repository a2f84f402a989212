import { type OrphanShare } from './brake.js';
import { type BrakeSettings } from './brake.options.js';

/** Whether so much of what was examined looks orphaned that nothing of it may be deleted yet. */
export function isTooMuch({ examined, orphaned }: OrphanShare, { share, minimum }: BrakeSettings): boolean {
  return orphaned >= minimum && reachesShare({ examined, orphaned }, share);
}

/** Also when it is just the share: a fleet that was made anew beside what it has lost is half of both. */
export function reachesShare({ examined, orphaned }: OrphanShare, share: number): boolean {
  return orphaned >= examined * share;
}
