import dns from 'node:dns';
import { get } from 'node:http';
import { isIP } from 'node:net';
import { shown } from '../../input/input.js';
import { type EgressPolicy } from '../../network-policy/egress-policy.js';
import { parsePrometheusText } from '../../telemetry/prometheus-text.js';
import { type MetricSample } from '../../telemetry/metric.js';
import { type ScrapeTarget } from './scrape-targets.js';

export interface ScrapeLimits {
  /** Bytes of an answer. */
  readonly maxBytes: number;
  /** Samples of an answer; what is beyond is left out, and told. */
  readonly maxSeries: number;
  readonly policy: EgressPolicy;
}

export interface Scraped {
  readonly samples: MetricSample[];
  /** Why not all of the answer was taken. */
  readonly incomplete?: string;
}

/**
 * Asks an instance for its metrics. A redirect is not followed: the endpoint is where its provider says that it is, judged by
 * the egress policy at the address that is connected to.
 * @throws EgressDeniedError; an error that says what is wrong with the answer; what `node:http` says
 */
export async function scrape(
  target: ScrapeTarget,
  limits: ScrapeLimits,
  signal: AbortSignal,
): Promise<Scraped> {
  const { text, openMetrics } = await fetchText(target, limits, signal);
  const at = new Date();
  const { samples, unreadable, more } = parsePrometheusText(text, { most: limits.maxSeries, openMetrics });
  if (samples.length === 0 && unreadable > 0)
    throw new Error('the answer is not in the text format of Prometheus');
  const start = samples.find(({ name }) => name === 'process_start_time_seconds')?.value;
  const startedAt = start === undefined || start * 1_000 > +at ? undefined : new Date(start * 1_000);
  const faults = [
    ...(more ? [`more than ${limits.maxSeries} samples`] : []),
    ...(unreadable > 0 ? [`${unreadable} lines that cannot be read`] : []),
  ];
  return {
    samples: samples.map((sample) => ({
      ...sample,
      at: sample.at ?? at,
      instanceId: target.instanceId,
      ...(sample.kind === 'counter' && startedAt && startedAt <= (sample.at ?? at) && { startedAt }),
    })),
    ...(faults.length > 0 && { incomplete: `the answer has ${faults.join(' and ')}` }),
  };
}

function fetchText(
  { host, port, path }: ScrapeTarget,
  { maxBytes, policy }: ScrapeLimits,
  signal: AbortSignal,
): Promise<{ text: string; openMetrics: boolean }> {
  // No look-up happens for what is an address already.
  if (isIP(host)) policy.check(host);
  return new Promise((resolve, reject) => {
    const request = get({
      host, port, path, signal, agent: false,
      headers: { accept: 'text/plain;version=0.0.4;q=1, */*;q=0.1', 'accept-encoding': 'identity' },
      lookup: (name, options, callback) =>
        dns.lookup(name, { ...options, all: true }, (error, addresses) => {
          if (error) return callback(error, []);
          try {
            const permitted = policy.permitted(name, addresses);
            if (options.all) callback(null, permitted);
            else callback(null, permitted[0]!.address, permitted[0]!.family);
          } catch (denied) {
            callback(denied as Error, []);
          }
        }),
    }); // prettier-ignore
    request.on('error', reject);
    request.on('response', (response) => {
      const fail = (message: string): void => {
        reject(new Error(message));
        request.destroy();
      };
      if (response.statusCode !== 200) return fail(`the answer is ${response.statusCode} and not 200`);
      // A few bytes may be gigabytes when they are unpacked; that is why it is not asked for.
      const { 'content-encoding': encoding = 'identity', 'content-type': type = '' } = response.headers;
      if (encoding !== 'identity')
        return fail(`the answer is compressed (${shown(encoding)}), which was not asked for`);
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) fail(`the answer has more than ${maxBytes} bytes`);
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          text: Buffer.concat(chunks).toString('utf8'),
          openMetrics: type.startsWith('application/openmetrics-text'),
        }),
      );
    });
  });
}
