/** What would happen, in sentences. Pure. */
import type { RouteState, WhatIfOutcome } from '../api/contract.js';
import { makesCopies, type ServiceConfig } from '../model/config.js';

type Decided = Pick<WhatIfOutcome, 'action' | 'route' | 'reasons' | 'routes'>;

/** `config`: of its service; null: none has taken it. `It is raced over fiber and cable; lte is asked 250 ms later.` */
export function sentenceOf(
  { action, route, reasons, routes }: Decided,
  config: ServiceConfig | null,
): string {
  const parts = (part: WhatIfOutcome['routes'][number]['part']): string[] =>
    routes.filter((one) => one.part === part).map((one) => one.route);
  switch (action) {
    case 'race': {
      const later = routes.flatMap(({ route: name, part, afterMicros = 0 }) =>
        part === 'waits' ? [`${name} ${Math.round(afterMicros / 1000)} ms later`] : [],
      );
      const measured = parts('measured');
      return [
        `It is raced over ${listed(parts('races'))}`,
        ...(later.length > 0 ? [`unless that is over by then, ${listed(later)}`] : []),
        ...(measured.length > 0
          ? [`${listed(measured)} ${measured.length > 1 ? 'are' : 'is'} measured only`]
          : []),
      ]
        .join('; ')
        .concat('.');
    }
    case 'pin':
      return `It goes by ${route}: the destination is held there by command.`;
    case 'group':
      return `It goes by ${route}, with its group (${config?.affinity}).`;
    case 'tunnel':
      return `It goes by ${route}, with the tunnel of its client and server.`;
    case 'follow':
      return route === null
        ? 'It goes by the route of the connection that has announced it.'
        : `It goes by ${route}, with the connection that has announced it.`;
    case 'memory':
      return `It goes by ${route}: that was the fastest for this destination, as is remembered.`;
    case 'turns':
      return `It takes the turn of one of ${listed(parts('may-carry'))} (${config?.select.criterion}).`;
    case 'hash':
      return `It goes by ${route}, by the hash of ${config?.select.by}.`;
    case 'one':
    case 'criterion':
      return `It goes by ${route} (${config?.select.criterion}).`;
    default:
      return `It goes by ${route} alone (${reasons.join(', ')}).`;
  }
}

/** Why a route of the service is left out. */
export function whyOfRoute(
  state: RouteState,
  config: ServiceConfig,
  action: WhatIfOutcome['action'],
): string {
  if (state === 'draining' || state === 'disabled') return `it is ${state} by command`;
  if (state === 'down') return 'it is down';
  if (action === 'race' && config.select.atMost !== null)
    return `\`atMost\` leaves ${config.select.atMost} routes, and it is none of the best`;
  if (action === 'race') return 'it is a last resort, or was silent for this destination lately';
  if (state === 'suspect' && !makesCopies(config.select.criterion))
    return 'it is suspect: a criterion leaves it out';
  return 'another one is chosen';
}

function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
