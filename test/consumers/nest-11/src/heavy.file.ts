/** As an ES module names it; `nest-11.spec.ts` writes the form of CommonJS in its place. */
export const HEAVY_FILE: URL | string = new URL('./heavy.module.js', import.meta.url);
