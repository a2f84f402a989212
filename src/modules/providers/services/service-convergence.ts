import { timeoutSignal } from '../../../core/timing/timer.js';
import { type InstanceId } from '../../ids/typed-id.js';
import { InitServiceFailedError, ServiceNotHealthyError } from '../provider.errors.js';
import { type ExecResult, type InstanceSpec, type ProviderState } from '../provider.js';
import { pause, pollUntil } from '../waiting.js';
import { withoutSecrets } from '../without-secrets.js';
import { type PlannedService, startOrder } from './service-plan.js';
import { serviceNames } from './service-programs.js';
import { MAIN, type ServiceHealthCheck } from './service-spec.js';

/** What is there of one service. */
export interface HeldService {
  name: string;
  state: ProviderState;
  /** It was made from the spec that is wanted now. */
  isCurrent: boolean;
  exitCode?: number | undefined;
}

/** The services of one instance, one by one, as its provider can handle them. Every call may be repeated. */
export interface ServiceHost {
  held(signal?: AbortSignal): Promise<HeldService[]>;
  /** Starts it in the place of what is there of it. */
  start(name: string, signal?: AbortSignal): Promise<void>;
  stop(name: string, signal?: AbortSignal): Promise<void>;
  remove(name: string, signal?: AbortSignal): Promise<void>;
  exec(name: string, command: string[], signal?: AbortSignal): Promise<ExecResult>;
  /** The last lines that it wrote, at most that many. */
  tail(name: string, lines: number, signal?: AbortSignal): Promise<string[]>;
}

/** Lines and characters of an init service that has failed. */
const TAIL_LINES = 5;
const TAIL_LENGTH = 500;

/** Longest for an init service, in milliseconds: a day. The caller's signal ends it before. */
const INIT_LIMIT = 86_400_000;

/** Longest until it is known how a process has ended, in milliseconds. */
const CODE_LIMIT = 10_000;

const DEFAULT_CHECK = { interval: 1_000, timeout: 5_000, attempts: 60 };

/**
 * Makes all services run. A service that runs from the wanted spec is left alone, so the next call completes a start that was cut
 * off. Init services run unless such a service runs already: it was started after they had ended well.
 * @param anew starts again what runs, too
 * @throws InitServiceFailedError, ServiceNotHealthyError
 */
export async function startServices(
  id: InstanceId,
  spec: InstanceSpec,
  host: ServiceHost,
  { anew = false, signal }: { anew?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const order = startOrder(spec);
  const held = new Map((await host.held(signal)).map((service) => [service.name, service]));
  const wanted = new Set(serviceNames(spec));
  for (const name of held.keys())
    if (!wanted.has(name)) {
      await host.stop(name, signal);
      await host.remove(name, signal);
    }
  const runs = ({ name }: PlannedService) => {
    const service = held.get(name);
    return !anew && service?.state === 'running' && service.isCurrent;
  };
  const lasting = order.filter(({ kind }) => kind !== 'init');
  if (!lasting.some(runs))
    for (const { name, kind } of order) if (kind === 'init') await runInit(id, name, spec, host, signal);
  const healthy = new Set<string>();
  for (const service of lasting) {
    if (runs(service)) continue;
    for (const { service: needed, until } of service.waitsFor) {
      if (until !== 'healthy' || healthy.has(needed)) continue;
      await untilHealthy(id, needed, spec, host, signal);
      healthy.add(needed);
    }
    await host.start(service.name, signal);
  }
}

/** In the reverse order of their start; first those that are not in the spec. */
export async function stopServices(
  spec: InstanceSpec,
  host: ServiceHost,
  signal?: AbortSignal,
): Promise<void> {
  const held = (await host.held(signal)).map(({ name }) => name);
  const order = startOrder(spec).map(({ name }) => name);
  const others = held.filter((name) => !order.includes(name));
  for (const name of [...others, ...order.toReversed()])
    if (held.includes(name)) await host.stop(name, signal);
}

async function runInit(
  id: InstanceId,
  name: string,
  spec: InstanceSpec,
  host: ServiceHost,
  signal: AbortSignal | undefined,
): Promise<void> {
  await host.start(name, signal);
  let ended: HeldService | undefined;
  const look = async () => (ended = await heldOne(name, host, signal));
  await pollUntil(async () => (await look())?.state !== 'running', INIT_LIMIT, signal);
  // A process has ended a moment before its parent is told how.
  if (ended?.state === 'exited' && ended.exitCode === undefined)
    await pollUntil(async () => (await look())?.exitCode !== undefined, CODE_LIMIT, signal);
  if (ended?.state === 'exited' && ended.exitCode === 0) return;
  const words = await lastWords(name, spec, host, signal);
  throw new InitServiceFailedError(id, name, ended?.exitCode, words);
}

/** Ends with the service: what has ended is not going to be healthy. */
async function untilHealthy(
  id: InstanceId,
  name: string,
  spec: InstanceSpec,
  host: ServiceHost,
  signal: AbortSignal | undefined,
): Promise<void> {
  const check = checkOf(spec, name);
  let said = '';
  for (let attempt = 1; attempt <= check.attempts; attempt++) {
    if (attempt > 1) await pause(check.interval, signal);
    const limit = timeoutSignal(check.timeout);
    try {
      const own = signal ? AbortSignal.any([signal, limit]) : limit;
      const { exitCode, stdout, stderr } = await host.exec(name, check.command, own);
      if (exitCode === 0) return;
      said = `its health check ends with ${exitCode}: ${stderr.trim() || stdout.trim()}`;
    } catch (error) {
      signal?.throwIfAborted();
      said = limit.aborted
        ? `its health check takes longer than ${check.timeout} ms`
        : (error as Error).message;
    }
    const now = await heldOne(name, host, signal);
    if (now?.state !== 'running') {
      const code = now?.exitCode === undefined ? '' : ` with code ${now.exitCode}`;
      throw new ServiceNotHealthyError(id, name, `it has ended${code}`);
    }
  }
  throw new ServiceNotHealthyError(id, name, shortened(withoutSecrets(said, spec)));
}

async function heldOne(
  name: string,
  host: ServiceHost,
  signal: AbortSignal | undefined,
): Promise<HeldService | undefined> {
  return (await host.held(signal)).find((service) => service.name === name);
}

function checkOf(spec: InstanceSpec, name: string): Required<ServiceHealthCheck> {
  const { healthCheck } = (name === MAIN ? spec : spec.services?.find((one) => one.name === name)) ?? {};
  const given = Object.entries(healthCheck ?? {}).filter(([, value]) => value !== undefined);
  return { ...DEFAULT_CHECK, command: [], ...Object.fromEntries(given) } as Required<ServiceHealthCheck>;
}

async function lastWords(
  name: string,
  spec: InstanceSpec,
  host: ServiceHost,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    const lines = await host.tail(name, TAIL_LINES, signal);
    return shortened(withoutSecrets(lines.join(' / '), spec));
  } catch {
    signal?.throwIfAborted();
    return '';
  }
}

function shortened(text: string): string {
  return text.slice(-TAIL_LENGTH);
}
