/** The source files as the architecture test sees them: what each imports and what it says, without comments. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Import {
  /** A path from the root of the project (`src/wire/packet.ts`), or a package (`koffi`, `node:fs`). */
  readonly target: string;
  /** Gone after compilation. */
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

export interface SourceFile {
  /** From the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without comments; strings stay. */
  readonly code: string;
  readonly imports: readonly Import[];
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** All TypeScript files below these folders of the project. */
export function readSources(...folders: readonly string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && !name.split('/').includes('node_modules'))
      .sort()
      .map((name) => {
        const path = relative(ROOT, join(ROOT, folder, name)).replaceAll('\\', '/');
        return sourceFile(path, readFileSync(join(ROOT, path), 'utf8'));
      }),
  );
}

/** A file from its text: also one that does not exist. */
export function sourceFile(path: string, text: string): SourceFile {
  const code = withoutComments(text);
  return { path, text, code, imports: importsOf(path, code) };
}

/** The folder directly below `src`, `lab` and so on: `wire` for `src/wire/netlink/message.ts`. */
export function areaOf(path: string): string {
  const [top, second, third] = path.split('/');
  return top === 'src' && third !== undefined ? second : top;
}

const STATIC = /^[ \t]*(import|export)\s+(type\s+)?((?:[^'";]*?)\sfrom\s+)?['"]([^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const WORKER = /new URL\(\s*['"](\.[^'"]+\.js)['"],\s*import\.meta\.url\s*\)/g;

function importsOf(path: string, code: string): Import[] {
  const found: Import[] = [];
  for (const [, , type, clause, target] of code.matchAll(STATIC)) {
    const names = /\{([^}]*)\}/
      .exec(clause ?? '')?.[1]
      ?.split(',')
      .map((name) => name.trim());
    const listed = names?.filter((name) => name !== '') ?? [];
    const onlyTypes = listed.length > 0 && listed.every((name) => name.startsWith('type '));
    found.push({ target: resolve(path, target), typeOnly: type !== undefined || onlyTypes, dynamic: false });
  }
  for (const [, target] of code.matchAll(DYNAMIC)) {
    found.push({ target: resolve(path, target), typeOnly: false, dynamic: true });
  }
  for (const [, target] of code.matchAll(WORKER)) {
    found.push({ target: resolve(path, target), typeOnly: false, dynamic: true });
  }
  return found;
}

function resolve(path: string, target: string): string {
  if (!target.startsWith('.')) return target;
  return posix.join(dirname(path), target).replace(/\.js$/, '.ts');
}

/** Comments become blanks; what looks like one inside a string stays. */
function withoutComments(text: string): string {
  const pattern = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g;
  return text.replace(pattern, (match) => (/^\/[/*]/.test(match) ? match.replace(/[^\n]/g, ' ') : match));
}
