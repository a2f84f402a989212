import { applicationPackage } from '../text/application-package.js';

/** What a service is called that has not said so: the name of the application's package. */
export function defaultServiceName(...where: Parameters<typeof applicationPackage>): string | undefined {
  return applicationPackage(...where)?.name;
}
