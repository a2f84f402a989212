import { applicationPackage } from '../text/application-package.js';

/** Name of a service without the option `service`: that of the application's package. */
export function defaultServiceName(...where: Parameters<typeof applicationPackage>): string | undefined {
  return applicationPackage(...where)?.name;
}
