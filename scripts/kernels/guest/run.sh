# Makes a machine of the root, runs the command, tells how it has ended, and switches the machine off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 PATHRACE_MACHINE=virtual
mount -t sysfs sys /sys
mkdir -p /dev/shm /run/netns
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
ip link set lo up
ulimit -n 65536
"$@" </dev/null
printf '\nvm: ended with %s\n' $?
echo o >/proc/sysrq-trigger
while :; do :; done
