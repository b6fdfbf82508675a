/** The configuration: in force, checked, compared, applied, read again. */
import { z } from 'zod';
import { text } from '../schemas/common.js';
import {
  ApplyReport,
  ConfigText,
  EffectiveConfig,
  ReloadPreview,
  ReloadReport,
  ValidationReport,
} from '../schemas/config.js';
import { endpoints } from './endpoint.js';

const yaml = { media: 'text/yaml' } as const;
const nothing = z.strictObject({});

export const CONFIG_ENDPOINTS = endpoints({
  'GET /v1/config': {
    id: 'config',
    tag: 'configuration',
    summary: 'The configuration in force, with all defaults.',
    role: 'read',
    query: nothing,
    answer: EffectiveConfig,
  },
  'GET /v1/config/file': {
    id: 'configFile',
    tag: 'configuration',
    summary: 'The text of the configuration file.',
    role: 'read',
    query: nothing,
    answer: ConfigText,
    problems: [422],
  },
  'POST /v1/config/validate': {
    id: 'validateConfig',
    tag: 'configuration',
    summary: 'What is wrong with the text of a configuration file.',
    role: 'read',
    query: nothing,
    body: yaml,
    answer: ValidationReport,
    isLong: true,
  },
  'POST /v1/config/diff': {
    id: 'diffConfig',
    tag: 'configuration',
    summary: 'What a reload would do if this text were its file.',
    role: 'read',
    query: nothing,
    body: yaml,
    answer: ReloadPreview,
    problems: [422],
    isLong: true,
  },
  'PUT /v1/config/apply': {
    id: 'applyConfig',
    tag: 'configuration',
    summary: 'Writes this text to the configuration file, and reads that again.',
    description:
      'Written as a whole or not at all; what the file said before is kept beside it, with `.bak` at its end. When the reload is refused or fails, the file says again what it said. With `If-Match` only if nobody else has changed it meanwhile: else 412.',
    role: 'operate',
    query: nothing,
    headers: z.object({
      'If-Match': text('The `digest` of the file as it was read, in quotes.').exactOptional(),
    }),
    body: yaml,
    answer: ApplyReport,
    problems: [409, 412, 422],
    isLong: true,
  },
  'POST /v1/reload': {
    id: 'reload',
    tag: 'configuration',
    summary: 'Reads the configuration file again.',
    role: 'operate',
    query: nothing,
    answer: ReloadReport,
    problems: [422],
    isLong: true,
  },
  'POST /v1/preview': {
    id: 'preview',
    tag: 'configuration',
    summary: 'As `POST /v1/config/diff`, for tools of before.',
    role: 'read',
    query: nothing,
    body: yaml,
    answer: ReloadPreview,
    problems: [422],
    isLong: true,
  },
});
