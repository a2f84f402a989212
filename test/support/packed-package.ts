import { builtCheckout } from './app-workbench.js';
import { pack } from './pack.js';

/**
 * The package as it would be published, of what is built from the present source.
 * @returns path of the tarball, in that directory
 */
export function packInto(directory: string): Promise<string> {
  return pack(builtCheckout(), directory);
}
