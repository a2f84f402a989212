import { ConfigurableModuleBuilder } from '@nestjs/common';

/** Who may use what is mounted over HTTP. Without a token and without open reads, nobody. */
export interface HttpAccess {
  /** Bearer token that may do everything. */
  token?: string | undefined;
  /** Let anybody read. Only where nobody but you can reach the port. Default false. */
  openReads?: boolean | undefined;
}

/** `HttpAccess` of the controllers of a module; the application's where the module has none of its own. */
export const HTTP_ACCESS = Symbol.for('ctrlplane-workers/http-access');

export const { ConfigurableModuleClass: ConfigurableAccessModule } =
  new ConfigurableModuleBuilder<HttpAccess>({ optionsInjectionToken: HTTP_ACCESS })
    .setClassMethodName('forRoot')
    .build();
