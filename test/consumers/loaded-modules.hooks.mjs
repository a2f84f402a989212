// Resolve hook of loaded-modules.mjs: reports whatever ES modules import, and who.
let port;

export function initialize(data) {
  port = data.port;
}

export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  port.postMessage({ specifier, from: context.parentURL, url: found.url });
  return found;
}
