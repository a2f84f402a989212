import { checkWebhooks, type WebhookOptions } from '../../core/incidents/webhooks/webhook.js';
import { AppConfigError } from './config.errors.js';

/**
 * @param urls by commas; a URL has no comma that is not written as %2C
 * @param secret what all are signed with that are not Slack's
 * @throws AppConfigError that shows neither
 */
export function webhooksOf(urls: string | undefined, secret: string | undefined): WebhookOptions[] {
  const given = (urls ?? '')
    .split(',')
    .map((url) => url.trim())
    .filter(Boolean);
  const hosts = given.map((url) => (URL.canParse(url) ? new URL(url) : undefined));
  const webhooks = given.map((url, i): WebhookOptions => {
    const { host = '', hostname } = hosts[i] ?? {};
    const before = hosts.slice(0, i).filter((other) => other?.host === host).length;
    return {
      url,
      // Several of one host, such as channels of Slack.
      ...(before > 0 && { name: `${host} ${before + 1}` }),
      ...(hostname !== 'hooks.slack.com' && { secret }),
    };
  });
  const { faults } = checkWebhooks(webhooks);
  if (faults.length > 0)
    throw new AppConfigError(
      faults.map((fault) => {
        const [, number, what] = /^webhooks\[(\d+)\]: (.*)$/s.exec(fault)!;
        const isSecret = what!.startsWith('secret');
        return {
          variable: isSecret ? 'WEBHOOK_SECRET' : 'WEBHOOKS',
          message: isSecret
            ? what!.replace(/^secret /, '')
            : `has at place ${Number(number) + 1} what cannot be: ${what}`,
        };
      }),
    );
  if (secret !== undefined && given.length === 0)
    throw new AppConfigError([
      {
        variable: 'WEBHOOK_SECRET',
        message: 'signs nothing, as WEBHOOKS is not set: give addresses there, or unset it',
      },
    ]);
  return webhooks;
}
