import { type Tab } from './api.js';
import { useOnce } from './live.js';
import { ItemPage } from './item-page.js';
import { Overview } from './overview.js';
import { ReplicasPage } from './replicas-page.js';
import { hrefs, useRoute } from './route.js';
import { TabPage } from './tab-page.js';
import { WorkerPage } from './worker-page.js';

export function App() {
  const route = useRoute();
  const tabs = useOnce<Tab[]>('dashboard/tabs') ?? [];
  const incidents = tabs.find(({ id }) => id === 'incidents');
  const tab = route.page === 'tab' ? tabs.find(({ id }) => id === route.id) : undefined;
  return (
    <>
      <header>
        <h1>Workers</h1>
        <nav aria-label="Pages">
          <a
            href={hrefs.overview}
            aria-current={route.page === 'overview' || route.page === 'worker' ? 'page' : undefined}
          >
            Workers
          </a>
          <a href={hrefs.replicas} aria-current={route.page === 'replicas' ? 'page' : undefined}>
            Replicas
          </a>
          {tabs.map(({ id, title }) => (
            <a key={id} href={hrefs.tab(id)} aria-current={tab?.id === id ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main>
        {route.page === 'worker' && <WorkerPage key={route.name} name={route.name} />}
        {route.page === 'overview' && <Overview incidents={incidents} />}
        {route.page === 'replicas' && <ReplicasPage />}
        {tab && route.page === 'tab' && route.item !== undefined && tab.item ? (
          <ItemPage key={`${tab.id} ${route.item}`} tab={tab} id={route.item} />
        ) : (
          tab && <TabPage key={tab.id} tab={tab} />
        )}
      </main>
    </>
  );
}
