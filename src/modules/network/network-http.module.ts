import { Module } from '@nestjs/common';
import { CertificatesController } from './certificates.controller.js';

/** Shows the certificates under `/certificates`. Needs the `NetworkModule`. Who may see them: `HttpAccessModule`. */
@Module({ controllers: [CertificatesController] })
export class NetworkHttpModule {}
