/** System calls that only the emulator needs. */
import { systemCall } from '../../src/kernel/ffi.js';

export const calls = {
  read: systemCall('read', 'intptr_t', ['int', 'uintptr_t', 'size_t']),
  getsockopt: systemCall('getsockopt', 'int', ['int', 'int', 'int', 'uintptr_t', 'uintptr_t']),
  clockGettime: systemCall('clock_gettime', 'int', ['int', 'uintptr_t']),
  timerfdCreate: systemCall('timerfd_create', 'int', ['int', 'int']),
  timerfdSettime: systemCall('timerfd_settime', 'int', ['int', 'int', 'uintptr_t', 'uintptr_t']),
} as const;
