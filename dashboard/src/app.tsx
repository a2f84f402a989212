import { useEffect, useRef } from 'preact/hooks';
import { type Rights, type Tab } from './api.js';
import { cut } from './format.js';
import { HostsOf } from './hosts.js';
import { type Live, useIsCutOff, useOnce } from './live.js';
import { ItemPage } from './item-page.js';
import { Notice } from './notice.js';
import { Overview } from './overview.js';
import { ReplicasPage } from './replicas-page.js';
import { ReadOnly } from './rights.js';
import { hrefs, type Route, useRoute } from './route.js';
import { RunPage } from './run-page.js';
import { SignOut } from './sign-out.js';
import { TabPage } from './tab-page.js';
import { WorkerPage } from './worker-page.js';

export function App() {
  const route = useRoute();
  const { data: rights } = useOnce<Rights>('dashboard/session');
  const tabs = useOnce<Tab[]>('dashboard/tabs');
  const isCutOff = useIsCutOff();
  const main = useRef<HTMLElement>(null);
  const title = titleOf(route, tabs.data);
  useEffect(() => void (document.title = title), [title]);
  // The link that led here may be gone: the keyboard goes on at what it has led to.
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) main.current!.focus({ preventScroll: true });
    isFirst.current = false;
  }, [route]);

  return (
    <ReadOnly.Provider value={rights?.read_only ?? false}>
      <button class="skip" onClick={() => main.current!.focus()}>
        Skip to the content
      </button>
      <header>
        <h1>Workers</h1>
        <nav aria-label="Pages">
          <a
            href={hrefs.overview}
            aria-current={['overview', 'worker', 'run'].includes(route.page) ? 'page' : undefined}
          >
            Workers
          </a>
          <a href={hrefs.replicas} aria-current={route.page === 'replicas' ? 'page' : undefined}>
            Replicas
          </a>
          {tabs.data?.map(({ id, title }) => (
            <a
              key={id}
              href={hrefs.tab(id)}
              aria-current={route.page === 'tab' && route.id === id ? 'page' : undefined}
            >
              {title}
            </a>
          ))}
        </nav>
        {rights?.read_only && <p class="quiet">Read-only: nothing can be changed here.</p>}
        {rights?.until !== undefined && <SignOut />}
      </header>
      <main ref={main} tabIndex={-1}>
        {isCutOff && (
          <p class="notice" role="alert">
            The database of the cluster cannot be reached: workers are shown as the replica that answers knows
            them.
          </p>
        )}
        <HostsOf>
          {route.page === 'worker' && <WorkerPage key={route.name} name={route.name} />}
          {route.page === 'run' && <RunPage key={route.id} id={route.id} />}
          {route.page === 'overview' && (
            <Overview incidents={tabs.data?.find(({ id }) => id === 'incidents')} />
          )}
        </HostsOf>
        {route.page === 'replicas' && <ReplicasPage />}
        {route.page === 'tab' && <OneTab route={route} tabs={tabs} />}
      </main>
    </ReadOnly.Provider>
  );
}

/** A tab of a module, or one item of it. */
function OneTab({
  route: { id, item },
  tabs: { data, error, refresh },
}: {
  route: Route & { page: 'tab' };
  tabs: Live<Tab[]>;
}) {
  if (!data) return <Notice error={error} retry={refresh} />;
  const tab = data.find((each) => each.id === id);
  if (!tab) return <p class="empty">There is no tab “{cut(id, 60)}” here.</p>;
  if (item !== undefined && tab.item) return <ItemPage key={`${id} ${item}`} tab={tab} id={item} />;
  return <TabPage key={id} tab={tab} />;
}

/** What is shown comes first: a browser cuts the names of its tabs. */
function titleOf(route: Route, tabs: readonly Tab[] = []): string {
  switch (route.page) {
    case 'worker':
      return `${cut(route.name, 60)} · Workers`;
    case 'run':
      return 'Run · Workers';
    case 'tab':
      return `${tabs.find(({ id }) => id === route.id)?.title ?? cut(route.id, 60)} · Workers`;
    case 'replicas':
      return 'Replicas · Workers';
    case 'overview':
      return 'Workers';
  }
}
