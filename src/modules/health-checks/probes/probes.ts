import { type HealthCheck, type Probe, type ProbeResult } from '../health-check.js';
import { storableText } from '../../database/text.js';
import { withoutSecretsOf } from '../hidden-values.js';
import { type HealthCheckers } from '../health-checkers.js';
import { type InstanceAccess } from '../instance-access.js';
import { PushProber, type PushState } from './push.prober.js';
import { type EgressPolicy } from '../../network-policy/egress-policy.js';
import { type Resolve } from '../../network-policy/dial.js';
import { CommandProber } from './command.prober.js';
import { CustomProber } from './custom.prober.js';
import { explain } from './explain.js';
import { ProbeCancelledError } from './probe.errors.js';
import { GrpcProber } from './grpc.prober.js';
import { HttpProber } from './http.prober.js';
import { PhaseClock } from './phase-clock.js';
import { ProbeTime } from './probe-time.js';
import { type ProbeContext, type Prober } from './prober.js';
import { TcpProber } from './tcp.prober.js';

export const HEALTH_PROBES = Symbol.for('ctrlplane-workers/health-probes');

export interface ProbesParts {
  policy: EgressPolicy;
  resolve: Resolve;
  checkers: HealthCheckers;
  instances?: InstanceAccess;
  /** Whether the target of a push check has called; undefined for one that is gone. */
  pushState: (check: HealthCheck) => Promise<PushState | undefined>;
}

/** A result, and how long it took in milliseconds. */
export interface TimedResult extends ProbeResult {
  duration: number;
}

/** Carries out probes of all kinds, each within its time. Never throws. */
export class Probes {
  private readonly grpc = new GrpcProber();
  private readonly active = new Set<ProbeTime>();
  private closed = false;
  private readonly probers: { [K in Probe['type']]: Prober<Extract<Probe, { type: K }>> };

  constructor(private readonly parts: ProbesParts) {
    this.probers = {
      http: new HttpProber(),
      tcp: new TcpProber(),
      grpc: this.grpc,
      command: new CommandProber(parts.instances),
      push: new PushProber(parts.pushState),
      custom: new CustomProber(parts.checkers),
    };
  }

  /** @param signal gives the probe up; its outcome is `unknown` then */
  async run(
    check: HealthCheck,
    instance?: ProbeContext['instance'],
    signal?: AbortSignal,
  ): Promise<TimedResult> {
    const phases = new PhaseClock();
    const time = new ProbeTime(check.timeout);
    this.active.add(time);
    const giveUp = (): void => time.end(new ProbeCancelledError());
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted || this.closed) giveUp();
    const { policy, resolve } = this.parts;
    const context = { check, instance, signal: time, policy, resolve, phases };
    try {
      const prober = this.probers[check.probe.type] as Prober<Probe>;
      const result = await within(time, prober.probe(check.probe, context));
      return { ...told(check.probe, result), phases: phases.phases, duration: phases.elapsed() };
    } catch (error) {
      return {
        ...told(check.probe, explain(error, phases)),
        phases: phases.phases,
        duration: phases.elapsed(),
      };
    } finally {
      time.close();
      this.active.delete(time);
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** Gives up what is running, and all that comes. */
  close(): void {
    this.closed = true;
    for (const time of this.active) time.end(new ProbeCancelledError());
    this.grpc.close();
  }
}

const LONGEST_MESSAGE = 500;

/**
 * The probe's own secrets are nowhere in what it tells, though a checker or a target may have repeated them; nor is
 * what no database takes.
 */
function told(probe: Probe, { outcome, message }: ProbeResult): ProbeResult {
  return { outcome, message: storableText(withoutSecretsOf(probe, message)).slice(0, LONGEST_MESSAGE) };
}

/** A prober that does not listen to its signal does not keep the check from ending. */
function within<T>(time: ProbeTime, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (time.aborted) reject(time.reason!);
    time.addEventListener('abort', () => reject(time.reason!));
    work.then(resolve, reject);
  });
}
