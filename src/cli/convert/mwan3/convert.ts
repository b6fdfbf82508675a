/** A configuration of mwan3 as one of ours, and what of it is not carried over. */
import { PathraceError } from '../../../model/errors.js';
import { type Network, readNetwork } from '../network.js';
import { type Note, Notes } from '../notes.js';
import { parseUci, type UciSection } from '../uci.js';
import { readGlobals } from './globals.js';
import { readInterfaces, type Uplink } from './interfaces.js';
import { Options } from './options.js';
import { readMembers, readPolicies } from './policies.js';
import { lanOf, readRules, type Service, servicesOf, usesOf } from './rules.js';
import { planSelects } from './selects.js';

/** A text and where it is from. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

export interface ConvertOptions {
  /** /etc/config/network. */
  readonly network: Source | null;
  /** Interfaces of the LAN; empty: those of the file of networks, or br-lan. */
  readonly lan: readonly string[];
  /** Also interfaces that are not enabled. */
  readonly disabled: boolean;
}

/** What becomes a file. */
export interface Converted {
  readonly lan: readonly string[];
  readonly uplinks: readonly Uplink[];
  readonly weights: ReadonlyMap<string, number>;
  readonly lastResorts: ReadonlySet<string>;
  readonly services: readonly Service[];
  /** Name of the rest route. */
  readonly rest: string;
  readonly notes: readonly Note[];
}

/** Throws E_CONVERT where the text is no UCI, or has fewer routes than a gateway needs. */
export function convertMwan3(source: Source, options: ConvertOptions): Converted {
  const notes = new Notes();
  const sections = parseUci(source.text, source.file);
  const { network: networkFile } = options;
  const network = networkFile === null ? null : readNetwork(parseUci(networkFile.text, networkFile.file));
  const of = sectionsByType(sections, notes);
  const { logs } = readGlobals(of('globals'));
  const interfaces = of('interface');
  const { uplinks, logical } = readInterfaces(interfaces, { network, disabled: options.disabled });
  if (uplinks.length < 2) throw tooFew(source.file, uplinks);
  const devices = new Set(uplinks.map(({ device }) => device));
  const members = readMembers(of('member'), logical);
  const policies = readPolicies(of('policy'), members);
  const all = readRules(of('rule'), { policies, network, devices, logs });
  const rest = restOf(uplinks);
  const lan = lanOf(lanDevices(options, network, interfaces, notes), all, devices);
  if (lan.length === 1)
    notes.add(
      'lost',
      { line: 1, section: 'lan' },
      'no interface',
      'Only the gateway’s own connections are distributed: add the LAN to `lan`.',
    );
  const rules = all.filter(({ match, section }) => {
    if (match.interface === null || lan.includes(match.interface)) return true;
    section.note('lost', 'src_iface', 'The rule is left out: too many interfaces.');
    return false;
  });
  const plan = planSelects(usesOf(rules), rest);
  const services = servicesOf(rules, plan);
  const { weights, lastResorts } = plan;
  return { lan, uplinks, weights, lastResorts, services, rest, notes: notes.inOrder() };
}

const TYPES: readonly string[] = ['globals', 'interface', 'member', 'policy', 'rule'];

/** Sections of a type by their names; those without one are named after their place among all. */
function sectionsByType(sections: readonly UciSection[], notes: Notes): (type: string) => readonly Options[] {
  const all = sections.map(
    (section, at) => new Options(section, section.name ?? `${section.type.slice(0, 9)}-${at + 1}`, notes),
  );
  for (const one of all)
    if (!TYPES.includes(one.section.type)) one.noteAll('unused', 'Not a section that mwan3 knows.');
  return (type) => all.filter(({ section }) => section.type === type);
}

function tooFew(file: string, uplinks: readonly Uplink[]): PathraceError {
  const names = uplinks.length === 0 ? 'none' : `one: ${uplinks[0].route}`;
  return new PathraceError('E_CONVERT', `${file} has fewer than two interfaces that are enabled.`, {
    found: names,
    expected: 'two providers, by two devices',
    remedy: 'Enable them in the file first, or say --disabled to take over those that are not.',
  });
}

/** The main table's first default, as far as the file of networks says; else the first. */
function restOf(uplinks: readonly Uplink[]): string {
  const known = uplinks.filter(({ metric }) => metric !== null);
  if (known.length < uplinks.length) return uplinks[0].route;
  return known.reduce((best, one) => (one.metric! < best.metric! ? one : best)).route;
}

function lanDevices(
  { lan }: ConvertOptions,
  network: Network | null,
  interfaces: readonly Options[],
  notes: Notes,
): readonly string[] {
  if (lan.length > 0) return lan;
  const found = network?.lanWithout(interfaces.map(({ name }) => name)) ?? [];
  if (found.length > 0) return found;
  const place = { line: 1, section: 'lan' };
  notes.add(
    'differs',
    place,
    'not said',
    'mwan3 distributes what comes in by any interface. br-lan is taken: name yours in `lan`, or with --lan.',
  );
  return ['br-lan'];
}
