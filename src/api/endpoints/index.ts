/**
 * The table of the API: every endpoint, what it takes and what it answers. `docs/openapi.json` and `docs/api.md` are made of it, the
 * daemon checks requests by that document, and the types of daemon, commands and page are its types. Only what makes the documents loads
 * this at run time: all others import its types.
 */
import { CONFIG_ENDPOINTS } from './config.js';
import { CONNECTION_ENDPOINTS } from './connections.js';
import { EVENT_ENDPOINTS } from './events.js';
import { MEMORY_ENDPOINTS } from './memory.js';
import { ROUTE_ENDPOINTS } from './routes.js';
import { SERVICE_ENDPOINTS } from './services.js';
import { SESSION_ENDPOINTS } from './session.js';
import { STATUS_ENDPOINTS } from './status.js';

export const ENDPOINTS = {
  ...STATUS_ENDPOINTS,
  ...ROUTE_ENDPOINTS,
  ...SERVICE_ENDPOINTS,
  ...CONNECTION_ENDPOINTS,
  ...MEMORY_ENDPOINTS,
  ...CONFIG_ENDPOINTS,
  ...EVENT_ENDPOINTS,
  ...SESSION_ENDPOINTS,
} as const;
