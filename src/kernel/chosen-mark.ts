/** The mark of a flow that a criterion has given to a route without asking its server. */
import type { Verdict } from '../core/contract.js';
import type { EngineService } from '../core/engine-types.js';
import { type Marks, routeMark, serviceMark } from './marks.js';

export function chosenMark(marks: Marks, service: EngineService | undefined, verdict: Verdict): number {
  const hasOthers = service !== undefined && service.routes.length > 1;
  const isRescuable = hasOthers && verdict.reason !== 'same-flow';
  return (
    (routeMark(marks, verdict.route) |
      serviceMark(marks, verdict.service) |
      marks.chosen |
      (isRescuable ? marks.rescuable : 0) |
      (verdict.counted ? marks.counted : 0)) >>>
    0
  );
}
