import { Body, Controller, Get, Param, Post, UseFilters } from '@nestjs/common';
import { ProblemDetailsFilter } from 'ctrlplane-workers/http';
import { certificateView, NetworkService, parseId, withClaims } from 'ctrlplane-workers/control-plane';
import { Customers } from './customers.js';

/** What a SaaS offers its customers. Whose domains these are, its own sign-in says; here there is one customer. */
@Controller('domains')
// Errors say what to do: a domain that is not verified yet is answered with 409 and the record that it needs.
@UseFilters(ProblemDetailsFilter)
export class DomainsController {
  constructor(
    private readonly network: NetworkService,
    private readonly customers: Customers,
  ) {}

  /** Answers with the record that the customer has to add to the DNS. */
  @Post()
  async add(@Body() { hostname }: { hostname: string }) {
    return this.asCustomer(async (tenantId) => {
      const domain = await this.network.addDomain(tenantId, { hostname });
      return { id: domain.id, proof: await this.network.proofOf(tenantId, domain.id) };
    });
  }

  /** Once the record is there: from here on the domain has a certificate, and keeps it. */
  @Post(':id/verify')
  async verify(@Param('id') id: string) {
    return this.asCustomer(async (tenantId) => {
      const domain = await this.network.verifyDomain(tenantId, parseId('domain', id));
      const certificate = await this.network.provisionCert(tenantId, domain.id);
      return { hostname: domain.hostname, certificate: certificate.id };
    });
  }

  @Get('certificates')
  async certificates() {
    return this.asCustomer(async (tenantId) => {
      const { items } = await this.network.listCerts(tenantId);
      return items.map((certificate) => certificateView(certificate, Date.now()));
    });
  }

  private async asCustomer<T>(fn: (tenantId: Customers['tenantId']) => Promise<T>): Promise<T> {
    const { tenantId } = this.customers;
    return withClaims({ subject: 'user:customer', tenantId, roles: [] }, () => fn(tenantId));
  }
}
