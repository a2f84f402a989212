import {
  type Certificate,
  type CertificateStage,
  type RenewalState,
} from '../../certificates/certificate.js';
import {
  type CertificateClaim,
  type CertificateStore,
  type Settled,
} from '../../certificates/certificate.store.js';
import { type CertificateIssuer } from '../../certificates/issuers/certificate-issuer.js';
import { type Issuers } from '../../certificates/issuers/issuers.js';
import { type Transactions } from '../../database/transaction.js';
import { type Clock } from '../../../core/timing/clock.js';
import { type EventBus } from '../../events/event-bus.js';
import { omit } from '../../input/omit.js';
import { type DomainPreflight, type PreflightFault } from '../../network/domain-preflight.js';
import { type DomainStore } from '../../network/domain.store.js';
import { type Attempt, type OrderDesk } from './order-desk.js';
import { permittedIssuer } from './permitted-issuer.js';
import { reached, stageEvent } from './stage-events.js';
import { severalTries } from './several-tries.js';
import { criticalFrom, longestAsked, renewalOf, waitAfter, withRenewalInfo } from './renewal-plan.js';
import { timeoutSignal } from '../../../core/timing/timer.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A CA that gave no renewal information is asked again after so long. */
const ARI_RETRY = HOUR;
/** However soon it wants to be asked. */
const ARI_SOONEST = 15 * MINUTE;
/** How long the question takes at the most. */
const ARI_TIMEOUT = 15_000;
/** A domain that does not lead here is looked at again after so long, and a lost one each day. */
const PREFLIGHT_RETRY = HOUR;
const LOST_RETRY = DAY;

/**
 * What has been issued has cost an order: it is not let go when the database does not answer at once. In all less than
 * what its claim outlasts the longest order by.
 */
const PAUSES = [1_000, 2_000, 4_000, 8_000, 16_000];

export interface RenewalParts {
  clock: Clock;
  certificates: CertificateStore;
  domains: DomainStore;
  preflight: DomainPreflight;
  issuers: Issuers;
  desk: OrderDesk;
  events: EventBus;
  transactions: Pick<Transactions, 'run'>;
  settings: { failoverAfter: number; orderTimeout: number; lostAfter: number };
  /** From 0 up to 1. */
  random: () => number;
}

/** What became of a certificate that was looked at. */
export type RenewalOutcome = 'not_due' | 'postponed' | 'renewed' | 'failed' | 'lost' | 'taken';

/**
 * One look at one certificate that is due: decides whether to renew it, and does so.
 *
 * Every change is conditional on the claim that it was decided on (`CertificateStore.settle`): a replica that lost the
 * claim meanwhile changes nothing, and orders nothing. The order itself is placed under a claim of its own that lasts
 * longer than an order may take. A crash at any step leaves the claim, which ends by itself: what was ordered until
 * then is lost, and ordered once more.
 */
export class Renewal {
  constructor(
    private readonly parts: RenewalParts,
    /** The store's time when the claim was made. */
    private readonly now: Date,
    private readonly signal: AbortSignal,
  ) {}

  async run(claim: CertificateClaim): Promise<RenewalOutcome> {
    const { issuers } = this.parts;
    const polled = await this.polled(claim.certificate);
    const { issued } = claim.certificate;
    if (issued) {
      const renewAt = renewalOf(issued, polled);
      const planned = { ...polled, renewAt };
      if (renewAt > this.now) return this.wait(claim, planned);
      return this.renew(claim, planned, issuers.inTurn(polled));
    }
    return this.renew(claim, polled, issuers.inTurn(polled));
  }

  /** Until its renewal, or until the CA is asked again. */
  private async wait(claim: CertificateClaim, state: RenewalState): Promise<RenewalOutcome> {
    const next = Math.min(state.renewAt!.getTime(), state.ariPollAt?.getTime() ?? Infinity);
    const renewal = { ...state, stage: 'valid' as const };
    return this.settled(claim, { renewal, dueIn: this.until(next) }, 'not_due');
  }

