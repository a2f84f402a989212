/** Nest's metadata key for the path of a controller, which it does not export. */
export const PATH_METADATA = 'path';

/** The path of a controller; the first one of several. */
export function pathOf(controller: object): string {
  const [path] = [Reflect.getMetadata(PATH_METADATA, controller) as string | string[]].flat();
  return path!;
}
