import { createHmac } from 'node:crypto';
import { request } from 'undici';
import { type Duration, parseDuration } from '../../../core/timing/duration.js';
import { DnsProvider, type TxtRecord } from './dns-provider.js';
import { timeoutSignal } from '../../../core/timing/timer.js';

export interface WebhookDnsOptions {
  /** Gets the records. Should be https: with write access to these records anyone gets certificates for the names. */
  url: string;
  /** Signs the body: `X-Signature-256: sha256=<HMAC in hexadecimal>`. A secret. */
  secret?: string | undefined;
  /** Sent with each request, such as `{ authorization: 'Bearer …' }`. Secret. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Default 30 s. */
  timeout?: Duration | undefined;
}

/** The webhook did not write the record. Holds neither its URL nor its headers, which may be secret. */
export class DnsWebhookError extends Error {
  override readonly name = 'DnsWebhookError';

  constructor(
    readonly record: TxtRecord,
    reason: string,
  ) {
    super(`The DNS webhook could not write ${record.name}: ${reason}`);
  }
}

/**
 * Hands records to a webhook, which writes them at whichever DNS provider: `POST { "action": "present" | "cleanUp",
 * "name", "type": "TXT", "value", "ttl": 60 }`. Any 2xx is success.
 */
export class WebhookDnsProvider extends DnsProvider {
  private readonly timeout: number;

  /** @throws TypeError when the URL is none; InvalidDurationError */
  constructor(private readonly options: WebhookDnsOptions) {
    super();
    if (!/^https?:$/.test(new URL(options.url).protocol))
      throw new TypeError('The URL of the DNS webhook is neither http nor https');
    this.timeout = parseDuration(options.timeout ?? '30s');
  }

  present(record: TxtRecord, signal: AbortSignal): Promise<void> {
    return this.send('present', record, signal);
  }

  cleanUp(record: TxtRecord, signal: AbortSignal): Promise<void> {
    return this.send('cleanUp', record, signal);
  }

  private async send(action: string, record: TxtRecord, signal: AbortSignal): Promise<void> {
    const body = JSON.stringify({ action, name: record.name, type: 'TXT', value: record.value, ttl: 60 });
    const { url, secret, headers } = this.options;
    const signature = secret && { 'x-signature-256': `sha256=${hmac(secret, body)}` };
    let status: number;
    try {
      const response = await request(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...signature, ...headers },
        body,
        signal: AbortSignal.any([signal, timeoutSignal(this.timeout)]),
      });
      status = response.statusCode;
      await response.body.dump({ limit: 65_536 });
    } catch (error) {
      signal.throwIfAborted();
      const { code, name } = error as { code?: string; name: string };
      throw new DnsWebhookError(record, `it cannot be reached (${code ?? name})`);
    }
    if (status < 200 || status > 299) throw new DnsWebhookError(record, `it answered ${status}`);
  }
}

function hmac(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}
