import { messageOf } from '../../text/describe-error.js';
import { type OptionNames, requireKnown } from '../../text/option-names.js';
import { shown } from '../../text/shown.js';
import { type Duration, parseDuration } from '../../timing/duration.js';

/** A webhook that incidents are sent to. */
export interface WebhookOptions {
  /** `https://…`, or `http://…` in a trusted network. It is never shown, as the path of a Slack webhook is a secret. */
  url: string;
  /** Its name in deliveries, unique, 1 to 100 characters. Default: the host of the URL. */
  name?: string | undefined;
  /**
   * `standard`: JSON with a `text`, and the headers of Standard Webhooks. `slack`: only the text. Default `slack` for
   * `hooks.slack.com`, else `standard`.
   */
  format?: 'standard' | 'slack' | undefined;
  /** The secret that signs `standard` requests, required for them: `whsec_` and 24 to 64 random bytes in base64. */
  secret?: string | undefined;
  /** How long an answer may take. Default 15 s, at most 30 s. */
  timeout?: Duration | undefined;
}

/** Checked options of a webhook. */
export interface Webhook {
  readonly name: string;
  readonly url: URL;
  readonly format: 'standard' | 'slack';
  /** Undefined for `slack`, which is not signed. */
  readonly key: Buffer | undefined;
  /** Milliseconds. */
  readonly timeout: number;
}

/** Milliseconds. Less than the minute after which another replica may send the delivery. */
const LONGEST_TIMEOUT = 30_000;
const DEFAULT_TIMEOUT = 15_000;
const LONGEST_NAME = 100;
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const HOW_TO_MAKE_ONE = `node -p "'whsec_' + crypto.randomBytes(32).toString('base64')" makes one`;

/** Checks webhooks. No fault shows a URL or a secret. */
export function checkWebhooks(options: readonly WebhookOptions[]): { webhooks: Webhook[]; faults: string[] } {
  const webhooks: Webhook[] = [];
  const faults: string[] = [];
  options.forEach((given, i) => {
    try {
      const webhook = webhookOf(given);
      if (webhooks.some(({ name }) => name === webhook.name))
        throw new Error(`the name ${JSON.stringify(webhook.name)} is taken: give each a name of its own`);
      webhooks.push(webhook);
    } catch (error) {
      faults.push(`webhooks[${i}]: ${messageOf(error)}`);
    }
  });
  return { webhooks, faults };
}

const NAMES: OptionNames<WebhookOptions> = {
  url: true,
  name: true,
  format: true,
  secret: true,
  timeout: true,
};

function webhookOf(options: WebhookOptions): Webhook {
  requireKnown(options, NAMES);
  const { url: given, name, format, secret, timeout } = options;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error('url is no address: give https://…');
  if (url.username || url.password)
    throw new Error('url holds a password, which fetch refuses: sign with `secret` instead');
  const named = name ?? url.host;
  if (
    typeof named !== 'string' ||
    named.length < 1 ||
    named.length > LONGEST_NAME ||
    /[\0\p{Cc}]/u.test(named)
  )
    throw new Error(`name: ${shown(named)} is no name: give 1 to ${LONGEST_NAME} characters`);
  const form = format ?? (url.hostname === 'hooks.slack.com' ? 'slack' : 'standard');
  if (form !== 'standard' && form !== 'slack')
    throw new Error(`format: ${shown(form)} is neither 'standard' nor 'slack'`);
  return { name: named, url, format: form, key: keyOf(form, secret), timeout: timeoutOf(timeout) };
}

function keyOf(format: Webhook['format'], secret: string | undefined): Buffer | undefined {
  if (format === 'slack') {
    if (secret !== undefined) throw new Error('secret: Slack checks no signature, leave it out');
    return undefined;
  }
  if (secret === undefined) throw new Error(`secret is missing: what is sent is signed; ${HOW_TO_MAKE_ONE}`);
  const key = Buffer.from(SECRET.exec(String(secret))?.[1] ?? '', 'base64');
  if (key.length < 24 || key.length > 64)
    throw new Error(`secret is not whsec_ and 24 to 64 bytes in base64; ${HOW_TO_MAKE_ONE}`);
  return key;
}

function timeoutOf(timeout: Duration | undefined): number {
  if (timeout === undefined) return DEFAULT_TIMEOUT;
  const ms = parseDuration(timeout);
  if (ms >= 1 && ms <= LONGEST_TIMEOUT) return ms;
  throw new Error(`timeout: ${ms} ms cannot be: give 1 ms to ${LONGEST_TIMEOUT} ms`);
}
