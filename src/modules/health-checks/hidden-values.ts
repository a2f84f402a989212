import { type HealthCheck, type Probe } from './health-check.js';

/** What is shown in place of a value that may be a secret. */
export const HIDDEN = '[hidden]';

/** Shorter ones would be found in every text. */
const SHORTEST_SECRET = 4;

/** The check as it may be shown: values of headers, bodies and configuration may be secrets. */
export function withoutSecrets(check: HealthCheck): HealthCheck {
  return { ...check, probe: mapSecrets(check.probe, () => HIDDEN) };
}

/** The text without any of the probe's secrets: what a target or a checker says may repeat them. */
export function withoutSecretsOf(probe: Probe, text: string): string {
  let shown = text;
  mapSecrets(probe, (_, value) => {
    for (const secret of stringsIn(value))
      if (secret.length >= SHORTEST_SECRET) shown = shown.replaceAll(secret, HIDDEN);
    return value as never;
  });
  return shown;
}

/** Where a probe has `[hidden]` itself, as when one that was shown is given back. */
export function hiddenIn(probe: Probe): string[] {
  const places: string[] = [];
  mapSecrets(probe, (place, value) => {
    if (value === HIDDEN) places.push(place);
    return value as never;
  });
  return places;
}

/**
 * The probe with the values of the stored one where it has `[hidden]`, so that one that was shown can be changed and
 * given back. Only while the target stays the same: otherwise a user who may change the check could send its secrets
 * to another server.
 */
export function withStoredSecrets(probe: Probe, stored: Probe): Probe {
  const virtualHost = virtualHostOf(stored);
  if (targetIn(probe, virtualHost) !== targetIn(stored, virtualHost)) return probe;
  const known = new Map<string, unknown>();
  mapSecrets(stored, (place, value) => {
    known.set(place.toLowerCase(), value);
    return value as never;
  });
  return mapSecrets(probe, (place, value) =>
    value === HIDDEN && known.has(place.toLowerCase())
      ? (known.get(place.toLowerCase()) as never)
      : (value as never),
  );
}

type Map = (place: string, value: unknown) => never | string;

/** A copy whose values that may be secrets are what `map` makes of them. */
function mapSecrets(probe: Probe, map: Map): Probe {
  const each = <T>(place: string, values: Record<string, T> | undefined): Record<string, never> =>
    Object.fromEntries(
      Object.entries(values ?? {}).map(([name, value]) => [name, map(`${place}.${name}`, value) as never]),
    );
  switch (probe.type) {
    case 'http':
      return {
        ...probe,
        ...(probe.headers !== undefined && { headers: each('headers', probe.headers) }),
        ...(probe.body !== undefined && { body: map('body', probe.body) }),
      };
    case 'custom':
      return { ...probe, ...(probe.config !== undefined && { config: each('config', probe.config) }) };
    case 'tcp':
      return { ...probe, ...(probe.send !== undefined && { send: map('send', probe.send) }) };
    default:
      return probe;
  }
}

/** @param hidden what a virtual host stands for that is `[hidden]` */
function targetIn(probe: Probe, hidden: unknown): string {
  switch (probe.type) {
    case 'http': {
      const origin =
        probe.url === undefined ? '' : URL.canParse(probe.url) ? new URL(probe.url).origin : probe.url;
      const virtualHost = virtualHostOf(probe);
      return `http ${origin} ${probe.endpoint ?? ''} ${String(virtualHost === HIDDEN ? hidden : virtualHost)}`;
    }
    case 'tcp':
      return `tcp ${probe.address ?? ''} ${probe.endpoint ?? ''}`;
    case 'custom':
      return `custom ${probe.checker}`;
    default:
      return probe.type;
  }
}

/** The header Host, however it is written: behind one address are servers of many owners. */
function virtualHostOf(probe: Probe): unknown {
  if (probe.type !== 'http') return undefined;
  return Object.entries(probe.headers ?? {}).findLast(([name]) => name.toLowerCase() === 'host')?.[1];
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(stringsIn);
  return [];
}
