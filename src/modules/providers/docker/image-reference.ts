/** `registry.example.com:5000/shop/web:2` or `…@sha256:…`, in its parts; without either, `latest`. */
export function parseImage(image: string): { repository: string; tag: string } {
  const [name, digest] = image.split('@');
  const colon = name!.lastIndexOf(':');
  const hasTag = colon > name!.lastIndexOf('/');
  const repository = hasTag ? name!.slice(0, colon) : name!;
  return { repository, tag: digest ?? (hasTag ? name!.slice(colon + 1) : 'latest') };
}

/** By the rule of Docker: the first part is a registry when it looks like a host. */
export function registryOf(repository: string): string {
  const [first, ...rest] = repository.split('/');
  return rest.length && /[.:]|^localhost$/.test(first!) ? first! : 'docker.io';
}
