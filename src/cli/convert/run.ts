/** `pathrace convert`: a configuration of another product as one of ours, and what of it could not be carried over. */
import { parseConfig } from '../../config/load.js';
import { readConfig } from '../../config/read.js';
import { PathraceError } from '../../model/errors.js';
import { type CommandIo, EXIT, writeResult } from '../io.js';
import { paintFor } from '../style.js';
import { isDevice } from './device.js';
import { convertMwan3, type Source } from './mwan3/convert.js';
import type { Effect } from './notes.js';
import { noteLine, renderYaml } from './yaml.js';

export interface ConvertArguments {
  readonly network: string | undefined;
  readonly lan: readonly string[];
  readonly disabled: boolean;
  readonly json: boolean;
}

/** From which products; one has one. */
const PRODUCTS = ['mwan3'];

export function runConvert(product: string, file: string, options: ConvertArguments, io: CommandIo): number {
  if (!PRODUCTS.includes(product))
    throw new PathraceError('E_ARGUMENT', 'Not a product whose configuration can be converted.', {
      found: product,
      expected: PRODUCTS.join(', '),
      remedy: 'docs/guide/from-pfsense.md says by hand what becomes of the others.',
    });
  for (const name of options.lan)
    if (!isDevice(name))
      throw new PathraceError('E_ARGUMENT', 'No interface of a LAN can have this name.', { found: name });
  const network = options.network === undefined ? null : read(options.network);
  const converted = convertMwan3(read(file), { network, lan: options.lan, disabled: options.disabled });
  const { notes } = converted;
  for (const name of options.lan)
    if (!converted.lan.includes(name))
      throw new PathraceError('E_ARGUMENT', 'The LAN has an interface that is a provider’s, or too many.', {
        found: name,
      });
  const configuration = renderYaml(converted, file);
  // What is printed is taken by a gateway, or it is not printed: else this throws.
  parseConfig(configuration, 'the converted configuration');
  const counts = { lost: 0, differs: 0, unused: 0 };
  for (const { effect } of notes) counts[effect]++;
  if (options.json) {
    writeResult(io, { file, configuration, notes, counts });
    return EXIT.ok;
  }
  io.stdout.write(configuration);
  const paint = paintFor(io.stderr, io.env);
  for (const note of notes) io.stderr.write(`${paint(COLOURS[note.effect], `${file}: ${noteLine(note)}`)}\n`);
  const { lost, differs, unused } = counts;
  io.stderr.write(`${lost} lost, ${differs} done in another way, ${unused} that needed nothing\n`);
  return EXIT.ok;
}

const COLOURS = { lost: 'red', differs: 'yellow', unused: 'dim' } as const satisfies Record<Effect, string>;

function read(file: string): Source {
  return { file, text: readConfig(file) };
}