  private async renew(
    claim: CertificateClaim,
    planned: RenewalState,
    inTurn: CertificateIssuer,
  ): Promise<RenewalOutcome> {
    const { certificate } = claim;
    const { desk } = this.parts;
    const { issuer, fault } = await permittedIssuer(certificate, inTurn, this.parts, this.signal);
    if (fault) return this.unreachable(claim, planned, fault);
    await this.reachable(certificate);
    const availableIn = await desk.admit(certificate, issuer);
    if (availableIn !== undefined) {
      const due = this.due(certificate, planned);
      return this.settled(claim, { renewal: due, dueIn: availableIn }, 'postponed');
    }
    // Longer than the order may take, so that no other replica begins one meanwhile.
    const dueIn = this.parts.settings.orderTimeout + MINUTE;
    const renewal = this.staged(certificate, planned, 'renewing');
    const held = await this.settle(claim, { renewal, dueIn, ordering: true });
    if (!held) return 'taken';
    let attempt: Attempt;
    try {
      attempt = await desk.order(certificate, issuer, this.now, this.signal);
    } catch (error) {
      // Shut down in the middle: another replica may go on at once.
      await this.settle(held, { renewal: planned, dueIn: 0 });
      throw error;
    }
    return attempt.outcome === 'issued'
      ? severalTries(() => this.activate(held, attempt), {
          ...this.parts,
          pauses: PAUSES,
          signal: this.signal,
        })
      : this.failed(held, held.certificate.renewal, issuer, attempt);
  }

  private async activate(
    held: CertificateClaim,
    { version }: Extract<Attempt, { outcome: 'issued' }>,
  ): Promise<RenewalOutcome> {
    const { certificates, domains, events, transactions } = this.parts;
    const { id, tenantId, domainId, names, issued } = held.certificate;
    const renewAt = renewalOf(version, { stage: 'valid', failures: 0, issuerTurn: 0, told: [] });
    // The CA is asked for its window right away: it may want a renewal before the default.
    const renewal: RenewalState = { stage: 'valid', renewAt, failures: 0, issuerTurn: 0, told: [] };
    const ended = await transactions.run(async () => {
      const activated = await certificates.activate(held, version, { renewal, dueIn: MINUTE });
      if (!activated) return undefined;
      await domains.setCertExpiry(tenantId, domainId, version.notAfter);
      const { issuer, serialNumber, notAfter } = version;
      const payload = {
        certificateId: id,
        domainId,
        names,
        issuer,
        serialNumber,
        notAfter: notAfter.toISOString(),
        version: activated.issued!.version,
      };
      await events.publish({ type: issued ? 'cert.renewed' : 'cert.issued', tenantId, payload });
      return activated;
    });
    return ended ? 'renewed' : 'taken';
  }

  private async failed(
    held: CertificateClaim,
    state: RenewalState,
    { name }: CertificateIssuer,
    { reason, retryAt }: Extract<Attempt, { outcome: 'failed' }>,
  ): Promise<RenewalOutcome> {
    const { settings, random } = this.parts;
    const { certificate } = held;
    const failures = state.failures + 1;
    const remaining = certificate.issued && certificate.issued.notAfter.getTime() - this.now.getTime();
    const failed: RenewalState = {
      ...state,
      failures,
      failingSince: state.failingSince ?? this.now,
      lastError: `${name}: ${reason}`,
      lastFailedAt: this.now,
      // Each in turn once one has had its chances: the first may be back before the second is of use.
      issuerTurn: failures >= settings.failoverAfter ? state.issuerTurn + 1 : state.issuerTurn,
    };
    const asked = retryAt ? Math.min(this.until(retryAt.getTime()), longestAsked(remaining)) : 0;
    const others = this.parts.issuers.all.length > 1 && failed.issuerTurn !== state.issuerTurn;
    // What one CA asks for does not bind the next.
    const dueIn = Math.max(waitAfter(failures, remaining, random()), others ? 0 : asked);
    const renewal = this.staged(certificate, failed, 'backoff');
    return this.settled(held, { renewal, dueIn }, 'failed');
  }

