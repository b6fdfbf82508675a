/** The commands and their options. Each loads what it needs when it runs, so that every start is quick. */
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { RouteCommand } from '../api/contract.js';
import { WHY_LIMIT } from '../api/paths.js';
import { DEFAULT_CONTROL_PATH } from '../model/config.js';
import { version } from '../observe/version.js';
import { configFile, controlSocket, DEFAULT_CONFIG_FILE } from './defaults.js';
import type { CommandIo } from './io.js';
import type { PageOptions } from './show.js';
import { Signals } from './signals.js';
import { NARROW, WIDE } from './table.js';
import { addTokenCommands } from './token-program.js';
import type { TopOptions } from './top/run.js';
import type { WhyOptions } from './why.js';

/** Builds the parser; the exit code of the command that ran goes to `done`. */
export function createProgram(io: CommandIo, done: (code: number) => void, isJson = false): Command {
  const program = new Command('pathrace')
    .description('Races every new connection over all uplinks and keeps the fastest.')
    .version(version())
    .exitOverride()
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // As a document, like everything else that `--json` says (main.ts).
      writeErr: (text) => void (isJson ? undefined : io.stderr.write(text)),
    })
    .addHelpText('after', HELP);
  const { env } = io;
  const json = ['--json', 'print one JSON document for programs (docs/json.md)'] as const;
  const control = [
    '--control <socket>',
    `control socket of the gateway (default: PATHRACE_CONTROL, else ${DEFAULT_CONTROL_PATH})`,
  ] as const;
  const wide = ['--wide', 'all columns, in lines longer than 80 characters'] as const;
  const watch = ['--watch [seconds]', 'again and again until Ctrl-C (default: every 2 seconds)'] as const;
  const place = `PATHRACE_CONFIG, else ${DEFAULT_CONFIG_FILE}`;
  const socketOf = (options: Controlled): string => controlSocket(options.control, env);

  program
    .command('gateway')
    .description('run the gateway in this network namespace until SIGTERM or SIGINT')
    .option('--config <file>', `configuration file (default: ${place})`)
    .option(...json)
    .action(async (options: { config?: string }) => {
      const { loadApart } = await import('../config/parse-apart.js');
      const file = configFile(options.config, env);
      const config = await loadApart(file);
      const { runGateway } = await import('../daemon/run.js');
      const { stdout, stderr, signals = new Signals(() => {}) } = io;
      done(await runGateway(config, file, { stdout, stderr, signals }));
    });

  program
    .command('init')
    .description('look at this machine, ask, and write a configuration to begin with')
    .option('--yes', 'ask nothing and take what is proposed')
    .option('--output <file>', 'where to write it (default: asked; with --yes standard output)')
    .option('--force', 'also over a file that is there')
    .option(...json)
    .action(async (options: Json & { yes?: boolean; output?: string; force?: boolean }) => {
      const { runInit } = await import('./init.js');
      const { yes = false, output, force = false, json = false } = options;
      done(await runInit({ yes, output, force, json }, io));
    });

  program
    .command('check')
    .description('check a configuration; prints every mistake with its line')
    .argument('[file]', `configuration file (default: ${place})`)
    .option('--diff', 'also show what it would change in the running gateway')
    .option(
      '--control <socket>',
      'control socket of the gateway (default: PATHRACE_CONTROL, else as the file says)',
    )
    .option(...json)
    .action(async (file: string | undefined, options: Controlled & { diff?: boolean }) => {
      const { runCheck } = await import('./check.js');
      const { diff = false, json = false, control } = options;
      done(await runCheck(configFile(file, env), { diff, json, control }, io));
    });

  program
    .command('doctor')
    .description('say what this machine has and lacks for a gateway')
    .option(
      '--config <file>',
      `also look for what this configuration needs (default: ${place}, if it is there)`,
    )
    .option(...wide)
    .option(...json)
    .action(async (options: Json & { config?: string; wide?: boolean }) => {
      const { runDoctor } = await import('./doctor.js');
      const file = options.config ?? existing(configFile(undefined, env));
      done(await runDoctor(file, options.json === true, io, options.wide === true ? WIDE : NARROW));
    });

  program
    .command('cleanup')
    .description('remove every kernel object that a gateway left behind')
    .option('--force', 'also while a gateway runs')
    .option(...json)
    .action(async (options: Json & { force?: boolean }) => {
      const { runCleanup } = await import('./cleanup.js');
      done(await runCleanup(options.force === true, options.json === true, io));
    });

  program
    .command('status')
    .description('show routes, races and packets of the running gateway')
    .option('--check', 'one line for monitoring; exit code 0 well, 1 alarm, 2 down, 3 unknown')
    .option(...wide)
    .option(...watch)
    .option(...control)
    .option(...json)
    .action(async (options: Page & { check?: boolean }) => {
      if (options.check === true) {
        const { runStatusCheck } = await import('./status-check.js');
        return done(await runStatusCheck(socketOf(options), options.json === true, io));
      }
      const { runStatus } = await import('./status.js');
      done(await runStatus(socketOf(options), options, io));
    });

  program
    .command('why')
    .description('show how connections came to their routes: those that are open, and recent ones')
    .argument('[destination]', '198.51.100.7, 198.51.100.7:443, 2001:db8::1, [2001:db8::1]:443 or a name')
    .option('--client <address>', 'only of this client')
    .option('--route <route>', 'only those that go by this route')
    .option('--service <service>', 'only those that this service took')
    .option(
      '--what-if <client>',
      'what would happen to a new connection of this client now: DESTINATION[:PORT][/udp|/gre|/esp|/ah]',
    )
    .option('--dscp <code>', 'of --what-if: DSCP of its packets, 0 to 63 or a name (default: 0)')
    .option('--limit <number>', `connections at most (default: ${WHY_LIMIT})`)
    .option('--follow', 'go on with those to come, until Ctrl-C')
    .option(...wide)
    .option(...control)
    .option(...json)
    .action(
      async (
        destination: string | undefined,
        options: WhyOptions & Controlled & { whatIf?: string; dscp?: string },
      ) => {
        if (options.whatIf !== undefined) {
          const { runWhatIf } = await import('./what-if.js');
          return done(await runWhatIf(options.whatIf, destination, socketOf(options), options, io));
        }
        const { runWhy } = await import('./why.js');
        done(await runWhy(destination, socketOf(options), options, io));
      },
    );

  program
    .command('memory')
    .description('show what is remembered of destinations, the last used first')
    .argument('[prefix]', 'only these: 198.51.100.7, 198.51.100.0/24 or 2001:db8::/32')
    .option('--limit <number>', 'destinations at most (default: 1000)')
    .option(...wide)
    .option(...control)
    .option(...json)
    .action(async (prefix: string | undefined, options: Page & { limit?: string }) => {
      const { runMemory } = await import('./memory.js');
      const { json = false, limit, wide } = options;
      done(await runMemory(prefix, { control: socketOf(options), json, limit, wide }, io));
    });

  program
    .command('routes')
    .description('show the state of every route, why, and how busy it is')
    .option(...wide)
    .option(...watch)
    .option(...control)
    .option(...json)
    .action(async (options: Page) => {
      const { runRoutes } = await import('./routes.js');
      done(await runRoutes(socketOf(options), options, io));
    });

  program
    .command('services')
    .description('show which connections are chosen how, how many there were, and how the next is chosen')
    .option(...wide)
    .option(...watch)
    .option(...control)
    .option(...json)
    .action(async (options: Page) => {
      const { runServices } = await import('./services.js');
      done(await runServices(socketOf(options), options, io));
    });

  program
    .command('top')
    .description('show what the gateway does now, and how the last connections came to their routes')
    .option('--every <seconds>', 'between two looks (default: 1)')
    .option('--count <number>', 'looks, then it ends (default: until q or Ctrl-C)')
    .option('--sort <order>', 'routes by file, connections, wins, in or out (default: file)')
    .option(...wide)
    .option(...control)
    .option(...json)
    .action(async (options: TopOptions & Controlled) => {
      const { runTop } = await import('./top/run.js');
      done(await runTop(socketOf(options), options, io));
    });

  for (const [command, description] of ROUTE_COMMANDS) {
    program
      .command(command)
      .description(description)
      .argument('<route>', 'name of the route')
      .option(...control)
      .option(...json)
      .action(async (route: string, options: Controlled) => {
        const { runRouteCommand } = await import('./route-command.js');
        const { json = false } = options;
        done(await runRouteCommand(route, command, { control: socketOf(options), json }, io));
      });
  }

  program
    .command('reload')
    .description('let the gateway read its configuration again; show what changed')
    .option(...control)
    .option(...json)
    .action(async (options: Controlled) => {
      const { runReload } = await import('./reload.js');
      done(await runReload(socketOf(options), options.json === true, io));
    });

  addTokenCommands(program, io, done);

  program
    .command('convert')
    .description('make a configuration of that of another product; says what it could not carry over')
    .argument('<product>', 'mwan3')
    .argument('<file>', '/etc/config/mwan3, or a copy of it')
    .option('--network <file>', '/etc/config/network beside it, which says which devices there are')
    .option('--lan <interface...>', 'interfaces of the LAN (default: those of --network, else br-lan)')
    .option('--disabled', 'also take over interfaces that are not enabled')
    .option(...json)
    .addHelpText('after', CONVERT_HELP)
    .action(async (product: string, file: string, options: Json & ConvertOptions) => {
      const { runConvert } = await import('./convert/run.js');
      const { network, lan = [], disabled = false, json = false } = options;
      done(runConvert(product, file, { network, lan, disabled, json }, io));
    });

  program
    .command('completion')
    .description('print what makes a shell complete commands, options, routes and services')
    .argument('[shell]', 'bash, zsh or fish')
    .addOption(new Option('--names <what>', 'routes or services of the running gateway').hideHelp())
    .option(...control)
    .action(async (shell: string | undefined, options: Controlled & { names?: string }) => {
      const { runCompletion, runNames } = await import('./completion/run.js');
      const { names } = options;
      if (names !== undefined) return done(await runNames(names, socketOf(options), io));
      done(runCompletion(shell ?? '', program, io));
    });

  // Of a checkout; a package has the gateway alone.
  if (!hasLab()) return program;
  passOn(program, 'demo', 'race real connections in a small internet on this machine').action(
    async (args: string[]) => {
      const { runDemo } = await import('../../lab/demo.js');
      done(await runDemo(args));
    },
  );

  passOn(program, 'bench', 'measure the gateway against plain kernel NAT').action(async (args: string[]) => {
    const { runBench } = await import('../../bench/main.js');
    done(await runBench(args));
  });

  return program;
}

