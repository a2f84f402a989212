/** What is configured as a DNS server is none. */
export class InvalidDnsServersError extends Error {
  override readonly name = 'InvalidDnsServersError';

  constructor(readonly servers: readonly string[]) {
    super(
      `These DNS servers cannot be used: ${servers.join(', ')}. Give IP addresses, with a port where it is not 53, such as 192.0.2.1 or 192.0.2.1:5353`,
    );
  }
}

/** The DNS did not answer: nothing is known of the name. One that does not exist is an answer. */
export class DnsUnavailableError extends Error {
  static readonly httpStatus = 503;
  override readonly name = 'DnsUnavailableError';

  constructor(
    readonly hostname: string,
    readonly code: string,
  ) {
    super(`The DNS gave no answer for ${hostname} (${code})`);
  }
}
