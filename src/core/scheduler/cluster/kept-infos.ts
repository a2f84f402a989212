import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { type ClusterView } from './cluster-view.js';
import { infoKeepsUntil, recordInfo, type Surroundings } from './record-info.js';

interface Kept {
  readonly view: ClusterView;
  readonly running: boolean;
  /** The period in which it is valid, without its end, by the coordinator's time. */
  readonly from: number;
  readonly until: number;
  readonly info: WorkerInfo;
}

/**
 * Keeps the infos of a list's workers while they are valid: most workers are idle most of the time, and building the
 * infos of 500 for each request took as long as all of their JSON. Infos with active or waiting runs are built each time.
 */
export class KeptInfos {
  private readonly kept = new WeakMap<WorkerDefinition, Kept>();

  /** @param view the same object as long as the record is */
  of(definition: WorkerDefinition, view: ClusterView, around: Surroundings): WorkerInfo {
    const { now, running } = around;
    const quiet = around.executions.length === 0 && view.requests.nextAt === undefined;
    const kept = quiet ? this.kept.get(definition) : undefined;
    if (kept?.view === view && kept.running === running && now >= kept.from && now < kept.until)
      return kept.info;
    const info = recordInfo(definition, view, around);
    if (quiet && info.activeRuns === 0)
      this.kept.set(definition, {
        view,
        running,
        from: now,
        until: infoKeepsUntil(definition, view, info, around),
        info,
      });
    return info;
  }
}
