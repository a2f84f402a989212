import { type INestApplication } from '@nestjs/common';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { type AddressInfo } from 'node:net';
import { Scheduler } from '../../core/scheduler/scheduler.js';
import { systemClaims, withClaims } from '../../modules/auth/claims.js';
import { Issuers } from '../../modules/certificates/issuers/issuers.js';
import { LocalCaIssuer } from '../../modules/certificates/issuers/local-ca/local-ca.issuer.js';
import { CertificateServer } from '../../modules/certificates/serving/certificate-server.js';
import { type Tenant } from '../../modules/tenants/tenant.js';
import { UnknownTenantError } from '../../modules/tenants/tenant.errors.js';
import { TenantsService } from '../../modules/tenants/tenants.service.js';
import { DomainTakenError } from '../../modules/network/network.errors.js';
import { DomainStore } from '../../modules/network/domain.store.js';
import { NetworkService } from '../../modules/network/network.service.js';
import { connectionsOf } from '../connections.js';
import { OWN_TENANT } from '../own-tenant.js';
import { portError } from '../port.js';

/** The app itself, over HTTPS, with what the renewer has renewed. */
export interface HttpsServer {
  port: number;
  close(): Promise<void>;
}

/** @throws PortInUseError */
export async function startHttps(
  app: INestApplication,
  host: string,
  port: number,
  fallback: string | undefined,
): Promise<HttpsServer> {
  const SNICallback = app.get(CertificateServer).sniCallback({ fallback });
  const server: Server = createServer({ SNICallback }, app.getHttpAdapter().getInstance());
  // A client that breaks a handshake off is no fault of ours.
  server.on('tlsClientError', () => undefined);
  const connections = connectionsOf(server);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw portError(error, host, port, 'HTTPS_PORT');
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      connections.closeIn(0);
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** Sees to it that each of the app's own names has a certificate, and looks at what is due at once. */
export async function provisionOwnNames(app: INestApplication, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await withClaims(systemClaims('app'), async () => {
    const network = app.get(NetworkService);
    const tenant = await ownTenant(app.get(TenantsService, { strict: false }));
    for (const hostname of names) {
      const known = await app.get(DomainStore).findByHostname(tenant.id, hostname);
      const domain = known ?? (await network.addDomain(tenant.id, { hostname }));
      try {
        if (!domain.verifiedAt) await network.trustDomain(tenant.id, domain.id);
        await network.provisionCert(tenant.id, domain.id);
      } catch (error) {
        // A tenant has proven that the name is theirs: they have its certificate.
        if (!(error instanceof DomainTakenError)) throw error;
      }
    }
  });
  await app.get(Scheduler).trigger('cert_renewer');
}

/** Writes the root of the local CA, if that is an issuer, for whoever is to trust it. */
export async function writeRoot(app: INestApplication, path: string): Promise<boolean> {
  const local = app.get(Issuers).all.find((issuer) => issuer instanceof LocalCaIssuer);
  if (!local) return false;
  await writeFile(path, `${await local.rootCertificate()}\n`);
  return true;
}

async function ownTenant(tenants: TenantsService): Promise<Tenant> {
  try {
    return await tenants.getByName(OWN_TENANT);
  } catch (error) {
    if (!(error instanceof UnknownTenantError)) throw error;
    return tenants.create({ name: OWN_TENANT });
  }
}
