/** Lines of FTP, and datagrams of TFTP, to test and fuzz with. */
import { ascii } from './hello.js';
import { bytesOf } from './sip.js';

export const FTP: readonly Uint8Array[] = [
  'PORT 192,168,1,10,19,137\r\n',
  'EPRT |1|192.168.1.10|5001|\r\n',
  'eprt |2|2001:db8::9|5001|\r\n',
  '227 Entering Passive Mode (203,0,113,5,195,80).\r\n',
  '227 =203,0,113,5,195,80\r\n',
  '229 Entering Extended Passive Mode (|||6446|)\r\n',
  '220-Welcome\r\n220 to this server\r\n',
  '\xff\xf4\xff\xf2ABOR\r\n',
  'RETR /pub/file with 1,2,3,4,5,6.txt\r\n',
].map(bytesOf);

export const request = (opcode: number, name: string, ...more: readonly string[]): Uint8Array =>
  Uint8Array.from([0, opcode, ...[name, ...more].flatMap((text) => [...ascii(text), 0])]);

export const TFTP: readonly Uint8Array[] = [
  request(1, 'boot/pxelinux.0', 'octet'),
  request(2, 'config.txt', 'NetASCII', 'blksize', '1428', 'tsize', '0'),
  Uint8Array.from([0, 3, 0, 1, 1, 2, 3]),
  Uint8Array.from([0, 4, 0, 0]),
  Uint8Array.from([0, 5, 0, 1, ...ascii('File not found'), 0]),
  Uint8Array.from([0, 6, ...ascii('blksize'), 0, ...ascii('1428'), 0]),
];
