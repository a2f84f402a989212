import { messageOf } from '../../../../core/text/describe-error.js';
import { type ProviderRegistry, type RegisteredProvider } from '../../../providers/provider.registry.js';
import { type PassContext } from './garbage-pass.js';

/**
 * Calls `fn` for each registered provider. An error of one, such as a daemon that does not answer, stops no other; it is logged,
 * and thrown at the end.
 */
export async function eachStore(
  registry: ProviderRegistry,
  { signal, logger }: Pick<PassContext, 'signal' | 'logger'>,
  fn: (registered: RegisteredProvider) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const said: string[] = [];
  for (const registered of registry.list()) {
    signal.throwIfAborted();
    try {
      await fn(registered);
    } catch (error) {
      signal.throwIfAborted();
      errors.push(error);
      said.push(`${registered.name}: ${messageOf(error)}`);
      logger.warn(`The store of provider "${registered.name}" was left alone: ${messageOf(error)}`);
    }
  }
  if (errors.length) throw new AggregateError(errors, said.join('; '));
}
