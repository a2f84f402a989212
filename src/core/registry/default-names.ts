import { type LoggerService } from '@nestjs/common';
import { type WorkerDefinition } from './worker-definition.js';

/**
 * A worker without a name is named by class and method, which a minifying bundler renames in each build. With
 * coordination the name identifies the worker's record: under another name it has no history, no pause, and slots of its
 * own.
 */
export function warnOfDefaultNames(
  definitions: readonly WorkerDefinition[],
  logger: Pick<LoggerService, 'warn'>,
): void {
  // In development classes are renamed often.
  if (process.env.NODE_ENV !== 'production') return;
  const names = definitions
    .filter(({ name, source, scope }) => scope === 'cluster' && source.startsWith(`${name} (in `))
    .map(({ name }) => name);
  if (names.length === 0) return;
  const [shown, more] = [names.slice(0, 10).join(', '), names.length - 10];
  logger.warn(
    `Called by class and method, as they have no name: ${shown}${more > 0 ? ` and ${more} more` : ''}. When one of these is ` +
      'renamed, or minified, the cluster takes it for another worker, without history and pause. Give each a name: ' +
      "@Interval('usage', …), @Cron('…', { name: 'usage' })",
  );
}

/** `options.workers` overrides options by the name of the worker: an unknown name has no effect. */
export function warnOfUnknownOverrides(
  overrides: object | undefined,
  names: readonly string[],
  logger: Pick<LoggerService, 'warn'>,
): void {
  for (const name of Object.keys(overrides ?? {}))
    if (!names.includes(name))
      logger.warn(`options.workers names "${name}", and no worker has that name: ${names.join(', ')}`);
}
