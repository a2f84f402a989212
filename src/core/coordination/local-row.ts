import {
  type BackedOff,
  type Claim,
  type Enrolment,
  type HeldLease,
  type Refusal,
  type Release,
} from './coordinator.js';
import { type KeptStatus, noRunYet, runStarted } from './status-changes.js';
import { type LostRun, type WorkerRecord } from './worker-record.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A worker's record, as it is stored. */
export interface LocalRow extends Mutable<Omit<WorkerRecord, 'status'>> {
  status: KeptStatus;
  previous: LostRun | undefined;
}

export function newRow({ name, timing, slot, delay }: Enrolment, time: number): LocalRow {
  return {
    name,
    slot,
    done: true,
    owed: undefined,
    fencing: 0,
    runId: undefined,
    attempt: 0,
    requestId: undefined,
    holder: undefined,
    leaseUntil: undefined,
    cancelRequested: false,
    notBefore: delay === undefined ? undefined : time + delay,
    paused: false,
    revision: 1,
    timing,
    definition: timing,
    definitionAt: time,
    begun: 0,
    lastChange: undefined,
    previous: undefined,
    status: noRunYet(),
  };
}

/** The record that callers get. */
export function copy({ previous: _, status, ...row }: LocalRow): WorkerRecord {
  return { ...row, status: { ...status } };
}

export function isHeld({ leaseUntil }: LocalRow, time: number): boolean {
  return leaseUntil !== undefined && leaseUntil > time;
}

/** True also after the lease has expired, as long as no other run was granted. */
export function holds(row: LocalRow, { runId, fencing }: Omit<HeldLease, 'worker'>): boolean {
  return row.runId === runId && row.fencing === fencing && row.holder !== undefined;
}

/**
 * Why a claim is refused, and the milliseconds to wait. Undefined: it is granted, or was granted before by the same
 * call.
 * @param requestWaits whether the request that the claim names can be claimed
 */
export function refusalOf(
  row: LocalRow,
  { runId, replica, fencing, from, target, lease, maxAttempts, resetAhead }: Claim,
  time: number,
  requestWaits: (request: string) => boolean,
): { reason: Refusal; wait: number } | undefined {
  const because = (reason: Refusal, until = time) => ({ reason, wait: until - time });
  if (row.runId === runId)
    return row.holder === replica && (lease === undefined || isHeld(row, time)) ? undefined : because('over');
  if (row.fencing !== fencing || row.slot !== from) return because('stale');
  if (isHeld(row, time)) return because('held', row.leaseUntil);
  if ('request' in target) return requestWaits(target.request) ? undefined : because('over');
  const { slot } = target;
  if (row.paused) return because('paused');
  if (slot > time) return because('too_early', slot);
  if (row.notBefore !== undefined && row.notBefore > time) return because('backing_off', row.notBefore);
  if (slot > row.slot) return undefined;
  if (slot < row.slot)
    return resetAhead !== undefined && row.slot - time > resetAhead ? undefined : because('over');
  if (row.owed === undefined) return because('over');
  return !row.done && row.owed > maxAttempts ? because('exhausted') : undefined;
}

/** The run whose lease has expired, and which the next grant replaces. */
export function takenOver(row: LocalRow, request: LostRun['request']): LostRun | undefined {
  const { runId, attempt, slot, requestId, holder, leaseUntil, status } = row;
  if (holder === undefined || leaseUntil === undefined) return undefined;
  const { trigger, payload, actor } = request ?? {};
  return {
    runId: runId!,
    replica: holder,
    attempt,
    slot: requestId === undefined ? slot : undefined,
    startedAt: status.lastRun!,
    ...(trigger && { request: { trigger, payload, ...(actor !== undefined && { actor }) } }),
  };
}

/** Gives the claimed slot to the run. */
export function takeSlot(
  row: LocalRow,
  slot: number,
  { begins = true, lease, missed, skipped }: Claim,
): void {
  const again = slot === row.slot;
  const { status } = row;
  if (!again && !row.done) status.supersededCount++;
  row.attempt = again ? row.owed! : 1;
  if (begins && row.attempt === 1) row.begun++;
  row.slot = slot;
  row.done = lease === undefined;
  row.owed = lease === undefined ? undefined : row.attempt + 1;
  row.requestId = undefined;
  status.missedCount += missed;
  status.skippedCount += skipped;
}

/** Gives the next token and the lease to the run. */
export function hold(row: LocalRow, { runId, replica, lease }: Claim, time: number): void {
  row.fencing++;
  row.runId = runId;
  row.holder = replica;
  row.leaseUntil = lease === undefined ? undefined : time + lease;
  row.cancelRequested = false;
  runStarted(row.status, time);
}

/** Ends the lease. The slot of an aborted run stays owed, as its claim has written. */
export function letGo(row: LocalRow, { kind, tell }: Release, ofRequest: boolean): void {
  row.holder = undefined;
  row.leaseUntil = undefined;
  row.cancelRequested = false;
  if (tell) row.revision++;
  if (kind !== 'unrun' || ofRequest) return;
  row.owed = row.attempt;
  if (row.attempt === 1) row.begun--;
}

/**
 * After a run that ended by itself: its slot is owed again, or nothing is, except another slot whose run did not end
 * so.
 */
export function owe(row: LocalRow, { again, nothing }: { again: boolean; nothing: boolean }): void {
  if (again) row.owed = row.attempt + 1;
  else if (nothing && row.done) row.owed = undefined;
}

/** Counts slots that came while the run was active as skipped, unless an earlier one is owed. */
export function passSlots(row: LocalRow, { kind, passed }: Release): void {
  if (kind !== 'done' || !passed || passed.slot <= row.slot || !row.done || row.owed !== undefined) return;
  row.slot = passed.slot;
  row.status.skippedCount += passed.skipped;
}

export function passBackedOff(row: LocalRow, { fencing, slot, skipped }: BackedOff, time: number): void {
  if (isHeld(row, time) || row.fencing !== fencing) return;
  row.slot = Math.max(row.slot, slot);
  row.status.skippedCount += skipped;
}

export function reschedule(
  row: LocalRow,
  to: { timing: string; slot: number; delay?: number },
  time: number,
): void {
  row.timing = to.timing;
  row.revision++;
  row.notBefore = to.delay === undefined ? undefined : time + to.delay;
  startAfter(row, to.slot, time);
}

export function pause(row: LocalRow, time: number): void {
  row.paused = true;
  row.revision++;
  row.notBefore = undefined;
  startAfter(row, row.slot, time);
}

export function resume(row: LocalRow, { slot, delay }: { slot: number; delay?: number }, time: number): void {
  row.paused = false;
  row.revision++;
  row.notBefore = delay === undefined ? undefined : time + delay;
  startAfter(row, slot, time);
}

/**
 * Slots up to `slot` are neither run nor counted, and nothing is owed; unless a run is active, which needs its slot.
 */
function startAfter(row: LocalRow, slot: number, time: number): void {
  if (isHeld(row, time)) return;
  if (!row.done) row.status.supersededCount++;
  row.done = true;
  row.owed = undefined;
  row.slot = Math.max(row.slot, slot);
}
