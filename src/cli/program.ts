/** The commands and their options. Each loads what it needs when it runs, so that every start is quick. */
import { Command } from 'commander';
import type { RouteCommand } from '../api/contract.js';
import { DEFAULT_CONTROL_PATH } from '../model/config.js';
import { version } from '../observe/version.js';
import type { CommandIo } from './io.js';
import { Signals } from './signals.js';

/** Builds the parser; the exit code of the command that ran goes to `done`. */
export function createProgram(io: CommandIo, done: (code: number) => void): Command {
  const program = new Command('pathrace')
    .description('Races every new connection over all uplinks and keeps the fastest.')
    .version(version())
    .exitOverride()
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 2 wrong usage. PATHRACE_DEBUG=1 shows the origin of an error.',
    );
  const json = ['--json', 'print JSON for programs'] as const;
  const control = ['--control <socket>', 'control socket of the gateway', DEFAULT_CONTROL_PATH] as const;

  program
    .command('gateway')
    .description('run the gateway in this network namespace until SIGTERM or SIGINT')
    .requiredOption('--config <file>', 'configuration file')
    .option(...json)
    .action(async (options: { config: string }) => {
      const { loadConfig } = await import('../config/load.js');
      const config = loadConfig(options.config);
      const { runGateway } = await import('../daemon/run.js');
      const { stdout, stderr, signals = new Signals(() => {}) } = io;
      done(await runGateway(config, options.config, { stdout, stderr, signals }));
    });

  program
    .command('check')
    .description('check a configuration; prints every mistake with its line')
    .argument('<file>', 'configuration file')
    .option('--diff', 'also show what it would change in the running gateway')
    .option('--control <socket>', 'control socket of the gateway (default: that of the file)')
    .option(...json)
    .action(async (file: string, options: Json & { diff?: boolean; control?: string }) => {
      const { runCheck } = await import('./check.js');
      const { diff = false, json = false, control } = options;
      done(await runCheck(file, { diff, json, control }, io));
    });

  program
    .command('doctor')
    .description('say what this machine has and lacks for a gateway')
    .option('--config <file>', 'also look for what this configuration needs')
    .option(...json)
    .action(async (options: Json & { config?: string }) => {
      const { runDoctor } = await import('./doctor.js');
      done(await runDoctor(options.config, options.json === true, io));
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
    .option(...control)
    .option(...json)
    .action(async (options: Controlled) => {
      const { runStatus } = await import('./status.js');
      done(await runStatus(options.control, options.json === true, io));
    });

  program
    .command('why')
    .description('show how the recent connections to a destination were decided')
    .argument('<destination>', '198.51.100.7, 198.51.100.7:443, 2001:db8::1 or [2001:db8::1]:443')
    .option(...control)
    .option(...json)
    .action(async (destination: string, options: Controlled) => {
      const { runWhy } = await import('./why.js');
      done(await runWhy(destination, options.control, options.json === true, io));
    });

  program
    .command('memory')
    .description('show what is remembered of destinations, the last used first')
    .argument('[prefix]', 'only these: 198.51.100.7, 198.51.100.0/24 or 2001:db8::/32')
    .option('--limit <number>', 'destinations at most (default: 1000)')
    .option(...control)
    .option(...json)
    .action(async (prefix: string | undefined, options: Controlled & { limit?: string }) => {
      const { runMemory } = await import('./memory.js');
      const { control, json = false, limit } = options;
      done(await runMemory(prefix, { control, json, limit }, io));
    });

  program
    .command('routes')
    .description('show the state of every route, why, and how busy it is')
    .option(...control)
    .option(...json)
    .action(async (options: Controlled) => {
      const { runRoutes } = await import('./routes.js');
      done(await runRoutes(options.control, options.json === true, io));
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
        done(await runRouteCommand(route, command, options, io));
      });
  }

  program
    .command('reload')
    .description('let the gateway read its configuration again; show what changed')
    .option(...control)
    .option(...json)
    .action(async (options: Controlled) => {
      const { runReload } = await import('./reload.js');
      done(await runReload(options.control, options.json === true, io));
    });

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
  readonly control: string;
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
