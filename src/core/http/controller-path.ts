/** Under which Nest keeps the path of a controller; its own constant is not exported. */
export const PATH_METADATA = 'path';

/** The path of a controller; the first, where it has several. */
export function pathOf(controller: object): string {
  const [path] = [Reflect.getMetadata(PATH_METADATA, controller) as string | string[]].flat();
  return path!;
}
