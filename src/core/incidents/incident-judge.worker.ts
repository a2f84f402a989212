import { Inject, Injectable } from '@nestjs/common';
import { type Incident, incidentKey, type IncidentReport } from '../history/incident.js';
import { IncidentStore } from '../history/incident.store.js';
import { type Run } from '../history/run.js';
import { RunRecorder } from '../history/run.recorder.js';
import { storeTiming } from '../registry/stored-timing.js';
import { UnknownWorkerError } from '../registry/worker.errors.js';
import { Scheduler } from '../scheduler/scheduler.js';
import { Interval } from '../worker/interval.decorator.js';
import { type RunContext } from '../worker/run-context.js';
import { type WorkerInfo } from '../worker/worker-info.js';
import { missedSlot } from './conditions/missed.js';
import { type IncidentRules } from './incident-rules.js';
import { Incidents } from './incidents.js';
import { INCIDENT_RULES } from './incidents.module-definition.js';
import { judgeRuns, judgeTime } from './judge.js';
import { type Finding, reportOf, RUNS_LOOKED_AT, type Subject } from './subject.js';
import { Courier } from './webhooks/courier.js';

const HOUR = 3_600_000;
/** Most workers whose runs are read by one statement. */
const READ_TOGETHER = 200;
/** Open incidents that are read by one statement. */
const OPEN_TOGETHER = 1_000;

/** What the judge remembers of a worker between runs. */
interface Remembered {
  /** A text that changes when a run begins or ends. */
  mark: string;
  /** Whether its runs have to be read again: another replica may not have written the end of the last one yet. */
  unsettled: boolean;
  findings: Finding[];
  /** Its newest run. */
  newest?: Run | undefined;
  /** From when missed slots count. Milliseconds since the epoch. */
  since: number;
  /**
   * Whether it was late in the last run of the judge, too: after a standstill all workers are late, which is no incident.
   */
  late: boolean;
}

/**
 * The worker that judges all workers, and opens and closes their incidents. As with any worker, one replica of the
 * cluster runs it. It only reads the runs of workers that have changed since its last run.
 */
@Injectable()
export class IncidentJudge {
  private readonly remembered = new Map<string, Remembered>();
  private prunedAt = -Infinity;

  constructor(
    @Inject(INCIDENT_RULES) private readonly rules: IncidentRules,
    @Inject(IncidentStore) private readonly store: IncidentStore,
    private readonly scheduler: Scheduler,
    private readonly recorder: RunRecorder,
    private readonly incidents: Incidents,
    private readonly courier: Courier,
  ) {}

  @Interval('workers_incidents', '15s', {
    description: 'Opens and closes incidents of workers',
    timeout: '2m',
    unref: true,
    record: 'failures',
  })
  async run({ signal, startedAt }: RunContext): Promise<void> {
    // With coordination this is the coordinator's time: this replica's clock may differ.
    const now = startedAt.getTime();
    const infos = await this.scheduler.status();
    await this.becomeAcquainted(infos, now);
    await this.readRuns(infos, now, signal);
    const found = new Map<string, IncidentReport>();
    for (const info of infos)
      for (const finding of await this.findings(info, now)) {
        const report = reportOf(info.name, finding);
        found.set(incidentKey(report), report);
      }
    signal.throwIfAborted();
    await this.compare(found, new Map(infos.map((info) => [info.name, info])), signal);
    await this.incidents.tellUnsilenced();
    await this.prune(now);
    // A webhook that does not answer would delay the next judgement.
    this.courier.hurry();
  }

  /** Reads the last slots of new workers, from which missed slots count. */
  private async becomeAcquainted(infos: readonly WorkerInfo[], now: number): Promise<void> {
    const names = new Set(infos.map(({ name }) => name));
    for (const name of this.remembered.keys()) if (!names.has(name)) this.remembered.delete(name);
    const unknown = infos.filter(({ name }) => !this.remembered.has(name));
    const lastSlots = await this.lastSlots(unknown.map(({ name }) => name));
    for (const { name } of unknown)
      this.remembered.set(name, {
        mark: '',
        unsettled: false,
        findings: [],
        since: lastSlots.get(name)?.getTime() ?? now,
        late: false,
      });
  }

  private lastSlots(names: readonly string[]): Promise<Map<string, Date>> {
    const timings = new Map(
      names.flatMap((name) => {
        const { definition, timing } = this.described(name) ?? {};
        if (!definition || !timing?.schedule || timing.schedule.counted) return [];
        if (typeof timing.every === 'object' && 'after' in timing.every) return [];
        return [[name, storeTiming(timing.every, definition)] as const];
      }),
    );
    return timings.size === 0
      ? Promise.resolve(new Map<string, Date>())
      : this.recorder.lastSlots([...timings.keys()], timings);
  }

