/** What the tools ask of an application over HTTP. */
export interface Api {
  get<T>(
    path: string,
    parameters?: Readonly<Record<string, string | number | boolean | undefined>>,
  ): Promise<T>;
  post<T>(
    path: string,
    parameters?: Readonly<Record<string, string | number | boolean | undefined>>,
    body?: unknown,
  ): Promise<T>;
}
