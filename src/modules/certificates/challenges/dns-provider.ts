/** A TXT record that a CA will look for. */
export interface TxtRecord {
  /** Full name, without a dot at the end. Where a CNAME delegates it, the name that the chain ends at. */
  readonly name: string;
  readonly value: string;
}

/**
 * Writes TXT records for DNS-01. Several values of one name stand side by side: a certificate for a name and its
 * wildcard needs two.
 */
export abstract class DnsProvider {
  /** Adds the record. Repeating it is no error. */
  abstract present(record: TxtRecord, signal: AbortSignal): Promise<void>;

  /** Removes that record, and no other of its name. One that is gone is no error. */
  abstract cleanUp(record: TxtRecord, signal: AbortSignal): Promise<void>;
}
