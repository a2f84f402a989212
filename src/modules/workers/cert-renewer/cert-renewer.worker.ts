import { Inject, Injectable } from '@nestjs/common';
import { messageOf } from '../../../core/text/describe-error.js';
import { Clock } from '../../../core/timing/clock.js';
import { Interval } from '../../../core/worker/interval.decorator.js';
import { RunContext } from '../../../core/worker/run-context.js';
import { type Certificate } from '../../certificates/certificate.js';
import { CertificateStore } from '../../certificates/certificate.store.js';
import { Issuers } from '../../certificates/issuers/issuers.js';
import { KeyRing } from '../../certificates/keys/key-ring.js';
import { IssuanceLimiter } from '../../certificates/limits/issuance-limiter.js';
import { forEachIsolated } from '../../concurrency/for-each-isolated.js';
import { Transactions } from '../../database/transaction.js';
import { EventBus } from '../../events/event-bus.js';
import { DomainPreflight } from '../../network/domain-preflight.js';
import { DomainStore } from '../../network/domain.store.js';
import { CERT_RENEWER_SETTINGS, type CertRenewerSettings } from './cert-renewer.options.js';
import { OrderDesk } from './order-desk.js';
import { Renewal, type RenewalOutcome, type RenewalParts } from './renewal.js';

/** Certificates that a tick looks at, at a time. */
const BATCH = 200;
/** What a claim lasts before its order begins: longer than the questions to the CA and the DNS take. */
const LEASE = 5 * 60_000;

/**
 * Renews certificates before they expire: when their CA says (ARI), or else at two thirds of their lifetime. It looks
 * at what is due and at nothing else: however many certificates there are, a tick costs what it does.
 *
 * Each CA has a lane of its own, so that one that hangs does not keep the others' certificates; and each certificate
 * stands for itself.
 */
@Injectable()
export class CertRenewer {
  private readonly parts: RenewalParts;

  constructor(
    @Inject(CERT_RENEWER_SETTINGS) readonly settings: CertRenewerSettings,
    private readonly certificates: CertificateStore,
    domains: DomainStore,
    preflight: DomainPreflight,
    private readonly issuers: Issuers,
    limiter: IssuanceLimiter,
    keyRing: KeyRing,
    events: EventBus,
    transactions: Transactions,
    private readonly clock: Clock,
  ) {
    const desk = new OrderDesk(limiter, keyRing, settings, clock);
    const random = Math.random;
    this.parts = {
      clock,
      certificates,
      domains,
      preflight,
      issuers,
      desk,
      events,
      transactions,
      settings,
      random,
    };
  }

  /** One tick: everything that is due by now. */
  @Interval<CertRenewer>('cert_renewer', (renewer) => renewer.settings.interval, {
    timeout: '2h',
  })
  async run(context: RunContext): Promise<void> {
    const tally = new Map<RenewalOutcome | 'error', number>();
    const count = (outcome: RenewalOutcome | 'error'): void => {
      tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
    };
    for (;;) {
      const due = await this.certificates.dueAcrossTenants(BATCH);
      const claimed = await Promise.all(this.lanesOf(due).map((lane) => this.drive(lane, context, count)));
      const done = [...tally.values()].reduce((sum, n) => sum + n, 0);
      context.progress(done, undefined, summary(tally));
      context.signal.throwIfAborted();
      // Otherwise what cannot be claimed would be listed for ever.
      if (due.length < BATCH || !claimed.some(Boolean)) return;
    }
  }

  private lanesOf(due: readonly Certificate[]): Certificate[][] {
    const lanes = new Map<string, Certificate[]>();
    for (const certificate of due) {
      const { name } = this.issuers.inTurn(certificate.renewal);
      const lane = lanes.get(name);
      if (lane) lane.push(certificate);
      else lanes.set(name, [certificate]);
    }
    return [...lanes.values()];
  }

  /**
   * Each is claimed when its turn comes: what still waits when this process dies is due for the next one at once.
   * @returns how many could be claimed
   */
  private async drive(
    lane: readonly Certificate[],
    context: RunContext,
    count: (outcome: RenewalOutcome | 'error') => void,
  ): Promise<number> {
    const { concurrency } = this.settings;
    let claimed = 0;
    const { failures } = await forEachIsolated(
      lane,
      { concurrency, signal: context.signal, clock: this.clock, key: ({ id }) => id },
      async (certificate, signal) => {
        const claim = await this.certificates.claim(certificate, LEASE);
        if (!claim) return count('taken');
        claimed++;
        const outcome = await new Renewal(this.parts, claim.now, signal).run(claim);
        count(outcome);
        if (outcome === 'failed') context.logger.warn(`${certificate.names.join(', ')} failed`);
      },
    );
    for (const { key, error } of failures) {
      count('error');
      // The claim ends by itself, and it is due again.
      context.logger.error(`${key}: ${messageOf(error)}`);
    }
    return claimed;
  }
}

function summary(tally: ReadonlyMap<RenewalOutcome | 'error', number>): string {
  const words = [...tally].map(([outcome, number]) => `${number} ${outcome.replace('_', ' ')}`);
  return words.length ? words.join(', ') : 'nothing was due';
}
