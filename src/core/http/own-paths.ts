import { METHOD_METADATA } from '@nestjs/common/constants.js';

/** Marks a handler whose path, and all that is below it, belongs to this package. */
const OWN = 'ctrlplane-workers:own-path';

interface Route {
  /** Upper case; `ALL` for each. */
  readonly method: string;
  readonly pattern: RegExp;
  /** The path before its first parameter, without a slash at the end. */
  readonly fixed: string;
  readonly own: boolean;
}

/**
 * Marks the handlers of a controller. Below their paths, requests that have no handler or cannot be read get problem details
 * too (`answerUnhandled`). It comes after the decorators of the methods.
 */
export function ownPaths(controller: object): void {
  const { prototype } = controller as { prototype: Record<string, unknown> };
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const handler = prototype[name];
    if (typeof handler === 'function' && Reflect.hasMetadata(METHOD_METADATA, handler))
      Reflect.defineMetadata(OWN, true, handler);
  }
}

/** Which paths of an application belong to this package: its routes as they are registered, with every prefix. */
export class OwnPaths {
  private readonly routes: Route[] = [];

  constructor(private readonly options: { readonly caseSensitive: boolean }) {}

  /** @param handler as Nest registers it, with the metadata of the controller's method */
  add(method: string, path: string, handler: object): void {
    const fixed = path.replace(/\/?[^/]*[:*({].*$/, '').replace(/\/$/, '');
    this.routes.push({
      method: method.toUpperCase(),
      pattern: patternOf(path, this.options.caseSensitive),
      fixed: this.comparable(fixed),
      own: Reflect.hasMetadata(OWN, handler),
    });
  }

  /**
   * Whether a request is for this package: its route says so, or without a route, whose paths lead nearest to it. A path that
   * the application has routes below as well stays the application's.
   */
  includes(method: string, url: string): boolean {
    const path = pathOf(url);
    const route = this.routes.find(
      (one) => one.pattern.test(path) && (one.method === 'ALL' || one.method === asked(method)),
    );
    if (route) return route.own;
    const nearest = (own: boolean) =>
      Math.max(
        -1,
        ...this.routes
          .filter((one) => one.own === own && this.isBelow(one, path))
          .map(({ fixed }) => fixed.length),
      );
    return nearest(true) > Math.max(0, nearest(false));
  }

  /** The methods of the routes of a path, for the header `Allow`; none where it has no route. */
  methodsOf(url: string): string[] {
    const path = pathOf(url);
    const methods = this.routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))].sort();
  }

  private isBelow({ fixed }: Route, path: string): boolean {
    const compared = this.comparable(path);
    return compared === fixed || compared.startsWith(`${fixed}/`);
  }

  private comparable(path: string): string {
    return this.options.caseSensitive ? path : path.toLowerCase();
  }
}

/** A HEAD request is answered by the handler for GET. */
function asked(method: string): string {
  return method === 'HEAD' ? 'GET' : method;
}

/** Without query; a target with a host of its own, as for a proxy, has a path too. */
function pathOf(url: string): string {
  return url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
}

function patternOf(path: string, caseSensitive: boolean): RegExp {
  const source = path
    .replace(/\/$/, '')
    .split('/')
    .map((part) =>
      /[*({]/.test(part)
        ? '.*'
        : part.replace(/:\w+|[^\w]/g, (one) => (one.length > 1 ? '[^/]+' : `\\${one}`)),
    )
    .join('/');
  return new RegExp(`^${source}/?$`, caseSensitive ? '' : 'i');
}
