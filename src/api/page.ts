/** The page: files of one folder, known by name before anybody asks, so that no path leads out of it. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** BOUNDED: what is more is not served. */
const MAX_FILES = 500;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Compressed before, in the order in which they are preferred. */
const ENCODINGS = [
  { suffix: '.br', name: 'br' },
  { suffix: '.gz', name: 'gzip' },
] as const;

interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly etag: string;
  readonly size: number;
  readonly encoded: readonly { readonly name: string; readonly path: string; readonly size: number }[];
}

/** The folder that the build makes, seen from here compiled or not. */
export async function pageFolder(): Promise<string | null> {
  for (const path of ['../../web', '../../dist/web']) {
    const folder = fileURLToPath(new URL(path, import.meta.url));
    if (await isFile(join(folder, 'index.html'))) return folder;
  }
  return null;
}

export class Page {
  private constructor(private readonly files: ReadonlyMap<string, PageFile>) {}

  /** Of a folder; null: of none. */
  static async of(folder: string | null): Promise<Page> {
    return new Page(folder === null ? new Map() : await filesOf(folder));
  }

  get isThere(): boolean {
    return this.files.has('/index.html');
  }

  /** Answers a GET that is none of the API's; false: there is nothing by that name. */
  async answer(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const path = pathOf(request.raw);
    if (!this.isThere) {
      if (path !== '/index.html') return false;
      reply.type('text/plain; charset=utf-8').send(HINT);
      return true;
    }
    // Views of the page have addresses of their own, and names without an ending.
    const isView = !path.startsWith('/v1/') && extname(path) === '';
    const file = this.files.get(path) ?? (isView ? this.files.get('/index.html') : undefined);
    if (file === undefined) return false;
    send(file, request.raw, reply);
    return true;
  }
}

const HINT =
  'This is the API of a Pathrace gateway: GET /v1/openapi.json. The page is not built (npm run build).\n';

function send(file: PageFile, request: IncomingMessage, reply: FastifyReply): void {
  reply.hijack();
  const response: ServerResponse = reply.raw;
  const accepted = String(request.headers['accept-encoding'] ?? '');
  const encoded = file.encoded.find(({ name }) =>
    new RegExp(`\\b${name}\\b(?!;q=0(?:\\.0*)?(?:,|$))`).test(accepted),
  );
  const isHashed = /[-.][\w-]{8,}\.\w+$/.test(file.path) && file.path.includes(`${sep}assets${sep}`);
  response.setHeader('content-type', file.type);
  response.setHeader('etag', file.etag);
  response.setHeader('vary', 'accept-encoding');
  response.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache');
  if (request.headers['if-none-match'] === file.etag) {
    response.writeHead(304).end();
    return;
  }
  if (encoded !== undefined) response.setHeader('content-encoding', encoded.name);
  response.setHeader('content-length', encoded?.size ?? file.size);
  response.writeHead(200);
  const stream = createReadStream(encoded?.path ?? file.path);
  stream.on('error', () => response.destroy());
  response.on('close', () => stream.destroy());
  stream.pipe(response);
}

function pathOf(request: IncomingMessage): string {
  const path = (request.url ?? '/').split('?')[0];
  return path === '/' ? '/index.html' : path;
}

async function filesOf(folder: string): Promise<Map<string, PageFile>> {
  const files = new Map<string, PageFile>();
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  // Links lead elsewhere.
  const paths = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort()) {
    const type = TYPES[extname(path)];
    if (type === undefined || files.size >= MAX_FILES) continue;
    const bytes = await readFile(path);
    const encoded = [];
    for (const { suffix, name } of ENCODINGS) {
      const found = await stat(path + suffix).catch(() => null);
      if (found?.isFile() === true) encoded.push({ name, path: path + suffix, size: found.size });
    }
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 24)}"`;
    const url = `/${relative(folder, path).split(sep).join('/')}`;
    files.set(url, { path, type, etag, size: bytes.length, encoded });
  }
  return files;
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() === true;
}
