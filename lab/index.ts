/** The lab's public face. */
export type {
  Answer,
  Fault,
  Link,
  PacketDrop,
  PacketKind,
  Provider,
  Scenario,
  Server,
} from '../src/sim/scenario.js';
export type { CheckResult, ConnectPlan, ConnectResult } from './children/connector.js';
export type { EchoConnection, EchoOptions } from './children/echo.js';
export { cleanLeftovers } from './cleanup.js';
export {
  type Client,
  type Connector,
  type CurlResult,
  connectorOn,
  type Iperf3Result,
  type WrkResult,
} from './client.js';
export type { ConfigOverrides } from './config-yaml.js';
export type { EmulatorCounts, ProviderCounts, TraceFilter, WirePacket } from './emulator/protocol.js';
export type { RunOptions, RunResult, Task } from './exec.js';
export type { Host } from './host.js';
export { type Lab, startLab } from './lab.js';
export { type PlainNat, plainMasquerade, plainNat, plainNatRoundRobin } from './nat.js';
export { clientAddress, LAN_ADDRESS, LAN_SUBNET, providerOf, uplink } from './plan.js';
export type { EchoServer, ServerHost } from './server.js';
export type { LinkHandle, Wire } from './wire.js';