  /** What the CA says of when to renew, if it is time to ask. Not being told is no failure. */
  private async polled({ issued, renewal }: Certificate): Promise<RenewalState> {
    if (!issued?.ariId) return renewal;
    const issuer = this.parts.issuers.named(issued.issuer);
    // A CA that is no longer configured cannot be asked: its last answer stays.
    if (!issuer) return omit(renewal, 'ariPollAt');
    if (renewal.ariPollAt && renewal.ariPollAt > this.now) return renewal;
    try {
      const signal = AbortSignal.any([this.signal, timeoutSignal(ARI_TIMEOUT)]);
      const info = await issuer.renewalInfo(issued.ariId, signal);
      // When to ask again comes by this replica's clock, which may be wrong.
      const pollAt = info && new Date(Math.max(info.pollAt.getTime(), this.now.getTime() + ARI_SOONEST));
      return withRenewalInfo(renewal, info && { ...info, pollAt: pollAt! }, this.parts.random());
    } catch {
      this.signal.throwIfAborted();
      return { ...renewal, ariPollAt: new Date(this.now.getTime() + ARI_RETRY) };
    }
  }

  /** Nothing is ordered for a domain that does not lead here: after a while it is lost, which is told once. */
  private async unreachable(
    claim: CertificateClaim,
    planned: RenewalState,
    { reason }: PreflightFault,
  ): Promise<RenewalOutcome> {
    const { domains, events, transactions, settings } = this.parts;
    const { tenantId, domainId } = claim.certificate;
    const state: RenewalState = { ...planned, lastError: reason, lastFailedAt: this.now };
    const domain = await domains.noteUnreachable(tenantId, domainId);
    const since = domain?.unreachableSince ?? this.now;
    if (this.now.getTime() - since.getTime() < settings.lostAfter) {
      const due = this.due(claim.certificate, state);
      return this.settled(claim, { renewal: due, dueIn: PREFLIGHT_RETRY }, 'postponed');
    }
    return transactions.run(async () => {
      const renewal = { ...state, stage: 'lost' as const };
      if (!(await this.parts.certificates.settle(claim, { renewal, dueIn: LOST_RETRY }))) return 'taken';
      if (domain && (await domains.markLost(tenantId, domainId))) {
        const payload = { domainId, hostname: domain.hostname, reason, since: since.toISOString() };
        await events.publish({ type: 'domain.lost', tenantId, payload });
      }
      return 'lost';
    });
  }

  private async reachable({ tenantId, domainId }: Certificate): Promise<void> {
    const { domains, events, transactions } = this.parts;
    await transactions.run(async () => {
      if (!(await domains.markReachable(tenantId, domainId))) return;
      const hostname = (await domains.find(tenantId, domainId))?.hostname;
      await events.publish({ type: 'domain.found', tenantId, payload: { domainId, hostname } });
    });
  }

  /** Its renewal is due, and has not begun. */
  private due(certificate: Certificate, state: RenewalState): RenewalState {
    return this.staged(certificate, state, certificate.issued ? 'expiring' : 'pending');
  }

  /** The stage, unless so little of the lifetime is left that nothing else counts. */
  private staged({ issued }: Certificate, state: RenewalState, stage: CertificateStage): RenewalState {
    return { ...state, stage: issued && criticalFrom(issued) <= this.now ? 'critical' : stage };
  }

  private until(instant: number): number {
    return instant === Infinity ? Infinity : Math.max(0, instant - this.now.getTime());
  }

  private async settled(
    claim: CertificateClaim,
    settled: Settled,
    outcome: RenewalOutcome,
  ): Promise<RenewalOutcome> {
    return (await this.settle(claim, settled)) ? outcome : 'taken';
  }

  /** Settles, and tells of the stages that are reached for the first time since the last success. */
  private async settle(claim: CertificateClaim, settled: Settled): Promise<CertificateClaim | undefined> {
    const { certificates, events, transactions } = this.parts;
    const { certificate } = claim;
    const { told } = settled.renewal;
    const news = reached(settled.renewal.stage, certificate).filter((stage) => !told.includes(stage));
    const renewal = news.length ? { ...settled.renewal, told: [...told, ...news] } : settled.renewal;
    if (news.length === 0) return certificates.settle(claim, settled);
    return transactions.run(async () => {
      const next = await certificates.settle(claim, { ...settled, renewal });
      if (next) for (const stage of news) await events.publish(stageEvent(stage, next.certificate));
      return next;
    });
  }
}
