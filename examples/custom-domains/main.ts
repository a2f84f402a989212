/*
 * A SaaS that serves its customers' own domains over HTTPS: a domain is added at run time, proven by a DNS record,
 * issued and renewed, without a restart.
 *
 *     npm run examples:build
 *     export DATABASE_URL=postgres://… ENCRYPTION_KEYS=first:$(openssl rand -base64 32)
 *     node dist/examples/custom-domains/main.js
 *     curl -H 'content-type: application/json' -d '{"hostname":"shop.example.com"}' localhost:8080/domains
 *
 * Certificates come from a CA of its own, whose root it prints; from ACME_DIRECTORY if that is set, such as
 * https://acme-v02.api.letsencrypt.org/directory, which agrees to its terms of service. DNS_SERVERS names resolvers.
 */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { createServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { DataSource } from 'typeorm';
import { type Duration, WorkerModule } from 'ctrlplane-workers';
import {
  acme,
  CertificateServer,
  CertRenewerModule,
  DatabaseModule,
  Issuers,
  localCa,
  LocalCaIssuer,
  NetworkModule,
  TenantsModule,
} from 'ctrlplane-workers/control-plane';
import { postgres } from 'ctrlplane-workers/postgres';
import { Customers } from './customers.js';
import { DomainsController } from './domains.controller.js';

const {
  DATABASE_URL = '',
  ENCRYPTION_KEYS = '',
  ACME_DIRECTORY,
  DNS_SERVERS,
  CHECK_EVERY = '1m',
} = process.env;
const { HTTP_PORT = '8080', HTTPS_PORT = '8443' } = process.env;

const issuer = ACME_DIRECTORY
  ? acme({ directoryUrl: ACME_DIRECTORY, termsOfServiceAgreed: true })
  : localCa({ commonName: 'custom-domains example' });

@Module({
  imports: [
    DatabaseModule.forRoot({ url: DATABASE_URL }),
    WorkerModule.forRootAsync({
      inject: [DataSource],
      useFactory: (dataSource: DataSource) => ({ coordination: postgres({ dataSource }) }),
    }),
    TenantsModule,
    NetworkModule.forRoot({ dnsServers: DNS_SERVERS?.split(',') }),
    CertRenewerModule.forRoot({
      encryptionKeys: ENCRYPTION_KEYS,
      issuers: [issuer],
      interval: CHECK_EVERY as Duration,
    }),
  ],
  providers: [Customers],
  controllers: [DomainsController],
})
class AppModule {}

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks([], { useProcessExit: true });
await app.listen(HTTP_PORT, '127.0.0.1');

const https = createServer(
  { SNICallback: app.get(CertificateServer).sniCallback() },
  app.getHttpAdapter().getInstance(),
);
https.listen(Number(HTTPS_PORT), '127.0.0.1', () => {
  const { port } = https.address() as AddressInfo;
  console.log(`Customers add domains at ${HTTP_PORT}; they are served over HTTPS at ${port}`);
});

const local = app.get(Issuers).named('local');
if (local instanceof LocalCaIssuer) console.log(await local.rootCertificate());
