/** Runs a system tool: nft and ip, which know how to write what we declare. */
import { spawn } from 'node:child_process';
import { PathraceError } from '../model/errors.js';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Debian keeps nft and ip where the PATH of an ordinary user does not look. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;
const TIME_LIMIT_MS = 20_000;

/** Runs a tool to its end, with `input` on its standard input. Never throws for a bad exit code. */
export function tryCommand(command: string, args: readonly string[], input = ''): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, PATH, LC_ALL: 'C' },
      timeout: TIME_LIMIT_MS,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => {
      reject(
        new PathraceError('E_COMMAND_FAILED', `The tool "${command}" cannot be run: ${error.message}.`, {
          remedy: `Install it (Debian: apt-get install ${command === 'nft' ? 'nftables' : 'iproute2'}).`,
        }),
      );
    });
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    child.stdin.on('error', () => {
      // The tool ended without reading: its exit code tells.
    });
    child.stdin.end(input);
  });
}

/** As `tryCommand`; a tool that is not there or cannot be run has failed like any other. */
export function attemptCommand(command: string, args: readonly string[], input = ''): Promise<CommandResult> {
  return tryCommand(command, args, input).catch((error: unknown) => ({
    code: -1,
    stdout: '',
    stderr: String(error),
  }));
}

/** Hands nft a transaction; twice, since a failure that passes is none. */
export async function tryNft(text: string, options: readonly string[] = []): Promise<CommandResult> {
  const attempt = (): Promise<CommandResult> => tryCommand('nft', [...options, '-f', '-'], text);
  const result = await attempt();
  return result.code === 0 ? result : attempt();
}

/** As `tryCommand`, but a bad exit code is an error with the tool's own words. */
export async function runCommand(command: string, args: readonly string[], input = ''): Promise<string> {
  const result = await tryCommand(command, args, input);
  if (result.code !== 0) {
    const words = result.stderr.trim().split('\n').slice(0, 4).join(' | ');
    throw new PathraceError(
      'E_COMMAND_FAILED',
      `"${command} ${args.join(' ')}" failed: ${words || `exit ${result.code}`}.`,
    );
  }
  return result.stdout;
}
