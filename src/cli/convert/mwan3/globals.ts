/** The globals of mwan3: what of them needs something in its place. */
import type { Options } from './options.js';

export function readGlobals(sections: readonly Options[]): { readonly logs: boolean } {
  let logs = false;
  for (const section of sections) {
    if (section.flag('logging', false)) {
      logs = true;
      section.note(
        'differs',
        'logging',
        '`pathrace why` shows every connection and its service; `log: { level: debug }` has addresses.',
      );
    }
    section.text('loglevel');
    if (section.text('mmx_mask') !== undefined)
      section.note(
        'unused',
        'mmx_mask',
        'Pathrace has marks of its own (`kernel.mark`), which leave those of mwan3 free.',
      );
    if (section.list('rt_table_lookup').length > 0)
      section.note(
        'lost',
        'rt_table_lookup',
        'Routes of the main table come first, those of other tables do not: copy them into the main table.',
      );
    if (section.flag('source_routing', false))
      section.note(
        'unused',
        'source_routing',
        'Every route has a table of its own, and its own source addresses.',
      );
    const local = section.text('local_source');
    if (local === 'none')
      section.note(
        'differs',
        'local_source',
        'Connections of the gateway itself are distributed: take `local` out of `lan`.',
      );
    section.text('rtmon_interval');
    section.noteRest();
  }
  return { logs };
}
