/** A web server that gives every question the same status and no body: a check's page, a captive portal. */
import { createServer } from 'node:http';
import { serve } from '../rpc.js';

export interface WebPage {
  port: number;
  status: number;
  /** Where a redirection leads. */
  location?: string;
}

async function listen({ port, status, location }: WebPage): Promise<void> {
  const headers = { connection: 'close', ...(location === undefined ? {} : { location }) };
  const server = createServer((_, response) => response.writeHead(status, headers).end());
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen({ port, host: '::' }, resolve);
  });
}

serve({ listen });
