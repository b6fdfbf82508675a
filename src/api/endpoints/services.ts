/** Services, in the order in which they match. */
import { z } from 'zod';
import { ServiceStatus } from '../schemas/service.js';
import { endpoints } from './endpoint.js';

export const SERVICE_ENDPOINTS = endpoints({
  'GET /v1/services': {
    id: 'services',
    tag: 'services',
    summary: 'Services in the order in which they match, with what each took.',
    role: 'read',
    query: z.strictObject({}),
    answer: z.array(ServiceStatus),
  },
});
