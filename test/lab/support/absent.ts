/** Interfaces that go and come: under another name they are not there, and what they had is put back with them. */
import type { Lab } from '../../../lab/index.js';

export class Absentee {
  private addresses: readonly string[] = [];
  private routes: readonly (readonly string[])[] = [];

  constructor(
    private readonly lab: Lab,
    readonly name: string,
  ) {}

  private get away(): string {
    return `away-${this.name}`;
  }

  async leave(): Promise<void> {
    this.addresses = (await this.lines('-o', 'address', 'show', 'dev', this.name, 'scope', 'global')).map(
      (line) => /inet6? (\S+)/.exec(line)![1],
    );
    const routes: string[][] = [];
    for (const family of ['-4', '-6'])
      for (const line of await this.lines(family, 'route', 'show', 'dev', this.name))
        if (!line.includes('proto kernel') && !line.includes('proto 82')) routes.push([family, line]);
    this.routes = routes;
    await this.ip('link', 'set', this.name, 'down');
    await this.ip('link', 'set', this.name, 'name', this.away);
  }

  async comeBack(): Promise<void> {
    await this.ip('link', 'set', this.away, 'name', this.name);
    await this.ip('link', 'set', this.name, 'up');
    for (const address of this.addresses)
      await this.ip(
        'address',
        'replace',
        address,
        'dev',
        this.name,
        ...(address.includes(':') ? ['nodad'] : []),
      );
    for (const [family, line] of this.routes)
      await this.ip(family, 'route', 'replace', ...line.trim().split(/\s+/), 'dev', this.name);
  }

  private async lines(...words: string[]): Promise<string[]> {
    return (await this.ip(...words)).split('\n').filter((line) => line !== '');
  }

  private ip(...words: string[]): Promise<string> {
    return this.lab.gateway.must(['ip', ...words]);
  }
}
