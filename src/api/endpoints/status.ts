/** The gateway as a whole. */
import { z } from 'zod';
import { Health, Status, Version } from '../schemas/status.js';
import { endpoints } from './endpoint.js';

export const STATUS_ENDPOINTS = endpoints({
  'GET /v1/status': {
    id: 'status',
    tag: 'gateway',
    summary: 'Routes, alarms, memory and counters.',
    role: 'read',
    query: z.strictObject({}),
    answer: Status,
  },
  'GET /v1/health': {
    id: 'health',
    tag: 'gateway',
    summary: 'Whether the gateway carries connections, for load balancers and monitoring.',
    description:
      'The verdict of `pathrace status --check`. 200: `ok`, or `alarm`. 503: `down`, or it is still starting. Answered also where a token is needed, then without alarms.',
    role: 'anyone',
    query: z.strictObject({}),
    answer: Health,
    also: { 503: 'No route can be used.' },
  },
  'GET /v1/version': {
    id: 'version',
    tag: 'gateway',
    summary: 'The version, and what whoever asks may do.',
    role: 'read',
    query: z.strictObject({}),
    answer: Version,
  },
  'GET /metrics': {
    id: 'metrics',
    tag: 'gateway',
    summary: 'Everything that is counted, for Prometheus (docs/metrics.md).',
    description: 'Prometheus’ text, or OpenMetrics to whoever accepts it.',
    role: 'read',
    query: z.strictObject({}),
    answer: z.string(),
    media: 'text/plain',
  },
  'GET /v1/openapi.json': {
    id: 'openapi',
    tag: 'gateway',
    summary: 'This document.',
    role: 'anyone',
    query: z.strictObject({}),
    answer: z.record(z.string(), z.unknown()),
    media: 'application/vnd.oai.openapi+json',
  },
});