  private async readRuns(infos: readonly WorkerInfo[], now: number, signal: AbortSignal): Promise<void> {
    const due = infos.filter((info) => {
      const kept = this.remembered.get(info.name)!;
      const mark = markOf(info);
      const changed = mark !== kept.mark;
      const read = changed || kept.unsettled || info.activeRuns > 0;
      kept.mark = mark;
      kept.unsettled = changed;
      return read;
    });
    for (let i = 0; i < due.length; i += READ_TOGETHER) {
      signal.throwIfAborted();
      const some = due.slice(i, i + READ_TOGETHER);
      const runs = await this.recorder.lastRuns(
        some.map(({ name }) => name),
        RUNS_LOOKED_AT,
      );
      for (const info of some) {
        const subject = this.subjectOf(info, runs.get(info.name) ?? []);
        if (!subject) continue;
        const kept = this.remembered.get(info.name)!;
        kept.findings = judgeRuns(subject, now, this.rules);
        kept.newest = subject.runs[0];
      }
    }
  }

  private async findings(info: WorkerInfo, now: number): Promise<Finding[]> {
    const kept = this.remembered.get(info.name)!;
    const subject = this.subjectOf(info, kept.newest ? [kept.newest] : []);
    if (!subject) return [];
    const { missedAfter } = this.rules;
    if (missedSlot(subject, kept, now, missedAfter) !== undefined) {
      // Its schedule may have changed, and another replica may have handled the slot.
      const slot = (await this.lastSlots([info.name])).get(info.name)?.getTime();
      if (slot !== undefined) kept.since = Math.max(kept.since, slot);
    }
    const late = missedSlot(subject, kept, now, missedAfter) !== undefined;
    const wasLate = kept.late;
    kept.late = late;
    const byTime = judgeTime(subject, kept, now, this.rules).filter(
      ({ condition }) => condition !== 'missed' || wasLate,
    );
    return [...kept.findings, ...byTime];
  }

  private subjectOf(info: WorkerInfo, runs: readonly Run[]): Subject | undefined {
    const defined = this.described(info.name);
    return defined && { info, runs, ...defined };
  }

  /** Undefined when the worker was unregistered meanwhile. */
  private described(name: string): ReturnType<Scheduler['describe']> | undefined {
    try {
      const { definition, timing } = this.scheduler.describe(name);
      return { definition, timing };
    } catch (error) {
      if (error instanceof UnknownWorkerError) return undefined;
      throw error;
    }
  }

  private async compare(
    found: ReadonlyMap<string, IncidentReport>,
    infos: ReadonlyMap<string, WorkerInfo>,
    signal: AbortSignal,
  ): Promise<void> {
    const open = await this.allOpen(signal);
    const known = new Set(open.map(incidentKey));
    for (const [key, report] of found) if (!known.has(key)) await this.incidents.report(report);
    for (const incident of open)
      if (!found.has(incidentKey(incident)) && (await this.isOver(incident, infos.get(incident.subject))))
        await this.incidents.resolve(incident);
  }

  private async allOpen(signal: AbortSignal): Promise<Incident[]> {
    const open: Incident[] = [];
    let page: Incident[];
    do {
      signal.throwIfAborted();
      page = await this.store.find({
        kind: 'worker',
        open: true,
        limit: OPEN_TOGETHER,
        before: open.at(-1),
      });
      open.push(...page);
    } while (page.length === OPEN_TOGETHER);
    return open;
  }

  /** The replica of a stuck run closes its incident, unless that replica has stopped answering. */
  private async isOver({ condition, runId }: Incident, info: WorkerInfo | undefined): Promise<boolean> {
    if (condition !== 'stuck') return true;
    if (!info || info.activeRuns === 0 || runId === undefined) return true;
    const [run] = await this.recorder.find({ id: runId, limit: 1 });
    return run !== undefined && run.outcome !== 'running';
  }

  private async prune(now: number): Promise<void> {
    if (now - this.prunedAt < HOUR) return;
    this.prunedAt = now;
    await this.store.prune(new Date(now - this.rules.keepFor));
  }
}

function markOf({ runCount, lastRun, lostCount = 0, activeRuns, consecutiveFailures }: WorkerInfo): string {
  return `${runCount}/${lastRun?.getTime()}/${lostCount}/${activeRuns}/${consecutiveFailures}`;
}
