import { type Incident, type IncidentReport } from '../history/incident.js';
import { type Incidents } from './incidents.js';

/**
 * Opens what was found and is not open, and closes what is open and was not found, of one kind and condition.
 *
 * @param most incidents that are open at a time. With more found, none of them closes until there are fewer
 */
export async function keepIncidents(
  incidents: Pick<Incidents, 'find' | 'report' | 'resolve'>,
  { kind, condition, most }: { kind: string; condition: string; most: number },
  found: readonly IncidentReport[],
): Promise<void> {
  const open: readonly Incident[] = await incidents.find({ kind, condition, open: true, limit: most + 1 });
  const known = new Set(open.map(({ subject }) => subject));
  const now = new Set(found.map(({ subject }) => subject));
  let places = most - open.length;
  for (const report of found) if (!known.has(report.subject) && places-- > 0) await incidents.report(report);
  if (found.length > most) return;
  for (const incident of open) if (!now.has(incident.subject)) await incidents.resolve(incident);
}
