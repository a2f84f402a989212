import { Module } from '@nestjs/common';
import { CertificateStoreModule } from '../certificates/certificate-store.module.js';
import { CertificateMetricsController } from './certificate-metrics.controller.js';
import { CertificatesController } from './certificates.controller.js';

/** Shows the certificates under `/certificates`, and their metrics under `/certificates/metrics`. Needs the `NetworkModule`. Who may see them: `HttpAccessModule`. */
@Module({
  imports: [CertificateStoreModule],
  controllers: [CertificatesController, CertificateMetricsController],
})
export class NetworkHttpModule {}
