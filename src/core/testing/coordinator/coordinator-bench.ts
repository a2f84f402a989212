import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  type Claim,
  type ClaimAnswer,
  type Coordinator,
  type Known,
  type Release,
  type RunRequestInput,
} from '../../coordination/coordinator.js';
import { type WorkerRecord } from '../../coordination/worker-record.js';
import { type EndedRun } from '../../history/run.js';
import { type TransactionRunner } from '../../worker/run-context.js';

/** An open coordinator without workers, its clock, and how to dispose of it. */
export interface CoordinatorSetup {
  coordinator: Coordinator;
  /** Lets this many milliseconds pass by the coordinator's clock. */
  pass(ms: number): Promise<void>;
  /** A transaction for `assertCurrent`. */
  manager: TransactionRunner;
  teardown?(): Promise<void>;
}

export const TIMING = '{"every":"1m","spacing":"slot"}';
/** Milliseconds. A lease that does not expire within a case. */
export const LONG = 60_000;
/** Milliseconds. A lease that expires within `pass(SHORT)`. */
export const SHORT = 40;
export const [A, B] = [randomUUID(), randomUUID()];

/** An enrolled worker `w`, and short names for calls for it. */
export class Bench {
  private constructor(
    readonly coordinator: Coordinator,
    readonly pass: CoordinatorSetup['pass'],
    readonly manager: TransactionRunner,
    private readonly start: number,
    readonly record: WorkerRecord,
    readonly teardown: CoordinatorSetup['teardown'],
  ) {}

  static async on({ coordinator, pass, manager, teardown }: CoordinatorSetup): Promise<Bench> {
    const { time } = await coordinator.records();
    // Ten slots that are all in the past.
    const start = Math.floor(time) - 10 * LONG;
    const { records } = await coordinator.enroll([{ name: 'w', timing: TIMING, slot: start }]);
    return new Bench(coordinator, pass, manager, start, records[0]!, teardown);
  }

  /** The nth slot in the past; 0 is where the worker begins. */
  slot(index: number): number {
    return this.start + index * LONG;
  }

  async enroll(given: { name?: string; timing?: string; slot?: number }): Promise<WorkerRecord> {
    const { records } = await this.coordinator.enroll([
      { name: 'w', timing: TIMING, slot: this.slot(0), ...given },
    ]);
    return records[0]!;
  }

  claim(given: Partial<Claim>): Claim {
    return {
      worker: 'w',
      runId: randomUUID(),
      replica: A,
      fencing: 0,
      from: this.slot(0),
      target: { slot: this.slot(1) },
      missed: 0,
      skipped: 0,
      lease: LONG,
      maxAttempts: 3,
      ...given,
    };
  }

  async granted(given: Partial<Claim>): Promise<ClaimAnswer & { granted: true }> {
    const answer = await this.coordinator.claim(this.claim(given));
    assert.ok(answer.granted, `refused: ${JSON.stringify(answer)}`);
    return answer;
  }

  async refused(given: Partial<Claim>, reason: string): Promise<ClaimAnswer & { granted: false }> {
    return this.refusedAs(reason, this.claim(given));
  }

  async refusedAs(reason: string, claim: Claim): Promise<ClaimAnswer & { granted: false }> {
    const answer = await this.coordinator.claim(claim);
    assert.ok(!answer.granted, 'was granted');
    assert.equal(answer.reason, reason);
    return answer;
  }

  /** What a claim after that grant has to name. */
  expecting({ record }: ClaimAnswer & { granted: true }): Pick<Claim, 'fencing' | 'from'> {
    return { fencing: record.fencing, from: record.slot };
  }

  async end(
    { record }: ClaimAnswer & { granted: true },
    given: Partial<Release>,
  ): Promise<WorkerRecord | undefined> {
    const answer = await this.coordinator.release({
      worker: 'w',
      runId: record.runId!,
      fencing: record.fencing,
      kind: 'done',
      run: this.run(record, {}),
      leased: true,
      retry: false,
      delay: 0,
      tell: false,
      ...given,
    });
    return answer.record;
  }

  run({ runId, attempt }: WorkerRecord, given: Partial<EndedRun>): EndedRun {
    return {
      id: runId!,
      worker: 'w',
      replica: A,
      trigger: 'schedule',
      attempt,
      slot: new Date(this.slot(1)),
      scheduledAt: new Date(this.slot(1)),
      startedAt: new Date(this.slot(1) + 3),
      endedAt: new Date(this.slot(1) + 8),
      outcome: 'succeeded',
      ...given,
    };
  }

  asked(given: Partial<RunRequestInput>): RunRequestInput {
    return {
      id: randomUUID(),
      worker: 'w',
      trigger: 'manual',
      payload: undefined,
      overlap: 'skip',
      maxAttempts: 3,
      ...given,
    };
  }

  async request(given: Partial<RunRequestInput>): Promise<RunRequestInput> {
    const asked = this.asked(given);
    assert.equal((await this.coordinator.request(asked)).accepted, true);
    return asked;
  }

  pulse(awaited: string[] = [], { unleased = [], active = [], silentAfter = LONG }: Partial<Known> = {}) {
    const revisions = new Map([['w', this.record.revision]]);
    return this.coordinator.pulse({ revisions, awaited, unleased, active, silentAfter });
  }
}

/** A bench for each case. */
export function benchOf(setup: () => Promise<CoordinatorSetup>): () => Promise<Bench> {
  return async () => {
    const given = await setup();
    try {
      return await Bench.on(given);
    } catch (error) {
      await given.teardown?.();
      throw error;
    }
  };
}
