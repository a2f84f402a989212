export { actorOf, RequestActor } from './actor.js';
export { AccessGuard } from './access.guard.js';
export { HTTP_ACCESS, type HttpAccess } from './access.js';
export { ApiController } from './api-controller.js';
export {
  DashboardTab,
  type DashboardAction,
  type DashboardColumn,
  type DashboardColumnKind,
  type DashboardFilter,
  type DashboardItemChart,
  type DashboardItemList,
  type DashboardList,
  type DashboardTabOptions,
} from './dashboard-tab.js';
export { hostCheck, type HostCheckOptions } from './host-check.js';
export { HttpAccessModule } from './http-access.module.js';
export { type ErrorWithStatus, type Problem, problemOf } from './problem.js';
export { ProblemDetailsFilter } from './problem-details.filter.js';
export { flag, instant, limit, oneOf, type QueryParameter, QueryPipe, someOf, text } from './query.pipe.js';
export { toWire, toWirePage, type Wire, type WirePage } from './wire.js';
