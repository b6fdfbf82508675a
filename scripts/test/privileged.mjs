// `privileged.mjs COMMAND ...`: runs a command as one that may make network namespaces, in a user namespace if need be.
import { spawnSync } from 'node:child_process';
import { argv, exit } from 'node:process';
import { ensurePrivileges } from '../../dist/lab/privileges.js';

ensurePrivileges();
const [command, ...args] = argv.slice(2);
exit(spawnSync(command, args, { stdio: 'inherit' }).status ?? 1);
