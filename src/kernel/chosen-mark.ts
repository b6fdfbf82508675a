/** The mark of a flow that a criterion has given to a route without asking its server. */
import type { EngineService, RouteNumber, ServiceNumber } from '../core/engine-types.js';
import { MARK, routeMark, serviceMark } from './constants.js';

export function chosenMark(
  service: EngineService | undefined,
  number: ServiceNumber,
  route: RouteNumber,
  rescuable: boolean,
  counted: boolean,
): number {
  const hasOthers = service !== undefined && service.routes.length > 1;
  return (
    routeMark(route) |
    serviceMark(number) |
    (rescuable && hasOthers ? MARK.RESCUABLE : 0) |
    (service?.translate === false ? MARK.UNTRANSLATED : 0) |
    (counted ? MARK.COUNTED : 0)
  );
}
