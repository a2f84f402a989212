import { useEffect, useState } from 'preact/hooks';

/** Where the page is: `#/workers/NAME`, `#/tabs/ID`, or the overview. */
export type Route = { page: 'overview' } | { page: 'worker'; name: string } | { page: 'tab'; id: string };

export const hrefs = {
  overview: '#/',
  worker: (name: string) => `#/workers/${encodeURIComponent(name)}`,
  tab: (id: string) => `#/tabs/${encodeURIComponent(id)}`,
};

function read(): Route {
  const [, kind, rest] = /^#\/(workers|tabs)\/(.+)$/.exec(location.hash) ?? [];
  if (kind === 'workers') return { page: 'worker', name: decodeURIComponent(rest!) };
  if (kind === 'tabs') return { page: 'tab', id: decodeURIComponent(rest!) };
  return { page: 'overview' };
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
