import { type CanActivate, ConfigurableModuleBuilder, type Type } from '@nestjs/common';
import { flag, type OptionNames, requireKnown } from '../text/option-names.js';
import { checkedOption } from '../text/problems.js';

/** Who may use the HTTP interface. Without a token, open reads or guards: nobody. */
export interface HttpAccess {
  /** Bearer token with all rights. */
  token?: string | undefined;
  /** Bearer token that can only read. */
  readToken?: string | undefined;
  /** Whether reading needs no token. Only for a port that nobody else can reach. Default false. */
  openReads?: boolean | undefined;
  /** Whether all changes over HTTP are refused. Default false. */
  readOnly?: boolean | undefined;
  /**
   * Origins, such as `https://portal.example`, whose pages may make changes, besides this application's own origin.
   * Changes from pages of other origins are refused, with any token or cookie. Default none.
   */
  origins?: readonly string[] | undefined;
  /**
   * Guards of the application: each has to allow a request, and without a `token` they alone decide. For a class, its
   * provider is used, or an instance is created with the application's providers; it cannot be request-scoped.
   */
  guards?: readonly (CanActivate | Type<CanActivate>)[] | undefined;
}

/** Token of the `HttpAccess` of a module's controllers; by default the application's. */
export const HTTP_ACCESS = Symbol.for('ctrlplane-workers/http-access');

export const { ConfigurableModuleClass: ConfigurableAccessModule } =
  new ConfigurableModuleBuilder<HttpAccess>({ optionsInjectionToken: HTTP_ACCESS })
    .setClassMethodName('forRoot')
    .build();

const NAMES: OptionNames<HttpAccess> = {
  token: true,
  readToken: true,
  openReads: true,
  readOnly: true,
  origins: true,
  guards: true,
};

/**
 * Checks the options when they are first read, before any request is answered.
 * @throws Error that names the option and the fix
 */
export function checkAccess(access: HttpAccess): void {
  requireKnown(access, NAMES);
  const { token, readToken, openReads = false, readOnly = false, origins = [] } = access;
  for (const [name, given] of Object.entries({ openReads, readOnly })) checkedOption(name, () => flag(given));
  for (const [name, value] of Object.entries({ token, readToken }))
    if (value !== undefined && value !== null && typeof value !== 'string')
      throw new Error(`${name}: a ${typeof value} is no token: give a text, or leave the option out`);
  if (token && token === readToken)
    throw new Error('readToken: it is the same as token, which may do everything: give another one');
  for (const origin of origins)
    if (!isOrigin(origin))
      throw new Error(
        `origins: ${JSON.stringify(origin)} is no origin: give one such as "https://portal.example"`,
      );
}

function isOrigin(text: unknown): boolean {
  try {
    return typeof text === 'string' && new URL(text).origin === text;
  } catch {
    return false;
  }
}
