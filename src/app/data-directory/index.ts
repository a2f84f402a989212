export { DataDirectoryInUseError, UnusableDirectoryError } from './data-directory.errors.js';
export { openDataDirectory, type DataDirectory } from './data-directory.js';
export { defaultDataDirectory, type DefaultDataDirectory } from './default-data-directory.js';
