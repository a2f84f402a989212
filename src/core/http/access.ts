import { type CanActivate, ConfigurableModuleBuilder, type Type } from '@nestjs/common';

/** Who may use what is mounted over HTTP. Without a token, open reads and guards, nobody. */
export interface HttpAccess {
  /** Bearer token that may do everything. */
  token?: string | undefined;
  /** Let anybody read. Only where nobody but you can reach the port. Default false. */
  openReads?: boolean | undefined;
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
