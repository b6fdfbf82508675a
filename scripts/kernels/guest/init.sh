#!/bin/busybox sh
# The first process of the virtual machine: its root is the host's, read only, with the kernel's modules on top and a tmpfs for what changes.
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
for module in /modules/*.ko; do $b insmod "$module"; done
share() { $b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose "$1" "/$1"; }
share host && share layer || { echo 'vm: no root'; $b poweroff -f; }
$b mount -t tmpfs changes /changes
$b mkdir /changes/upper /changes/work
$b mount -t overlay -o lowerdir=/layer:/host,upperdir=/changes/upper,workdir=/changes/work root /root
$b mount -t tmpfs run /root/run
$b cp /run.sh /root/run/vm.sh
$b mount --move /dev /root/dev
$b mount --move /proc /root/proc
exec $b switch_root /root /bin/sh /run/vm.sh
