import { join } from 'node:path';

/**
 * The program of a child, which is in the same build of the package as this file: ES modules or CommonJS.
 *
 * CommonJS in both builds, as that is the one form in which a module knows its own place in both.
 */
export const CHILD_FILE = join(__dirname, '..', 'isolated-child.js');
