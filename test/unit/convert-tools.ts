/** Converts a text of mwan3, and reads the result as a gateway does. */
import { type ConvertOptions, convertMwan3 } from '../../src/cli/convert/mwan3/convert.js';
import type { Note } from '../../src/cli/convert/notes.js';
import { renderYaml } from '../../src/cli/convert/yaml.js';
import { parseConfig } from '../../src/config/load.js';
import type { GatewayConfig } from '../../src/model/config.js';

export interface Result {
  readonly yaml: string;
  readonly config: GatewayConfig;
  readonly notes: readonly Note[];
  /** `line section: option: effect` of what needs somebody. */
  readonly told: readonly string[];
}

export function convert(
  text: string,
  { network, ...options }: Partial<Omit<ConvertOptions, 'network'>> & { network?: string } = {},
): Result {
  const converted = convertMwan3(
    { file: 'mwan3', text },
    {
      lan: ['lan0'],
      disabled: false,
      network: network === undefined ? null : { file: 'network', text: network },
      ...options,
    },
  );
  const yaml = renderYaml(converted, 'mwan3');
  const { notes } = converted;
  const told = notes.map(
    ({ line, section, found, effect }) => `${line} ${section}: ${found.split(' ')[0]} ${effect}`,
  );
  return { yaml, config: parseConfig(yaml, 'converted'), notes, told };
}

/** Enabled interfaces by these devices. */
export const NETWORK = ['a', 'b', 'c', 'd']
  .map(
    (name) => `config interface ${name}\n option device eth-${name}\n option proto dhcp\n option metric 10\n`,
  )
  .join('');

export function interfaces(names = 'abcd', more = ''): string {
  return [...names].map((name) => `config interface ${name}\n option enabled 1\n${more}`).join('');
}

/** `a:1:3`: interface, metric, weight. */
export function policy(name: string, members: readonly string[], more = ''): string {
  const own = members.map((text, at) => {
    const [uplink, metric, weight] = text.split(':');
    return `config member ${name}_${at}\n option interface ${uplink}\n option metric ${metric}\n option weight ${weight}\n`;
  });
  const uses = members.map((_, at) => ` list use_member ${name}_${at}\n`).join('');
  return `${own.join('')}config policy ${name}\n${uses}${more}`;
}

export function rule(name: string, options: Readonly<Record<string, string>>): string {
  return `config rule ${name}\n${Object.entries(options)
    .map(([key, value]) => ` option ${key} '${value}'\n`)
    .join('')}`;
}
