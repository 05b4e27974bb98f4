"""Machines on a network: each a process in namespaces of its own, on a slow link that can be cut.

What a machine sends goes through a TUN device to this process, which delivers it after the latency,
or loses it. (Not every kernel has ``netem``.) Nothing outside is reached, and no rights are needed
where users may have namespaces and open ``/dev/net/tun``.

    network = Network(latency=0.05)
    process = network.start("alice", ["sleep", "9"], hidden=["/tmp"])
    network.cut("alice")
"""

import contextlib
import fcntl
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from pathlib import Path

import psutil

# Of Linux: <linux/if_tun.h>, <linux/if.h>, <linux/sockios.h>.
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK, IFF_UP = 0x8914, 0x8916, 0x891C, 0x1
NAMESPACES = ("unshare", "--map-root-user", "--net", "--mount")


class Network:
    """The links of all machines.

    Parameters
    ----------
    latency : float
        Seconds from one machine to another.
    """

    def __init__(self, latency):
        self.latency, self.addresses, self.links, self.lost = latency, {}, {}, set()
        self.guarded = set()
        self.delivered = Counter()
        threading.Thread(target=self._deliver, daemon=True).start()

    def address(self, name):
        """Return the address of the machine *name*."""
        return self.addresses.setdefault(name, f"10.9.0.{len(self.addresses) + 1}")

    def start(self, name, command, hidden=(), **options):
        """Run *command* as the machine *name*, for which all in the folders *hidden* but Python is out of sight."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            entrance = [sys.executable, __file__, str(theirs.fileno()), self.address(name), os.pathsep.join(hidden)]
            process = psutil.Popen([*NAMESPACES, *entrance, *command], pass_fds=[theirs.fileno()], **options)
            theirs.close()
            link = socket.recv_fds(ours, 1, 2)[1]
        if not link:
            raise OSError(f"no namespaces: exit code {process.wait()}")
        self.links[socket.inet_aton(self.address(name))] = link
        return process

    def cut(self, name):
        """Lose all that the machine *name* sends and is sent, of which no machine is told."""
        self.lost.add(socket.inet_aton(self.address(name)))

    def guard(self, name):
        """Lose what would open a connection to the machine *name*, as a firewall does; it can itself open some."""
        self.guarded.add(socket.inet_aton(self.address(name)))

    def switch(self, name, on):
        """Turn the network interface of the machine *name* on or off."""
        fcntl.ioctl(self.links[socket.inet_aton(self.address(name))][1], SIOCSIFFLAGS, flags("link", IFF_UP * on))

    def _deliver(self):
        under_way = deque()
        while True:
            links = {address: tun for address, (tun, _) in self.links.items()}
            wait = max(0, min(0.1, under_way[0][0] - time.monotonic() if under_way else 1))
            for tun in select.select(links.values(), [], [], wait)[0]:
                with contextlib.suppress(OSError):  # the interface is off
                    under_way.append((time.monotonic() + self.latency, os.read(tun, 2**16)))
            while under_way and under_way[0][0] <= time.monotonic():
                packet = under_way.popleft()[1]
                source, target = packet[12:16], packet[16:20]
                if target in self.guarded and packet[4 * (packet[0] & 15) + 13] & 0x12 == 0x02:  # SYN without ACK
                    continue
                if target in links and not {source, target} & self.lost:
                    with contextlib.suppress(OSError):  # the interface is off, or the machine has ended
                        self.delivered[socket.inet_ntoa(target)] += os.write(links[target], packet)


def flags(device, value):
    """Return the ``struct ifreq`` that sets the flags of a network interface."""
    return struct.pack("16sH22x", device.encode(), value)


def address(device, value):
    """Return the ``struct ifreq`` that sets an address of a network interface."""
    return struct.pack("16sHH4s16x", device.encode(), socket.AF_INET, 0, socket.inet_aton(value))


def mount(*options):
    subprocess.run(["mount", *options], check=True)


def enter(parent, own, hidden):
    """Make the network of this machine, give its link to *parent*, and hide folders."""
    tun = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, flags("link", IFF_TUN | IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, flags("lo", IFF_UP))
        fcntl.ioctl(control, SIOCSIFADDR, address("link", own))
        fcntl.ioctl(control, SIOCSIFNETMASK, address("link", "255.255.255.0"))
        fcntl.ioctl(control, SIOCSIFFLAGS, flags("link", IFF_UP))
        socket.send_fds(parent, [b"x"], [tun, control.fileno()])
    if hidden:
        mount("--bind", sys.prefix, "/mnt")
        for folder in filter(os.path.isdir, hidden):
            mount("-t", "tmpfs", "tmpfs", folder)
        Path(sys.prefix).mkdir(parents=True, exist_ok=True)
        mount("--move", "/mnt", sys.prefix)


if __name__ == "__main__":
    number, own, hidden, *command = sys.argv[1:]
    with socket.socket(fileno=int(number)) as parent:
        enter(parent, own, list(filter(None, hidden.split(os.pathsep))))
    os.execvp(command[0], command)
