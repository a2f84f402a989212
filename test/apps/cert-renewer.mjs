// A replica that renews what is due, once, and dies by SIGKILL where it is told to. What it is to be comes as JSON in
// REPLICA. Another process answers the CA's challenges, which are in the database.
import 'reflect-metadata';

const { url, encryptionKeys, directoryUrl, trust, roots, dnsServer, dieAt } = JSON.parse(process.env.REPLICA);

const { Module } = await import('@nestjs/common');
const { NestFactory } = await import('@nestjs/core');
const { Scheduler, WorkerModule } = await import('ctrlplane-workers');
const {
  acme,
  CertificateStore,
  CertRenewerModule,
  DatabaseModule,
  DomainStore,
  NetworkModule,
  TenantsModule,
  Transactions,
} = await import('ctrlplane-workers/control-plane');

const die = () => process.kill(process.pid, 'SIGKILL');

/** Dies before or after the call, as `before claim` or `after claim` says. */
function diesAt(target, method) {
  const original = target[method].bind(target);
  target[method] = async (...args) => {
    if (dieAt === `before ${method}`) await new Promise(die);
    const result = await original(...args);
    if (dieAt === `after ${method}`) await new Promise(die);
    return result;
  };
}

class AppModule {}
Module({
  imports: [
    DatabaseModule.forRoot({ url }),
    WorkerModule.forRoot(),
    TenantsModule,
    NetworkModule.forRoot({ dnsServers: [dnsServer] }),
    CertRenewerModule.forRoot({
      encryptionKeys,
      issuers: [acme({ name: 'ca', directoryUrl, trust, roots, termsOfServiceAgreed: true, limits: false })],
      interval: 0,
    }),
  ],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule);
const store = app.get(CertificateStore, { strict: false });
for (const method of ['claim', 'settle', 'activate']) diesAt(store, method);
// In the middle of the transaction that puts the new certificate in the place of the old, and right after it.
const transactions = app.get(Transactions, { strict: false });
const domains = app.get(DomainStore, { strict: false });
diesAt(domains, 'setCertExpiry');
const { setCertExpiry } = domains;
domains.setCertExpiry = async (...args) => {
  await setCertExpiry(...args);
  transactions.afterCommit(() => dieAt === 'after commit' && die());
};

const { ended } = await app.get(Scheduler).trigger('cert_renewer');
const { outcome, progress } = await ended;
console.log(`${outcome}: ${progress?.message}`);
await app.close();
