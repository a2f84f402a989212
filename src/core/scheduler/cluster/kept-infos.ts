import { type WorkerDefinition } from '../../registry/worker-definition.js';
import { type WorkerInfo } from '../../worker/worker-info.js';
import { type ClusterView } from './cluster-view.js';
import { infoKeepsUntil, recordInfo, type Surroundings } from './record-info.js';

interface Kept {
  readonly view: ClusterView;
  readonly running: boolean;
  /** From when until when it is true, without the end. The coordinator's time. */
  readonly from: number;
  readonly until: number;
  readonly info: WorkerInfo;
}

/**
 * The workers of a list, each as it was shown the last time while that is still true: most of many do nothing most of the time,
 * and to make the infos of 500 anew for each request took as long as all of their JSON. Those of active runs and of
 * runs that wait are made anew.
 */
export class KeptInfos {
  private readonly kept = new WeakMap<WorkerDefinition, Kept>();

  /** @param view the same as long as the record is */
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
