/** What is given over what is assumed. A key that is given as `undefined` is not given, which a spread would take for a value. */
export function withDefaults<Defaults extends object, Given extends object>(
  defaults: Defaults,
  given: Given | undefined,
): Defaults & { [K in keyof Given]: K extends keyof Defaults ? Exclude<Given[K], undefined> : Given[K] } {
  const known = Object.entries(given ?? {}).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(known) } as ReturnType<typeof withDefaults<Defaults, Given>>;
}
