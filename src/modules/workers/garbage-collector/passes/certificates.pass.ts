import { Injectable } from '@nestjs/common';
import { Transactions } from '../../../database/transaction.js';
import { EventBus } from '../../../events/event-bus.js';
import { type CertificateId, type DomainId, type TenantId } from '../../../ids/typed-id.js';
import { CERTIFICATES } from './garbage.statements.js';
import { RowPass } from './row-pass.js';
import { type Garbage } from './sweep-pass.js';

interface RemovedCertificate {
  id: CertificateId;
  tenantId: TenantId;
  domainId: DomainId;
  names: string[];
}

/**
 * Certificates whose domain is gone, with their keys. One that may be served for a verified host stays until another one is
 * served there; one that is being ordered stays until the order has ended. The event lets `fileSink` remove its files as well.
 */
@Injectable()
export class CertificatesPass extends RowPass {
  readonly name = 'certificates';
  readonly description = 'Certificates whose domain is gone, with their keys; none that is served.';
  protected readonly statements = CERTIFICATES;

  constructor(
    transactions: Transactions,
    private readonly events: EventBus,
  ) {
    super(transactions);
  }

  protected override async remove({ key }: Garbage): Promise<boolean> {
    return this.transactions.run(async () => {
      const [removed] = await this.transactions.changed<RemovedCertificate>(CERTIFICATES.delete, [key]);
      if (!removed) return false;
      const { id: certificateId, tenantId, domainId, names } = removed;
      await this.events.publish({
        type: 'cert.removed',
        tenantId,
        payload: { certificateId, domainId, names },
      });
      return true;
    });
  }
}
