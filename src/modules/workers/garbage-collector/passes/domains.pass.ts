import { Injectable } from '@nestjs/common';
import { Transactions } from '../../../database/transaction.js';
import { EventBus } from '../../../events/event-bus.js';
import { type CertificateId, type DomainId, type TenantId } from '../../../ids/typed-id.js';
import { DOMAINS } from './garbage.statements.js';
import { RowPass } from './row-pass.js';
import { type Garbage } from './sweep-pass.js';

/** Domains that were left when their tenant was deleted, with their routes and certificates. */
@Injectable()
export class DomainsPass extends RowPass {
  readonly name = 'domains';
  readonly description = 'Domains of tenants that were deleted, with their routes and certificates.';
  protected readonly statements = DOMAINS;

  constructor(
    transactions: Transactions,
    private readonly events: EventBus,
  ) {
    super(transactions);
  }

  protected override async remove({ key }: Garbage): Promise<boolean> {
    return this.transactions.run(async () => {
      const [domain] = await this.transactions.query<{ id: DomainId; tenantId: TenantId; hostname: string }>(
        DOMAINS.lock,
        [key],
      );
      if (!domain) return false;
      const { id, tenantId, hostname } = domain;
      await this.transactions.query(DOMAINS.deleteRoutes, [id]);
      const certificates = await this.transactions.changed<{ id: CertificateId; names: string[] }>(
        DOMAINS.deleteCertificates,
        [id],
      );
      for (const { id: certificateId, names } of certificates)
        await this.events.publish({
          type: 'cert.removed',
          tenantId,
          payload: { certificateId, domainId: id, names },
        });
      await this.transactions.query(DOMAINS.delete, [id]);
      await this.events.publish({ type: 'domain.removed', tenantId, payload: { domainId: id, hostname } });
      return true;
    });
  }
}
