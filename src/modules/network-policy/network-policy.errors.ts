/** A connection to an address that the egress policy keeps from being reached. */
export class EgressDeniedError extends Error {
  override readonly name = 'EgressDeniedError';

  /** @param host what was asked for @param address what it resolved to */
  constructor(
    readonly host: string,
    readonly address: string,
  ) {
    const what = host === address ? address : `${host} is ${address}, which`;
    super(
      `${what} is a loopback, private or otherwise reserved address: the egress policy does not allow it`,
    );
  }
}

/** An entry of an allow or deny list is neither an address nor a network. */
export class InvalidNetworkError extends Error {
  override readonly name = 'InvalidNetworkError';

  constructor(readonly value: unknown) {
    super(
      `${JSON.stringify(value)} is no network: give an address (10.0.0.7) or a network (10.0.0.0/8, fd00::/8)`,
    );
  }
}
