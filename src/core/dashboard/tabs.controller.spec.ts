import { Get, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ApiController } from '../http/api-controller.js';
import { DashboardTab } from '../http/dashboard-tab.js';
import { WorkerModule } from '../worker.module.js';
import { WorkerDashboardModule } from './worker-dashboard.module.js';

@ApiController('uploads')
@DashboardTab({
  id: 'uploads',
  title: 'Uploads',
  columns: [
    { key: 'name', title: 'name' },
    { key: 'size', title: 'size', kind: 'bytes' },
  ],
})
class UploadsController {
  @Get()
  list() {
    return [];
  }
}

@ApiController('reports')
@DashboardTab({
  id: 'reports',
  title: 'Reports',
  path: '/reports/latest',
  columns: [{ key: 'id', title: 'id' }],
  item: [
    { kind: 'chart', title: 'Size', path: '/reports/:id/size', unit: 'bytes' },
    {
      kind: 'list',
      title: 'Readers',
      path: '/reports/:id/readers',
      columns: [{ key: 'name', title: 'name' }],
    },
  ],
})
class ReportsController {}

@ApiController('jobs')
@DashboardTab({
  id: 'jobs',
  title: 'Jobs',
  description: 'Orders by customer.',
  itemPath: '/jobs/:id',
  pageBy: 'before',
  filters: [{ name: 'state', title: 'State', values: ['open', 'done'] }],
  columns: [{ key: 'owner', title: 'owner', link: { tab: 'owners', key: 'owner_id' } }],
  actions: [{ title: 'Stop', method: 'DELETE', path: '/jobs/:id', question: 'Stop it?' }],
  parts: [
    {
      kind: 'list',
      title: 'Old ones',
      path: '/jobs/old',
      columns: [{ key: 'id', title: 'id' }],
      actions: [{ title: 'Again', path: 'jobs/:id/again', question: 'Again?' }],
    },
    { kind: 'chart', title: 'How many', path: 'jobs/count', unit: 'number' },
  ],
})
class JobsController {}

describe('the tabs of the dashboard', () => {
  let app: INestApplication;

  async function start(token?: string): Promise<void> {
    const module = await Test.createTestingModule({
      imports: [
        WorkerModule.forRoot(),
        WorkerDashboardModule.forRoot({ ...(token && { token }), openReads: !token }),
      ],
      controllers: [UploadsController, ReportsController, JobsController],
    }).compile();
    app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
  }
  afterEach(() => app.close());

  const tabs = async () => fetch(`${await app.getUrl()}/dashboard/tabs`);

  it('are those that controllers bring, each with what is asked and which fields are shown', async () => {
    await start();
    expect(((await (await tabs()).json()) as unknown[]).slice(0, 2)).toEqual([
      {
        id: 'uploads',
        title: 'Uploads',
        path: 'uploads',
        columns: [
          { key: 'name', title: 'name', kind: 'text' },
          { key: 'size', title: 'size', kind: 'bytes' },
        ],
      },
      {
        id: 'reports',
        title: 'Reports',
        path: 'reports/latest',
        columns: [{ key: 'id', title: 'id', kind: 'text' }],
        item: [
          { kind: 'chart', title: 'Size', path: 'reports/:id/size', unit: 'bytes' },
          {
            kind: 'list',
            title: 'Readers',
            path: 'reports/:id/readers',
            columns: [{ key: 'name', title: 'name', kind: 'text' }],
          },
        ],
      },
    ]);
  });

  it('say what can be done with items, what a tab shows besides, and where one item is, all beside the API', async () => {
    await start();
    const all = (await (await tabs()).json()) as { id: string }[];
    expect(all.find(({ id }) => id === 'jobs')).toEqual({
      id: 'jobs',
      title: 'Jobs',
      description: 'Orders by customer.',
      path: 'jobs',
      itemPath: 'jobs/:id',
      pageBy: 'before',
      filters: [{ name: 'state', title: 'State', values: ['open', 'done'] }],
      columns: [{ key: 'owner', title: 'owner', kind: 'text', link: { tab: 'owners', key: 'owner_id' } }],
      actions: [{ title: 'Stop', method: 'DELETE', path: 'jobs/:id', question: 'Stop it?' }],
      parts: [
        {
          kind: 'list',
          title: 'Old ones',
          path: 'jobs/old',
          columns: [{ key: 'id', title: 'id', kind: 'text' }],
          actions: [{ title: 'Again', path: 'jobs/:id/again', question: 'Again?' }],
        },
        { kind: 'chart', title: 'How many', path: 'jobs/count', unit: 'number' },
      ],
    });
  });

  it('are shown to whom the API is', async () => {
    await start('a-token-of-the-test');
    expect((await tabs()).status).toBe(401);
  });
});
