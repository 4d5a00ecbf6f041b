"""One switch with so many hosts, as Mininet has it: a Linux bridge, no controller. Run by
benches/mininet.rs: one_switch.py HOSTS [pings]. Says what it took, in ms, from when Mininet is imported.
"""

import os
import sys
import time

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.topo import SingleSwitchTopo


def timed(what, act):
    began = time.monotonic()
    result = act()
    print(f"{what} {(time.monotonic() - began) * 1000:.3f} ms", flush=True)
    return result


def up(count):
    net = Mininet(topo=SingleSwitchTopo(count), switch=LinuxBridge, controller=None)
    net.start()
    return net


def introduce(hosts):
    """Each knows the hardware addresses of all. The kernel has one table of neighbours for all
    namespaces, with room for 1024 (gc_thresh3), for those it is told none: a full one makes a
    ping wait for ten seconds. Mininet makes the machine's larger, which a bench may not."""
    for host in hosts:
        others = (other for other in hosts if other is not host)
        with open("/run/neighbours", "w") as batch:
            for other in others:
                batch.write(f"neigh replace {other.IP()} lladdr {other.MAC()} dev {host.defaultIntf()}\n")
        said = host.cmd("ip -batch /run/neighbours")
        assert not said, said


def main():
    setLogLevel("critical")
    count, pings = int(sys.argv[1]), "pings" in sys.argv
    net = timed("up", lambda: up(count))
    hosts = net.hosts
    if pings:
        introduce(hosts)
    farthest = [hosts[0], hosts[-1]]  # not at once: a bridge's ports wait for their carriers
    reached = any(net.ping(farthest, timeout="1") == 0 for _ in range(9))
    assert reached, "the first reaches the last"
    if pings:
        lost = timed("pingall", net.pingAll)
        assert lost == 0, f"{lost} % of the pings got lost"
    timed("stop", net.stop)
    left = [name for name in os.listdir("/sys/class/net") if name != "lo"]
    assert not left, f"left behind: {left}"


main()
