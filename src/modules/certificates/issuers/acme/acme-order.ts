import type acme from 'acme-client';
import { isIpAddress } from '../../names.js';
import { type Issuance, type IssuanceRequest } from '../certificate-issuer.js';
import { IssuerError } from '../issuer.errors.js';
import { AcmeChallenges, type Solvers } from './acme-challenges.js';
import { AcmeProblem, describe, type ProblemDocument } from './acme-problem.js';
import { type AcmeTransport } from './acme-transport.js';
import { type AcmeIssuerSettings } from './acme.options.js';
import { sleep } from '../../../../core/timing/timer.js';

/** Milliseconds between two looks at an order, where the CA does not say. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
/** No CA that means well asks for more while an order is active. */
const LONGEST_RETRY_AFTER = 60_000;

/** Problems with `replaces`, and with nothing else that can be mended by leaving it out. */
const NOT_REPLACEABLE = new Set(['alreadyReplaced', 'conflict', 'malformed', 'unauthorized']);

/** One order from the first request to the certificate. */
export class AcmeOrder {
  constructor(
    private readonly settings: AcmeIssuerSettings,
    private readonly solvers: Solvers,
    private readonly transport: AcmeTransport,
    private readonly client: acme.Client,
  ) {}

  /** @throws AcmeProblem, AcmeUnreachableError, IssuerError; the signal's reason when that aborts */
  async run({ names, csr, replaces, signal }: IssuanceRequest): Promise<Issuance> {
    const { order, replaced } = await this.place(names, replaces);
    const challenges = new AcmeChallenges(this.settings, this.solvers, this.client, signal);
    try {
      const authorizations = order.status === 'pending' ? await this.client.getAuthorizations(order) : [];
      for (const authorization of authorizations) await challenges.solve(authorization);
      const ready = await this.until(order, ['ready', 'processing', 'valid'], signal);
      const finalized = ready.status === 'ready' ? await this.client.finalizeOrder(ready, pem(csr)) : ready;
      const valid = await this.until(finalized, ['valid'], signal);
      return { chain: await this.client.getCertificate(valid, this.settings.preferredChain), replaced };
    } finally {
      await challenges.cleanUp();
    }
  }

  /**
   * An order that is refused for what it replaces is sent again without, or the certificate could never be renewed:
   * it may have been replaced already by an order that a crash cut off, or come from a CA before.
   */
  private async place(names: readonly string[], replaces?: string) {
    const order = {
      identifiers: names.map((value) => ({ type: isIpAddress(value) ? 'ip' : 'dns', value })),
      ...(this.settings.profile !== undefined && { profile: this.settings.profile }),
    };
    if (replaces === undefined) return { order: await this.client.createOrder(order), replaced: false };
    try {
      const replacing = { ...order, replaces };
      return { order: await this.client.createOrder(replacing), replaced: true };
    } catch (error) {
      const { kind, status } = error instanceof AcmeProblem ? error : {};
      if (!(status === 409 || status === 404 || (kind !== undefined && NOT_REPLACEABLE.has(kind))))
        throw error;
      return { order: await this.client.createOrder(order), replaced: false };
    }
  }

  private async until(
    order: acme.Order,
    wanted: readonly acme.Order['status'][],
    signal: AbortSignal,
  ): Promise<acme.Order> {
    let current = order;
    for (
      let pause = FIRST_PAUSE;
      !wanted.includes(current.status);
      pause = Math.min(pause * 2, LONGEST_PAUSE)
    ) {
      if (current.status === 'invalid') throw await this.failureOf(current);
      const asked = this.transport.waitFor(order.url) ?? pause;
      await sleep(Math.min(asked, LONGEST_RETRY_AFTER), signal);
      current = await this.client.getOrder(order);
    }
    return current;
  }

  /** Why the CA gave the order up: said by the order, or by the names whose proof failed. */
  private async failureOf(order: acme.Order): Promise<IssuerError> {
    const authorizations = await this.client.getAuthorizations(order);
    const failed = authorizations.filter(({ status }) => status === 'invalid');
    const reasons = failed.map(({ identifier, challenges }) => {
      const error = challenges.find((challenge) => challenge.error)?.error as ProblemDocument | undefined;
      return `${identifier.value}: ${error ? describe(error) : 'the proof failed'}`;
    });
    const own = order.error ? describe(order.error as ProblemDocument) : '';
    const message = reasons.join('; ') || own || 'the CA gave the order up';
    return new IssuerError(this.settings.name, failed.length ? 'validation' : 'rejected', message, {
      failedNames: failed.map(({ identifier }) => identifier.value),
    });
  }
}

function pem(csr: Uint8Array): string {
  const lines = Buffer.from(csr)
    .toString('base64')
    .replace(/(.{64})/g, '$1\n');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.trim()}\n-----END CERTIFICATE REQUEST-----\n`;
}
