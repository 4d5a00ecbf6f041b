//! What the kernel, or the system around it, refused. Causes and fixes are shown
//! with the error as they stand here.

codes! {
NOT_ROOT = "not-root", "not enough rights",
    "Making namespaces and changing networks needs CAP_SYS_ADMIN and CAP_NET_ADMIN: root has them, and so has everyone in namespaces of their own.",
    "a normal user; or root of a container, which has fewer rights",
    "`sudo netyard ...` has them; in a private world nobody needs them: `netyard run --private FILE -- CMD`";

NO_PRIVATE_WORLD = "no-private-world", "this process gets no namespaces of its own",
    "`run`, `shell` and `demo` need no root where a user may make namespaces. netyard tried, and looked at what the machine says of itself to name the reason.",
    "AppArmor (Ubuntu), a sysctl, or a container's seccomp filter",
    "what is shown with the error; or run it as root";

NOT_PERMITTED = "not-permitted", "the kernel does not permit the operation",
    "netyard has the rights that it knows of, and the kernel refused all the same.",
    "a container, a security module (AppArmor, SELinux) or a seccomp filter forbids it",
    "outside of the container, or in a private world, it may work: `netyard run --private FILE -- CMD`";

CHANGED_MEANWHILE = "changed-meanwhile", "the host changed while netyard worked",
    "The plan was made for what was there; a moment later something had been added or removed.",
    "someone else changed the same objects since the plan was made",
    "run it again: it looks anew, and says whose what is in the way is";

IPV6_OFF = "ipv6-off", "IPv6 is switched off there",
    "The kernel refuses IPv6 addresses where `disable_ipv6` is 1.",
    "the sysctl `net.ipv6.conf.all.disable_ipv6` or that of the device, or a kernel started with `ipv6.disable=1`",
    "switch IPv6 on (`sysctl net.ipv6.conf.all.disable_ipv6=0`), or take IPv6 out of the file";

KERNEL_LACKS = "kernel-lacks", "the kernel has no such thing",
    "The kernel was built without something that the lab needs, or its module is not there.",
    "a module that is not loaded and that cannot be loaded from here: `veth`, `bridge`, `nf_tables`, `nft_masq`",
    "load it (`modprobe veth bridge nf_tables nft_masq`), or use a kernel that has it";

OPEN_FILES = "open-files", "too many open files",
    "Each namespace takes two open files while netyard works.",
    "a low limit of open files",
    "raise it (`ulimit -n 65536`)";

NAMESPACE_LIMIT = "namespace-limit", "the limit of namespaces is reached",
    "The kernel counts the namespaces of each user.",
    "the sysctl `user.max_net_namespaces`",
    "raise it (`sysctl user.max_net_namespaces=65536`), or take other labs down";

OUT_OF_MEMORY = "out-of-memory", "the kernel is short of memory",
    "The kernel could not get the memory for the operation.",
    "a machine that is full, or the memory limit of a container (cgroup)",
    "take other labs down, or raise the limit";

KERNEL_REFUSED = "kernel-refused", "the kernel refused the operation",
    "The kernel answered with an error for which netyard knows no likely cause. Its own words stand beside `kernel`, the operation as one would type it beside `command`.",
    "",
    "try the command by hand: what it says, and `dmesg`, may tell more";

STATE_DIFFERS = "state-differs", "all was done, and yet the kernel's state is another",
    "After the last operation netyard looks again. What it then found is not what the file describes.",
    "another program changes the same objects: a network manager, perhaps",
    "let that program leave the lab's devices alone, and run it again";

INTERRUPTED = "interrupted", "it was interrupted",
    "Ctrl-C, SIGTERM or SIGHUP ended the work. What `up` had done was undone; what `down` had removed stays removed, and the rest is still in the journal. The exit code is 130.",
    "a signal",
    "run it again to go on";

NOT_UNDONE = "not-undone", "it failed, and not all of it could be undone",
    "An operation failed, and then the kernel refused to take something back. The journal still knows of it.",
    "another program uses, or has removed, what was made",
    "`netyard down LAB` removes what is left";

JOURNAL = "journal", "the journal cannot be used",
    "What netyard made on this host stands in `/run/netyard/netyard.db`. Without it netyard does not know what is its own, and changes nothing.",
    "a file that is damaged, or a full `/run`",
    "make room in `/run`; or move the damaged file away, and `netyard gc --yes` removes all that it knew of";

JOURNAL_VERSION = "journal-version", "another version of netyard wrote the journal",
    "What netyard made on this host stands in `/run/netyard/netyard.db`, and there in the form of another version. This one cannot tell what it says, and changes nothing.",
    "netyard was replaced by another version while labs were up",
    "take the labs down with the netyard that made them (`netyard down --all`), then remove `/run/netyard`";

SYSTEM = "system", "the system refused something",
    "Something that is no operation of a plan failed: opening a socket, reading a file.",
    "",
    "look whether what the message names is there and permitted: in a container it may not be";
}
