/** Milliseconds of this process's processor time that some work takes: others on the machine do not make it longer. */
export function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
