/** The configuration: in force, checked, compared, applied. */
import { z } from 'zod';
import { count, flag, number, said, text, texts } from './common.js';

export const ConfigChange = z
  .object({
    key: text('Path of a key of the configuration.'),
    before: said(z.string().nullable(), 'What runs; null: nothing.'),
    after: said(z.string().nullable(), 'What the file says; null: nothing.'),
    apply: said(
      z.enum(['live', 'restart']),
      '`live`: a reload takes it over; `restart`: only the next start does.',
    ),
  })
  .meta({ id: 'ConfigChange' });

export const ConnectionEffect = z
  .object({
    route: said(
      z.string().nullable(),
      'The route that carries the connections until now; null: it concerns no single route.',
    ),
    becomes: said(
      z.string().nullable(),
      'The route that goes on for it, by its new name; null: none, or no single one.',
    ),
    connections: said(z.number().nullable(), 'How many there are; null where it concerns no single route.'),
    fate: said(
      z.enum(['stay', 'cut', 'cut-without-address']),
      '`cut-without-address`: those are cut that have an address which the route has no more.',
    ),
    text: text('The same in words.'),
  })
  .meta({ id: 'ConnectionEffect' });

const preview = {
  changes: z.array(ConfigChange),
  effects: said(
    z.array(ConnectionEffect),
    'What becomes of the connections that are there; nothing is said of those that notice nothing.',
  ),
};

export const ReloadPreview = z.object(preview).meta({ id: 'ReloadPreview' });

export const ReloadReport = z
  .object({
    ...preview,
    applied: flag('Whether anything was taken over.'),
    left: count('Connections that are still to be cut; absent when there are none.').exactOptional(),
  })
  .meta({ id: 'ReloadReport' });

export const ApplyReport = ReloadReport.extend({
  file: text('The file that was written.'),
  backup: said(
    z.string().nullable(),
    'Where the text of before is kept; null: nothing was written, it is the same.',
  ),
}).meta({ id: 'ApplyReport' });

export const ConfigProblem = z
  .object({
    line: number('From 1.'),
    column: number('From 1, in characters.'),
    key: text('Path of the key, such as `routes.a.addresses[1]`; empty: the file as a whole.'),
    found: text('What is written there, shortened.'),
    expected: text('What is allowed there.'),
    message: text('What is wrong.'),
  })
  .meta({ id: 'ConfigProblem' });

export const ValidationReport = z
  .object({
    valid: flag('Whether a gateway would start with it.'),
    problems: said(z.array(ConfigProblem), 'Every mistake, in the order of the text.'),
    notes: texts('What is right in some networks and a mistake in others, in words.'),
  })
  .meta({ id: 'ValidationReport' });

export const ConfigText = z
  .object({
    file: text('The configuration file in use.'),
    text: text('What it says.'),
    digest: text('Of the text, SHA-256 in hex: `If-Match` of what changes it.'),
  })
  .meta({ id: 'ConfigText' });

/** Whatever the schema of the configuration makes of a file: docs/configuration.md. */
export const EffectiveConfig = z.record(z.string(), z.unknown()).meta({
  id: 'EffectiveConfig',
  description:
    'The configuration in force with all defaults; its keys are those of docs/configuration.md, as the gateway uses them.',
});
