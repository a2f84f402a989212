import { type ComponentChildren, createContext } from 'preact';
import { useContext, useEffect, useMemo, useRef } from 'preact/hooks';
import { type Replica } from './api.js';
import { cut } from './format.js';
import { useOnce } from './live.js';

/** Where replicas run, by their ids. */
const Hosts = createContext<{ names: ReadonlyMap<string, string>; look(id: string): void }>({
  names: new Map(),
  look: () => {},
});

export function HostsOf({ children }: { children: ComponentChildren }) {
  const { data, refresh } = useOnce<{ items: Replica[] }>('replicas');
  const asked = useRef(new Set<string>());
  const value = useMemo(
    () => ({
      names: new Map(data?.items.map(({ id, host, pid }) => [id, `${cut(host, 60)}, process ${pid}`])),
      // It has started since. What is not known then is asked for once.
      look(id: string): void {
        if (!data || asked.current.has(id)) return;
        asked.current.add(id);
        refresh();
      },
    }),
    [data, refresh],
  );
  return <Hosts.Provider value={value}>{children}</Hosts.Provider>;
}

/** Where a replica runs; of one that is not known, the beginning of its id. */
export function Host({ id }: { id: string }) {
  const { names, look } = useContext(Hosts);
  const name = names.get(id);
  useEffect(() => void (name === undefined && look(id)), [id, name, look]);
  return <span title={`Replica ${cut(id, 60)}`}>{name ?? cut(id, 8)}</span>;
}
