import { Get, Query } from '@nestjs/common';
import { DashboardTab } from '../../core/http/dashboard-tab.js';
import { limit, oneOf, QueryPipe, text } from '../../core/http/query.pipe.js';
import { toWirePage, type WirePage } from '../../core/http/wire.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { CERTIFICATE_STAGES, type CertificateStage } from '../certificates/certificate.js';
import { type CertificateView, certificateView } from '../certificates/certificate-view.js';
import { parseId, parseOptionalId } from '../ids/typed-id.js';
import { NetworkService } from './network.service.js';

interface CertificatesQuery {
  tenant_id?: string;
  domain_id?: string;
  stage?: CertificateStage;
  order?: 'created' | 'expiry';
  limit: number;
  after?: string;
}

/** Certificates, oldest first or by their expiry: days left, stage, next attempt, and the last error in the CA's own words. */
@ControlPlaneController('certificates')
@DashboardTab({
  id: 'certificates',
  title: 'Certificates',
  description: 'What was never issued first, then what expires soonest.',
  empty: 'No certificate is wanted yet.',
  path: 'certificates?order=expiry',
  filters: [{ name: 'stage', title: 'Stage', values: CERTIFICATE_STAGES }],
  columns: [
    { key: 'names', title: 'names' },
    { key: 'stage', title: 'stage', kind: 'state' },
    { key: 'days_left', title: 'left', kind: 'days' },
    { key: 'not_after', title: 'expires', kind: 'instant' },
    { key: 'issuer', title: 'issuer' },
    { key: 'next_attempt', title: 'next attempt', kind: 'instant' },
    { key: 'failures', title: 'failures', kind: 'number' },
    { key: 'last_error', title: 'last error' },
  ],
})
export class CertificatesController {
  constructor(private readonly network: NetworkService) {}

  @Get()
  async list(
    @Query(
      new QueryPipe({
        tenant_id: text(),
        domain_id: text(),
        stage: oneOf(...CERTIFICATE_STAGES),
        order: oneOf('created', 'expiry'),
        limit: limit(),
        after: text(),
      }),
    )
    { tenant_id, domain_id, ...rest }: CertificatesQuery,
  ): Promise<WirePage<CertificateView>> {
    const query = {
      ...rest,
      domainId: parseOptionalId('domain', domain_id),
    };
    const { items, next } =
      tenant_id === undefined
        ? await this.network.listCertsAcrossTenants(query)
        : await this.network.listCerts(parseId('tenant', tenant_id), query);
    return toWirePage({ items: items.map((certificate) => certificateView(certificate, Date.now())), next });
  }
}
