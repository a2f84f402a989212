import { useEffect, useState } from 'preact/hooks';

/** Where the page is: `#/workers/NAME`, `#/runs/ID`, `#/tabs/ID`, `#/tabs/ID/ITEM`, `#/replicas`, or the overview. */
export type Route =
  | { page: 'overview' }
  | { page: 'replicas' }
  | { page: 'worker'; name: string }
  | { page: 'run'; id: string }
  | { page: 'tab'; id: string; item?: string };

export const hrefs = {
  overview: '#/',
  replicas: '#/replicas',
  worker: (name: string) => `#/workers/${encodeURIComponent(name)}`,
  run: (id: string) => `#/runs/${encodeURIComponent(id)}`,
  tab: (id: string) => `#/tabs/${encodeURIComponent(id)}`,
  item: (tab: string, id: string) => `#/tabs/${encodeURIComponent(tab)}/${encodeURIComponent(id)}`,
};

function read(): Route {
  const [, kind, first, second] = /^#\/(workers|runs|tabs)\/([^/]+)(?:\/([^/]+))?$/.exec(location.hash) ?? [];
  if (kind === 'workers') return { page: 'worker', name: decoded(first!) };
  if (kind === 'runs') return { page: 'run', id: decoded(first!) };
  if (kind === 'tabs') return { page: 'tab', id: decoded(first!), ...(second && { item: decoded(second) }) };
  return { page: location.hash === hrefs.replicas ? 'replicas' : 'overview' };
}

/** An address that was cut, as in a mail, may end in half an escape. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const changed = (): void => setRoute(read());
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}
