//! Mistakes on the command line.

codes! {
USAGE = "usage", "the command line is wrong",
    "netyard does not know the verb or the option, or a value is missing or wrong. The exit code is 2.",
    "a typo",
    "`netyard --help` shows the verbs, `netyard VERB --help` the options of one, with an example";

DECLINED = "declined", "it was not agreed to",
    "Before something is lost, `up` and `gc` ask. Where nobody can be asked (standard input is no terminal) nothing is changed.",
    "a script, or another answer than `y`",
    "`--yes` goes on without a question; `netyard plan` and `netyard gc --dry-run` show what would be lost";

BAD_SHAPE = "bad-shape", "not a shape of a lab",
    "A shape stands for a topology file: `tree:FANOUT,DEPTH`, `line:HOSTS`, `star:HOSTS`, `mesh:HOSTS`, `fat-tree:PORTS` (of each switch, an even number) or `dumbbell:HOSTS` (on each side). `netyard init SHAPE -` prints the file.",
    "a typo, a size that cannot be built, or the spelling of Mininet, which has the depth of a tree before its fanout",
    "write one of these with numbers that it can have";

BAD_IMPORT = "bad-import", "a containerlab file cannot become a topology file",
    "`netyard import` reads the wiring of a file of containerlab. What it names must be there, and interfaces have the names that the kernel gives them: up to 15 bytes without `/` and `:`. What has no meaning for namespaces is no mistake: it is listed.",
    "a typo, or an interface by the name that its router's program has for it, as `ethernet-1/1`",
    "change it in the containerlab file, and import it again";

CANNOT_READ = "cannot-read", "a file cannot be read",
    "The topology file is not there, is a directory, may not be read, or is no text in UTF-8.",
    "a typo in the path",
    "give the path of a topology file, or `-` for standard input";

CANNOT_WRITE = "cannot-write", "a file cannot be written",
    "The file cannot be made where it shall be.",
    "a directory in which one may not write",
    "give a path, or change to a directory, in which you may write";

FILE_EXISTS = "file-exists", "the file exists already",
    "netyard writes no file over another.",
    "a second `netyard init` of the same name",
    "choose another name, or move the file away";

CANNOT_RUN = "cannot-run", "a program cannot be run",
    "The program is not there (exit code 127) or cannot be run (126), as shells have it.",
    "a typo, or a file without the execute permission",
    "give a program of the PATH, or the path of one";

BAD_FILTER = "bad-filter", "a filter of packets is wrong",
    "A filter is an expression as tcpdump has it (pcap-filter(7)). It is compiled, by libpcap, before anything is captured.",
    "a typo in the expression, or in the name of a namespace before it: what is no namespace begins the filter",
    "`man pcap-filter` has the language, such as `icmp or (tcp port 80 and host 10.0.0.10)`";

NO_LIBPCAP = "no-libpcap", "a filter needs libpcap",
    "Filters are compiled by libpcap, the library that tcpdump and Wireshark have them from. It is loaded when a filter is given; a capture without one does not need it. A program that is linked statically can load no library.",
    "a machine without tcpdump and Wireshark",
    "install it (Debian and Ubuntu: `apt install libpcap0.8`, Fedora: `dnf install libpcap`); or capture without a filter, and filter what was written";

CANNOT_LISTEN = "cannot-listen", "the page cannot be served",
    "`netyard ui` listens on a port of 127.0.0.1. Another program has that port, or ports below 1024 are for root.",
    "another `netyard ui --port` with the same number",
    "give another `--port`, or none: then it takes one that is free";

INTERNAL = "internal", "netyard itself failed",
    "Something happened that cannot happen.",
    "a mistake in netyard",
    "please report it, with the message and the file";
}
