#!/bin/bash
# The operator of a fresh machine whose first program is systemd: the Debian package. One line a check: `ok` or `not ok`.
exec >/dev/ttyS0 2>&1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root COLUMNS=200 NO_COLOR=1
cd /root || exit 1

check() { # TEXT COMMAND ...
  local text=$1; shift
  if "$@" >/tmp/said 2>&1; then echo "ok $text"; else echo "not ok $text"; sed 's/^/    /' /tmp/said; fi
}
fails() { ! "$@"; }
journal() { journalctl -u pathrace --no-pager -o cat | grep -q -- "$1"; }
fetch() { ip netns exec client curl -sf -m 30 -o /dev/null http://198.51.100.7/; }
within() { # SECONDS COMMAND ...
  local end=$((SECONDS + $1)); shift
  until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 1; done
}
active() { [ "$(systemctl is-active pathrace)" = active ]; }
table() { nft list tables | grep -q 'inet pathrace'; }
started_again() { [ "$(systemctl show -p NRestarts --value pathrace)" -gt "$1" ] && active; }

for name in client provider1 provider2; do ip netns add $name; ip -n $name link set lo up; done
ip link add lan0 type veth peer name eth0 netns client
ip link add wan1 type veth peer name eth0 netns provider1
ip link add wan2 type veth peer name eth0 netns provider2
ip -n provider1 link add across type veth peer name across netns provider2
for link in lan0 wan1 wan2; do ip link set $link up; done
for name in client provider1 provider2; do ip -n $name link set eth0 up; done
for name in provider1 provider2; do ip -n $name link set across up; done
ip addr add 192.168.1.1/24 dev lan0
ip -n client addr add 192.168.1.10/24 dev eth0; ip -n client route add default via 192.168.1.1
ip addr add 100.64.0.2/24 dev wan1; ip route add default via 100.64.0.1 dev wan1
for last in 2 3 4 5 6; do ip addr add 203.0.113.$last/29 dev wan2; done
ip -n provider1 addr add 100.64.0.1/24 dev eth0; ip -n provider2 addr add 203.0.113.1/29 dev eth0
ip -n provider2 addr add 198.51.100.7/32 dev lo
ip -n provider1 addr add 10.9.0.1/30 dev across; ip -n provider2 addr add 10.9.0.2/30 dev across
ip -n provider1 route add 198.51.100.7 via 10.9.0.2; ip -n provider2 route add 100.64.0.0/24 via 10.9.0.1
for name in provider1 provider2; do
  ip netns exec $name sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.across.rp_filter=0
done
ip netns exec provider2 python3 -m http.server 80 --bind 198.51.100.7 >/dev/null 2>&1 &
ip netns exec provider2 python3 /root/echo.py serve &
within 60 ip netns exec provider2 curl -sf -o /dev/null http://198.51.100.7/

check 'the package is installed' dpkg -i /root/pathrace.deb
check 'it has enabled nothing' fails systemctl -q is-enabled pathrace
check 'it has started nothing' fails active
check 'a start without a configuration is none, and no failure' bash -c 'systemctl start pathrace; ! systemctl -q is-active pathrace && ! systemctl -q is-failed pathrace'
cp /root/readme.yaml /etc/pathrace.yaml
# An emulated processor starts it in a minute.
mkdir -p /etc/systemd/system/pathrace.service.d
printf '[Service]\nTimeoutStartSec=900\n' >/etc/systemd/system/pathrace.service.d/slow.conf
check 'enable --now: it returns when the gateway is ready' systemctl enable --now pathrace
check 'it is active' active
check 'README’s file, lte missing: fiber and cable carry' fetch
check 'status' pathrace status
check 'status --check' pathrace status --check
check 'the line of systemctl status counts routes' bash -c "systemctl status pathrace --no-pager | grep -q '2 of 3 routes up'"
check 'systemctl reload without a change' systemctl reload pathrace

cp /etc/pathrace.yaml /root/good.yaml
sed -i 's/weight: 10/weight: -3/; s/criterion: priority/criterion: prioritty/' /etc/pathrace.yaml
check 'systemctl reload of a wrong file fails' fails systemctl reload pathrace
check 'its first mistake is in the journal' journal 'routes.fiber.weight'
check 'and its second' journal 'did you mean priority'
check 'what runs goes on' fetch
sed 's/weight: 10/weight: 7/' /root/good.yaml >/etc/pathrace.yaml
check 'systemctl reload of a change' systemctl reload pathrace
check 'the journal says what has changed' journal 'routes.fiber.weight'

ip netns exec client python3 /root/echo.py talk >/root/talked 2>&1 &
talker=$!
sleep 3
check 'systemctl restart' systemctl restart pathrace
check 'new connections after it' fetch
restarts=$(systemctl show -p NRestarts --value pathrace)
systemctl kill -s KILL --kill-who=main pathrace
check 'killed: the table stays, connections go by the kernel' table
check 'and it is started again' within 240 started_again "$restarts"
check 'new connections after that' fetch
restarts=$(systemctl show -p NRestarts --value pathrace)
kill -STOP "$(systemctl show -p MainPID --value pathrace)"
check 'stopped: the watchdog has it started again' within 300 started_again "$restarts"
check 'the journal says that it was the watchdog' journal 'Watchdog timeout'
sed -i 's/weight: 7/weight: -7/' /etc/pathrace.yaml
running() { pathrace status --json | grep -q "\"version\": \"$1\""; }
version=$(pathrace --version)
check 'an upgrade with a configuration that is refused' dpkg -i /root/next.deb
check 'does not restart what runs' running "$version"
sed -i 's/weight: -7/weight: 7/' /etc/pathrace.yaml
check 'an upgrade' dpkg -i /root/next.deb
check 'restarts what runs' within 240 running "$version+next"
check 'new connections after it' fetch
touch /root/enough
wait $talker
check 'a connection lives through restart, kill, watchdog and upgrade' grep -q 'alive' /root/talked

check 'systemctl stop' systemctl stop pathrace
check 'nothing of it is in the kernel' fails table
check 'nor its ip rules' fails bash -c 'ip rule | grep -q "proto 82\|protocol 82"'
ip link del wan2
check 'start without one of its interfaces' systemctl start pathrace
check 'the other one carries' fetch
check 'the alarm is a warning of the journal' bash -c "journalctl -u pathrace -p warning --no-pager | grep -q 'cable is down'"
check 'warnings are no errors' fails bash -c "journalctl -u pathrace -p err --no-pager -o cat | grep -v 'pathrace.yaml:' | grep -q 'route .* is down'"
systemctl stop pathrace
rm -r /etc/systemd/system/pathrace.service.d
systemctl start pathrace
check 'a purge while it runs' dpkg -P pathrace
check 'ends it' fails active
check 'leaves nothing in the kernel' fails table
check 'and no file' bash -c '! ls -d /usr/lib/pathrace /var/lib/pathrace /run/pathrace /etc/pathrace.yaml /etc/systemd/system/multi-user.target.wants/pathrace.service 2>/dev/null'
dpkg -i /root/pathrace.deb >/dev/null
systemd-analyze security --no-pager pathrace | tail -1
echo "END"
systemctl poweroff