interface Json {
  readonly json?: boolean;
}

interface Controlled extends Json {
  readonly control?: string;
}

type Page = Controlled & PageOptions;

interface ConvertOptions {
  readonly network?: string;
  readonly lan?: readonly string[];
  readonly disabled?: boolean;
}

const CONVERT_HELP = `
The configuration goes to standard output, what could not be carried over to standard error and into its comments.
Exit codes: 0 converted, whatever was lost on the way; 1 nothing was converted; 2 wrong usage.`;

const HELP = `
Exit codes: 0 ok, 1 failed, 2 wrong usage; of status --check 0 well, 1 alarm, 2 down, 3 unknown.
Environment: PATHRACE_CONFIG (configuration file), PATHRACE_CONTROL (control socket), NO_COLOR,
PATHRACE_DEBUG=1 (shows the origin of an error).`;

function hasLab(): boolean {
  return existsSync(new URL('../../lab/', import.meta.url));
}

function existing(file: string): string | undefined {
  return existsSync(file) ? file : undefined;
}

const ROUTE_COMMANDS: readonly (readonly [RouteCommand, string])[] = [
  ['drain', 'send no new connections over a route; those that it has stay'],
  ['undrain', 'end the draining of a route'],
  ['kill', 'cut all connections of a route'],
  ['disable', 'use a route for nothing until it is enabled'],
  ['enable', 'use a disabled route again'],
];

/** A command that reads its own arguments, `--help` and `--json` included. */
function passOn(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('[args...]', 'see its --help')
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions();
}
