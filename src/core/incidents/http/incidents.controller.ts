import { Get, Param, Query } from '@nestjs/common';
import { ApiController } from '../../http/api-controller.js';
import { DashboardTab } from '../../http/dashboard-tab.js';
import { Documented } from '../../http/openapi.js';
import { pageOf, position, type Position } from '../../http/position.js';
import { limit, oneOf, QueryPipe, text } from '../../http/query.pipe.js';
import { toWire, type Wire, type WirePage } from '../../http/wire.js';
import { type Incident } from '../../history/incident.js';
import { Incidents } from '../incidents.js';
import { UnknownIncidentError } from '../incidents.errors.js';
import { incidentSchema, pageQuery, pageSchema } from './openapi-schemas.js';
import { isUuid } from '../../text/uuid.js';

interface Filters {
  limit: number;
  before: Position | undefined;
  state: 'open' | 'closed' | undefined;
  kind: string | undefined;
  subject: string | undefined;
  condition: string | undefined;
}

/** Open and closed incidents. */
@ApiController('incidents')
@DashboardTab({
  id: 'incidents',
  title: 'Incidents',
  description: 'What was found to be wrong, newest first. An incident closes by itself when it is over.',
  empty: 'Nothing was found to be wrong.',
  pageBy: 'before',
  filters: [
    { name: 'state', title: 'State', values: ['open', 'closed'] },
    { name: 'subject', title: 'Of' },
  ],
  columns: [
    { key: 'subject', title: 'of' },
    { key: 'condition', title: 'what', kind: 'state' },
    { key: 'opened_at', title: 'opened', kind: 'instant' },
    { key: 'closed_at', title: 'closed', kind: 'instant' },
    { key: 'summary', title: 'summary', link: { page: 'run', key: 'run_id' } },
  ],
  actions: [
    {
      title: 'Silence for 1 h',
      path: 'incidents/silences',
      body: { kind: ':kind', subject: ':subject', condition: ':condition', for: '1h' },
      question: 'Tell nobody of it for an hour? It is recorded all the same.',
      when: { key: 'closed_at', values: [null] },
    },
  ],
  parts: [
    {
      kind: 'list',
      title: 'Silences',
      path: 'incidents/silences',
      empty: 'No silence holds: every incident is told.',
      columns: [
        { key: 'subject', title: 'of' },
        { key: 'condition', title: 'what', kind: 'state' },
        { key: 'until', title: 'ends', kind: 'instant' },
        { key: 'reason', title: 'why' },
        { key: 'actor', title: 'by' },
      ],
      actions: [
        {
          title: 'End',
          method: 'DELETE',
          path: 'incidents/silences/:id',
          question: 'End the silence? What is open is told then.',
        },
      ],
    },
    {
      kind: 'list',
      title: 'Deliveries',
      path: 'incidents/deliveries',
      empty: 'Nothing was sent to webhooks.',
      pageBy: 'before',
      filters: [{ name: 'state', title: 'State', values: ['pending', 'delivered', 'failed'] }],
      columns: [
        { key: 'incident.subject', title: 'of' },
        { key: 'event', title: 'event' },
        { key: 'endpoint', title: 'to' },
        { key: 'state', title: 'state', kind: 'state' },
        { key: 'created_at', title: 'made', kind: 'instant' },
        { key: 'attempts', title: 'attempts', kind: 'number' },
        { key: 'status', title: 'answer', kind: 'number' },
        { key: 'error', title: 'error' },
      ],
      actions: [
        {
          title: 'Send again',
          path: 'incidents/deliveries/:id/resend',
          question: 'Send it once more? The receiver knows it by its id.',
          when: { key: 'state', values: ['delivered', 'failed'] },
        },
      ],
    },
  ],
})
export class IncidentsController {
  constructor(private readonly incidents: Incidents) {}

  @Get()
  @Documented({
    summary: 'Incidents',
    query: {
      ...pageQuery,
      state: { type: 'string', enum: ['open', 'closed'] },
      kind: { type: 'string' },
      subject: { type: 'string' },
      condition: { type: 'string' },
    },
    answer: { description: 'A page, newest first', schema: pageSchema(incidentSchema) },
  })
  async list(
    @Query(
      new QueryPipe({
        limit: limit(),
        before: position(),
        state: oneOf('open', 'closed'),
        kind: text(),
        subject: text(),
        condition: text(),
      }),
    )
    { before, state, ...filters }: Filters,
  ): Promise<WirePage<Incident>> {
    const found = await this.incidents.find({
      ...filters,
      open: state && state === 'open',
      before: before && { openedAt: before.at, id: before.id },
    });
    return pageOf(found, filters.limit, toWire, ({ openedAt, id }) => ({ at: openedAt, id }));
  }

  @Get(':id')
  @Documented({ summary: 'One incident', answer: { description: 'The incident', schema: incidentSchema } })
  async one(@Param('id') id: string): Promise<Wire<Incident>> {
    const [incident] = isUuid(id) ? await this.incidents.find({ id, limit: 1 }) : [];
    if (!incident) throw new UnknownIncidentError('incident', id);
    return toWire(incident);
  }
}
