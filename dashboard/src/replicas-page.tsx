import { type Column } from './api.js';
import { type Item } from './cells.js';
import { ItemTable } from './item-table.js';
import { usePolled } from './live.js';
import { Notice } from './notice.js';

const COLUMNS: Column[] = [
  { key: 'host', title: 'host', kind: 'text' },
  { key: 'pid', title: 'process', kind: 'text' },
  { key: 'release', title: 'release', kind: 'text' },
  { key: 'state', title: 'state', kind: 'state' },
  { key: 'started_at', title: 'started', kind: 'instant' },
  { key: 'seen_at', title: 'last seen', kind: 'instant' },
  { key: 'this', title: 'answers this page', kind: 'text' },
  { key: 'id', title: 'id', kind: 'text' },
];

/** The processes of the application: those that live, and those that are gone and still known. */
export function ReplicasPage() {
  const { data, error, refresh } = usePolled<{ items: Item[] }>('replicas');
  if (!data) return <Notice error={error} retry={refresh} />;
  const items = data.items.map((replica) => ({ ...replica, state: replica.alive ? 'running' : 'gone' }));
  const alive = data.items.filter((replica) => replica.alive).length;
  return (
    <>
      {error !== undefined && <Notice error={error} retry={refresh} />}
      <p class="summary">{alive === 1 ? '1 replica is running' : `${alive} replicas are running`}</p>
      <ItemTable title="Replicas" columns={COLUMNS} items={items} />
    </>
  );
}
