import { Get, StreamableFile } from '@nestjs/common';
import { Readable } from 'node:stream';
import { requireCrossTenant } from '../auth/claims.js';
import { ControlPlaneController } from '../auth/control-plane.controller.js';
import { type Certificate } from '../certificates/certificate.js';
import { CertificateStore } from '../certificates/certificate.store.js';
import { certificateView } from '../certificates/certificate-view.js';
import { everyItem } from '../database/page.js';
import { toPrometheusLine } from '../telemetry/prometheus-text.js';

const METRICS = [
  {
    name: 'certificate_days_left',
    help: 'Days until the certificate expires, negative since.',
    value: (certificate: Certificate) => certificateView(certificate, Date.now()).daysLeft,
  },
  {
    name: 'certificate_failures',
    help: 'Failed attempts to issue or renew it since the last success.',
    value: ({ renewal }: Certificate) => renewal.failures,
  },
];

/** What a Prometheus scrapes of the certificates of all tenants, in its text format. */
@ControlPlaneController('certificates')
export class CertificateMetricsController {
  constructor(private readonly certificates: CertificateStore) {}

  /** Written page by page, however many there are. */
  @Get('metrics')
  metrics(): StreamableFile {
    requireCrossTenant();
    return new StreamableFile(Readable.from(this.lines()), {
      type: 'text/plain; version=0.0.4; charset=utf-8',
    });
  }

  /** The lines of a metric belong together, so all certificates are read for each. */
  private async *lines(): AsyncGenerator<string> {
    for (const { name, help, value } of METRICS) {
      yield `# HELP ${name} ${help}\n# TYPE ${name} gauge\n`;
      const all = everyItem((after) => this.certificates.listAcrossTenants({ after, limit: 1_000 }));
      for await (const certificate of all) {
        const figure = value(certificate);
        if (figure === undefined) continue;
        const { id, tenantId, names } = certificate;
        yield `${toPrometheusLine(name, { tenant: tenantId, certificate: id, name: names[0]! }, figure)}\n`;
      }
    }
  }
}
