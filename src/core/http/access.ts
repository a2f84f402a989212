import { type CanActivate, ConfigurableModuleBuilder, type Type } from '@nestjs/common';

/** Who may use what is mounted over HTTP. Without a token, open reads and guards, nobody. */
export interface HttpAccess {
  /** Bearer token that may do everything. */
  token?: string | undefined;
  /** Bearer token that may only read. */
  readToken?: string | undefined;
  /** Let anybody read. Only where nobody but you can reach the port. Default false. */
  openReads?: boolean | undefined;
  /** Nothing can be changed over HTTP, whoever asks. Default false. */
  readOnly?: boolean | undefined;
  /**
   * Origins, such as `https://portal.example`, whose pages may change something beside those of this application itself. What comes
   * from a page of any other is refused, whatever token or cookie it brings. Default none.
   */
  origins?: readonly string[] | undefined;
  /**
   * Guards of the application: each has to let a request in, and without a `token` they alone decide. A class is the
   * provider of that class, or is constructed with what the application provides; no request-scoped one.
   */
  guards?: readonly (CanActivate | Type<CanActivate>)[] | undefined;
}

/** `HttpAccess` of the controllers of a module; the application's where the module has none of its own. */
export const HTTP_ACCESS = Symbol.for('ctrlplane-workers/http-access');

export const { ConfigurableModuleClass: ConfigurableAccessModule } =
  new ConfigurableModuleBuilder<HttpAccess>({ optionsInjectionToken: HTTP_ACCESS })
    .setClassMethodName('forRoot')
    .build();

/**
 * What makes no sense of it is said when it is read first, before anything is answered.
 * @throws Error that names the option and the fix
 */
export function checkAccess({ token, readToken, origins = [] }: HttpAccess): void {
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
