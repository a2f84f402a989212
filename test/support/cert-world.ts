import { type LoggerService } from '@nestjs/common';
import { Clock, type Timer } from '../../src/core/timing/clock.js';
import { type RunContext } from '../../src/core/worker/run-context.js';
import { InMemoryCertificateStore } from '../../src/modules/certificates/in-memory-certificate.store.js';
import { type CertificateIssuer } from '../../src/modules/certificates/issuers/certificate-issuer.js';
import { Issuers } from '../../src/modules/certificates/issuers/issuers.js';
import { KeyRing } from '../../src/modules/certificates/keys/key-ring.js';
import { InMemoryIssuanceLimiter } from '../../src/modules/certificates/limits/in-memory-issuance-limiter.js';
import { type Transactions } from '../../src/modules/database/transaction.js';
import { EventBus } from '../../src/modules/events/event-bus.js';
import { type NewEvent, type StoredEvent } from '../../src/modules/events/event.js';
import { type CertificateId, newId } from '../../src/modules/ids/typed-id.js';
import { DomainPreflight, type PreflightFault } from '../../src/modules/network/domain-preflight.js';
import { InMemoryDomainStore } from '../../src/modules/network/in-memory-domain.store.js';
import {
  type CertRenewerOptions,
  certRenewerSettings,
} from '../../src/modules/workers/cert-renewer/cert-renewer.options.js';
import { CertRenewer } from '../../src/modules/workers/cert-renewer/cert-renewer.worker.js';

const MINUTE = 60_000;

/** Time that is where it was put. */
export class SetClock extends Clock {
  private readonly timers = new Set<{ at: number; callback: () => void }>();

  constructor(private at = Date.UTC(2026, 0, 1)) {
    super();
  }

  now(): number {
    return this.at;
  }

  monotonic(): number {
    return this.at;
  }

  setTimer(callback: () => void, delay: number): Timer {
    const timer = { at: this.at + delay, callback };
    this.timers.add(timer);
    return { cancel: () => this.timers.delete(timer) };
  }

  /** Moves time on, and fires what falls due. */
  set(to: number): void {
    this.at = Math.max(this.at, to);
    for (const timer of [...this.timers].sort((a, b) => a.at - b.at))
      if (timer.at <= this.at && this.timers.delete(timer)) timer.callback();
  }
}

/** Events of one process, in a list. */
export class EventList extends EventBus {
  readonly events: (NewEvent & { at: number })[] = [];

  constructor(private readonly clock: Clock) {
    super();
  }

  async publish(event: NewEvent): Promise<StoredEvent> {
    this.events.push({ ...event, at: this.clock.now() });
    return { ...event, id: newId('event'), createdAt: new Date(this.clock.now()) };
  }

  subscribe(): () => void {
    return () => undefined;
  }

  recent(): never {
    throw new Error('not kept in pages');
  }

  of(id: CertificateId): { type: string; at: number }[] {
    return this.events.filter(({ payload }) => payload.certificateId === id);
  }
}

class Preflight extends DomainPreflight {
  fault: (name: string) => string | undefined = () => undefined;
  /** What CAA records allow by themselves; undefined: every CA. */
  allowed: string | undefined;

  async check(
    names: readonly string[],
    caaIdentities: readonly string[],
  ): Promise<PreflightFault | undefined> {
    for (const name of names) {
      const reason = this.fault(name);
      if (reason !== undefined) return { name, reason };
      if (this.allowed !== undefined && !caaIdentities.includes(this.allowed))
        return { name, reason: `CAA records allow ${this.allowed}`, forbidden: true };
    }
    return undefined;
  }
}

const silent: LoggerService = { log: () => undefined, warn: () => undefined, error: () => undefined };

export type CertWorld = ReturnType<typeof certWorld>;

/** A renewer with all that it needs, in memory and on a clock that is set. It ticks every minute in which something is due. */
export function certWorld(
  issuers: readonly CertificateIssuer[],
  clock: SetClock,
  options: Partial<CertRenewerOptions> = {},
) {
  const store = new InMemoryCertificateStore(clock);
  const domains = new InMemoryDomainStore(clock);
  const preflight = new Preflight();
  const events = new EventList(clock);
  const encryptionKeys = KeyRing.generate('world');
  const keyRing = KeyRing.parse(encryptionKeys);
  const transactions = { run: <T>(fn: () => Promise<T>) => fn() } as Transactions;
  const limiter = new InMemoryIssuanceLimiter(clock);
  const renewerOf = (configured: readonly CertificateIssuer[]): CertRenewer =>
    new CertRenewer(
      certRenewerSettings({ encryptionKeys: '', ...options }),
      store,
      domains,
      preflight,
      new Issuers(configured),
      limiter,
      keyRing,
      events,
      transactions,
      clock,
    );
  const stop = new AbortController();
  const context = {
    signal: stop.signal,
    logger: silent,
    progress: () => undefined,
  } as unknown as RunContext;
  const tenantId = newId('tenant');

  /** Lets time go on to that instant, with a tick at each minute in which something is due. */
  const runOf = (renewer: CertRenewer) => async (end: number) => {
    for (;;) {
      const due = Math.ceil(store.nextDue() / MINUTE) * MINUTE;
      if (due > end) break;
      clock.set(due);
      await renewer.run(context);
    }
    clock.set(end);
  };
  const renewer = renewerOf(issuers);

  return {
    store,
    domains,
    preflight,
    events,
    encryptionKeys,
    keyRing,
    tenantId,
    tick: () => renewer.run(context),
    async add(hostname: string): Promise<CertificateId> {
      const domainId = newId('domain');
      await domains.insert(tenantId, { id: domainId, hostname, token: 'x' });
      const id = newId('certificate');
      await store.insert(tenantId, { id, domainId, names: [hostname], keyType: 'ec-p256' });
      return id;
    },
    runUntil: runOf(renewer),
    /** The same after a restart with other CAs. */
    withIssuers: (configured: readonly CertificateIssuer[]) => ({ runUntil: runOf(renewerOf(configured)) }),
  };
}
