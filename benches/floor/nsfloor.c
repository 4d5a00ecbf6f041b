// nsfloor: what the kernel alone charges for N container networks.
// One bridge; N x (network namespace + veth + address + lo up + default
// route), done with as few system calls as netlink allows, timed phase by phase.
// With -F f a tree of depth 2, as `netyard up tree:f,2` makes it: f bridges with f
// namespaces each, and a router with a cable to each bridge.
// Build: gcc -O2 -Wall -pthread nsfloor.c -o nsfloor
// Run by benches/labs.rs, in namespaces of its own.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netlink.h"

#define BRADDR 0x0a4d0001u /* 10.77.0.1/16 */
#define TREE 0x0a000000u   /* 10.0.SWITCH.HOST/24 */
#define GROUP 7777
#define BRIDGES 7778        /* their group */

static int N = 10, T = 1;
static const char *dir = "/run/netns";
static int o_bind = 1;      // bind mount a name for each namespace
static int o_early = 1;     // open the namespace's netlink socket while inside it
static int o_no6 = 0;       // switch IPv6 off in each new namespace
static int o_batch = 1;     // NEWLINK messages per sendmsg
static int o_sep = 0;       // config: three sends instead of one
static int o_move = 0;      // 0 direct, 1 create-then-move (2 msgs), 2 classic steps
static int o_inter = 0;     // interleave the phases per namespace
static int o_del = 0;       // teardown: 0 drop ns, 1 dellink each first, 2 group dellink first, 3 bridge+drop
static int o_master = 1;    // enslave to bridge
static int o_q1 = 0;        // one tx/rx queue per veth end
static int o_keep = 0;
static int o_peerup = 0;    // show that IFF_UP in the peer's info is refused
static int o_host6 = 0;     // 1: IPv6 off for new host devices too; 2: and multicast snooping off
static int o_lat = 0;       // print per-op latencies quantiles
static int F = 0;           // fanout of a tree; 0: all on one bridge
static int *brix;
static int hostns;
static int *nsfd, *nssk;
static double *lat;

// ---- the operations --------------------------------------------------------
static void queues(buf *b) {
  if (o_q1) { attru(b, IFLA_NUM_TX_QUEUES, 1); attru(b, IFLA_NUM_RX_QUEUES, 1); }
}
static void m_veth(buf *b, int i, int fd, int ack) {
  char nm[16];
  snprintf(nm, sizeof nm, "fl%d", i);
  struct ifinfomsg ifi = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  msg(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | (ack ? NLM_F_ACK : 0), &ifi, sizeof ifi);
  attrs(b, IFLA_IFNAME, nm);
  int router = F && i >= N; // its cables are the last: one to each bridge
  if (o_master) attru(b, IFLA_MASTER, brix[!F ? 0 : router ? i - N : i / F]);
  attru(b, IFLA_GROUP, GROUP);
  queues(b);
  struct nlattr *li = nest(b, IFLA_LINKINFO);
  attrs(b, IFLA_INFO_KIND, "veth");
  struct nlattr *d = nest(b, IFLA_INFO_DATA), *p = nest(b, VETH_INFO_PEER);
  struct ifinfomsg pi = {0};
  // No IFF_UP here: the kernel applies the peer's flags before the two ends are
  // tied together and answers ENOTCONN, so the peer goes up in the config batch.
  if (router) pi.ifi_index = 2 + i - N;
  if (fd >= 0 && o_peerup) { pi.ifi_flags = IFF_UP; pi.ifi_change = IFF_UP; }
  put(b, &pi, sizeof pi);
  if (fd >= 0) {
    snprintf(nm, sizeof nm, router ? "s%d" : "eth0", i - N + 1);
    attrs(b, IFLA_IFNAME, nm);
    attru(b, IFLA_NET_NS_FD, fd);
  } else {
    snprintf(nm, sizeof nm, "fp%d", i);
    attrs(b, IFLA_IFNAME, nm);
  }
  queues(b);
  unnest(b, p); unnest(b, d); unnest(b, li);
  end(b);
}
static void m_bridge(buf *b, int i, int ack) {
  char nm[16];
  snprintf(nm, sizeof nm, "flbr%d", i);
  struct ifinfomsg ifi = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
  msg(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | (ack ? NLM_F_ACK : 0), &ifi, sizeof ifi);
  attrs(b, IFLA_IFNAME, nm);
  attru(b, IFLA_GROUP, BRIDGES);
  struct nlattr *li = nest(b, IFLA_LINKINFO);
  attrs(b, IFLA_INFO_KIND, "bridge");
  if (o_host6 == 2) {
    struct nlattr *bd = nest(b, IFLA_INFO_DATA);
    uint8_t zero = 0;
    attr(b, IFLA_BR_MCAST_SNOOPING, &zero, 1);
    unnest(b, bd);
  }
  unnest(b, li);
  end(b);
}
static void m_addr(buf *b, int ix, uint32_t a, int ack) {
  int len = F ? 24 : 16;
  struct ifaddrmsg m = {.ifa_family = AF_INET, .ifa_prefixlen = len, .ifa_index = ix};
  uint32_t be = htonl(a), bc = htonl(a | 0xffffffffu >> len);
  msg(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | (ack ? NLM_F_ACK : 0), &m, sizeof m);
  attr(b, IFA_LOCAL, &be, 4);
  attr(b, IFA_ADDRESS, &be, 4);
  attr(b, IFA_BROADCAST, &bc, 4);
  end(b);
}
static uint32_t addr(int i) {
  return F ? (TREE | (uint32_t)(i / F + 1) << 8) + i % F + 1 : (BRADDR & 0xffff0000u) + 2 + i;
}
static uint32_t router(int sw) { return TREE | (uint32_t)(sw + 1) << 8 | 254; }
static int spaces(void) { return F ? N + 1 : N; }
static int cables(void) { return F ? N + F : N; }
static int space(int cable) { return cable < N ? cable : N; }
static void path(char *p, int i) { sprintf(p, "%s/fl%d", dir, i); }

static void wr(const char *p, const char *s) {
  int f = open(p, O_WRONLY | O_CLOEXEC);
  if (f < 0 || write(f, s, strlen(s)) < 0) die("%s", p);
  close(f);
}
static void do_ns(int i) {
  char p[256];
  path(p, i);
  if (o_bind) {
    int f = open(p, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (f < 0) die("create %s", p);
    close(f);
  }
  if (unshare(CLONE_NEWNET)) die("unshare");
  if (o_no6) {
    wr("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
    wr("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  }
  if (i == N) wr("/proc/sys/net/ipv4/ip_forward", "1");
  nsfd[i] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (nsfd[i] < 0) die("ns fd");
  if (o_bind && mount("/proc/thread-self/ns/net", p, "none", MS_BIND, NULL)) die("mount %s", p);
  if (o_early) nssk[i] = nlsock();
}
static void do_cfg_tree(int i, buf *b) {
  setlink(b, 1, NULL, IFF_UP, -1, NULL, 0, 0);
  for (int k = 0; k < (i == N ? F : 1); k++) {
    setlink(b, 2 + k, NULL, IFF_UP, -1, NULL, 0, 0);
    m_addr(b, 2 + k, i == N ? router(k) : addr(i), i == N && k == F - 1);
  }
  if (i < N) m_route(b, 2, router(i / F), 1);
  talk(nssk[i], b, "config");
}
static void do_cfg(int i, buf *b) {
  int s = nssk[i];
  if (s < 0) {
    if (setns(nsfd[i], CLONE_NEWNET)) die("setns");
    s = nssk[i] = nlsock();
  }
  int ix = 2; // first device of a fresh namespace after lo; checked by -V
  b->n = 0;
  if (o_move == 2) { // classic: the end arrives down, with its host name
    char nm[16];
    snprintf(nm, sizeof nm, "fp%d", i);
    struct ifinfomsg q = {0};
    msg(b, RTM_GETLINK, 0, &q, sizeof q);
    attrs(b, IFLA_IFNAME, nm);
    end(b);
    char r[8192];
    if (send(s, b->b, b->n, 0) < 0) die("send");
    if (recv(s, r, sizeof r, 0) < 0) die("recv");
    struct nlmsghdr *h = (void *)r;
    if (h->nlmsg_type != RTM_NEWLINK) die("getlink");
    ix = ((struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
    b->n = 0;
    setlink(b, ix, NULL, 0, -1, "eth0", 0, 1); talk(s, b, "rename");
    setlink(b, ix, NULL, IFF_UP, -1, NULL, 0, 1); talk(s, b, "up");
  } else if (o_move == 1) {
    struct ifinfomsg q = {0};
    msg(b, RTM_GETLINK, 0, &q, sizeof q);
    attrs(b, IFLA_IFNAME, "eth0");
    end(b);
    char r[8192];
    if (send(s, b->b, b->n, 0) < 0) die("send");
    if (recv(s, r, sizeof r, 0) < 0) die("recv");
    struct nlmsghdr *h = (void *)r;
    if (h->nlmsg_type != RTM_NEWLINK) die("getlink");
    ix = ((struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
    b->n = 0;
  }
  if (o_sep || o_move == 2) {
    setlink(b, 1, NULL, IFF_UP, -1, NULL, 0, 1); talk(s, b, "lo");
    if (o_move == 0) { setlink(b, ix, NULL, IFF_UP, -1, NULL, 0, 1); talk(s, b, "up"); }
    m_addr(b, ix, addr(i), 1); talk(s, b, "addr");
    m_route(b, ix, BRADDR, 1); talk(s, b, "route");
  } else {
    setlink(b, 1, NULL, IFF_UP, -1, NULL, 0, 0);
    if (o_move == 0) setlink(b, ix, NULL, IFF_UP, -1, NULL, 0, 0);
    m_addr(b, ix, addr(i), 0);
    m_route(b, ix, BRADDR, 1);
    talk(s, b, "config");
  }
}
static void do_link(int hs, buf *b, int i, int hi) { // links i..hi-1
  char nm[16];
  if (o_move == 0) {
    for (int k = i; k < hi; k++) m_veth(b, k, nsfd[space(k)], k == hi - 1);
    talk(hs, b, "veth");
    return;
  }
  for (int k = i; k < hi; k++) {
    snprintf(nm, sizeof nm, "fp%d", k);
    int ix;
    if (o_move == 1) {
      m_veth(b, k, -1, 1); talk(hs, b, "veth");
      ix = if_nametoindex(nm);
      setlink(b, ix, NULL, IFF_UP, nsfd[k], "eth0", 0, 1); talk(hs, b, "move");
    } else {
      char hn[16];
      snprintf(hn, sizeof hn, "fl%d", k);
      struct ifinfomsg ifi = {0};
      msg(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &ifi, sizeof ifi);
      attrs(b, IFLA_IFNAME, hn);
      struct nlattr *li = nest(b, IFLA_LINKINFO);
      attrs(b, IFLA_INFO_KIND, "veth");
      struct nlattr *d = nest(b, IFLA_INFO_DATA), *p = nest(b, VETH_INFO_PEER);
      put(b, &ifi, sizeof ifi);
      attrs(b, IFLA_IFNAME, nm);
      unnest(b, p); unnest(b, d); unnest(b, li);
      end(b);
      talk(hs, b, "veth");
      ix = if_nametoindex(nm);
      int hx = if_nametoindex(hn);
      setlink(b, ix, NULL, 0, nsfd[k], NULL, 0, 1); talk(hs, b, "move");
      if (o_master) { setlink(b, hx, NULL, 0, -1, NULL, brix[0], 1); talk(hs, b, "master"); }
      setlink(b, hx, NULL, IFF_UP, -1, NULL, 0, 1); talk(hs, b, "hostup");
    }
  }
}

// ---- phases over T threads -------------------------------------------------
static int phase;
static int hsock[64];
static void *worker(void *ap) {
  int all = phase == 1 ? cables() : spaces();
  int t = (intptr_t)ap, lo = (long)all * t / T, hi = (long)all * (t + 1) / T;
  static __thread buf b;
  b.n = 0;
  int hs = hsock[t];
  for (int i = lo; i < hi;) {
    double t0 = now();
    int step = 1;
    switch (phase) {
    case 0: do_ns(i); break;
    case 1: step = o_batch < hi - i ? o_batch : hi - i; do_link(hs, &b, i, i + step); break;
    case 2: F ? do_cfg_tree(i, &b) : do_cfg(i, &b); break;
    case 3: do_ns(i); do_link(hs, &b, i, i + 1); do_cfg(i, &b); break;
    case 4: {
      char p[256];
      path(p, i);
      if (o_bind) {
        if (umount2(p, MNT_DETACH)) die("umount");
        unlink(p);
      }
      if (nssk[i] >= 0) close(nssk[i]);
      close(nsfd[i]);
      break;
    }
    case 5: {
      char nm[16];
      snprintf(nm, sizeof nm, "fl%d", i);
      struct ifinfomsg ifi = {0};
      msg(&b, RTM_DELLINK, NLM_F_ACK, &ifi, sizeof ifi);
      attrs(&b, IFLA_IFNAME, nm);
      end(&b);
      talk(hs, &b, "dellink");
      break;
    }
    }
    double d = now() - t0;
    for (int k = 0; k < step; k++) lat[i + k] = d / step;
    i += step;
  }
  return NULL;
}
static int dcmp(const void *a, const void *b) { double x = *(double *)a, y = *(double *)b; return x < y ? -1 : x > y; }
static double run(int ph, const char *name) {
  pthread_t th[64];
  phase = ph;
  double t0 = now();
  for (int t = 0; t < T; t++) pthread_create(&th[t], NULL, worker, (void *)(intptr_t)t);
  for (int t = 0; t < T; t++) pthread_join(th[t], NULL);
  double d = now() - t0;
  printf("%s %.3f ms  %.1f us/each", name, d * 1e3, d * 1e6 / N);
  if (o_lat && N >= 10) {
    double f = 0, l = 0;
    int k = N / 10;
    for (int i = 0; i < k; i++) f += lat[i], l += lat[N - 1 - i];
    qsort(lat, N, sizeof *lat, dcmp);
    printf("  p50 %.1f p90 %.1f p99 %.1f max %.1f us  first-tenth %.1f last-tenth %.1f", lat[N / 2] * 1e6, lat[N * 9 / 10] * 1e6,
           lat[N * 99 / 100] * 1e6, lat[N - 1] * 1e6, f / k * 1e6, l / k * 1e6);
  }
  printf("\n");
  return d;
}

int main(int c, char **v) {
  int o;
  while ((o = getopt(c, v, "n:t:d:BE6b:smMiD:1kLSUH:F:")) != -1) switch (o) {
    case 'n': N = atoi(optarg); break;
    case 't': T = atoi(optarg); break;
    case 'd': dir = optarg; break;
    case 'B': o_bind = 0; break;
    case 'E': o_early = 0; break;
    case '6': o_no6 = 1; break;
    case 'b': o_batch = atoi(optarg); break;
    case 's': o_sep = 1; break;
    case 'm': o_move = 1; break;
    case 'M': o_move = 2; break;
    case 'i': o_inter = 1; break;
    case 'D': o_del = atoi(optarg); break;
    case '1': o_q1 = 1; break;
    case 'k': o_keep = 1; break;
    case 'L': o_lat = 1; break;
    case 'S': o_master = 0; break;
    case 'H': o_host6 = atoi(optarg); break;
    case 'U': o_peerup = 1; break;
    case 'F': F = atoi(optarg); N = F * F; break;
    default: return 2;
  }
  if (F < 0 || F > 250 || (F && (o_move || o_sep || o_inter || o_del == 1 || !o_early))) return 2;
  struct rlimit rl = {20000, 20000};
  setrlimit(RLIMIT_NOFILE, &rl);
  setvbuf(stdout, NULL, _IOLBF, 0);
  int bridges = F ? F : 1;
  nsfd = malloc(spaces() * sizeof *nsfd);
  nssk = malloc(spaces() * sizeof *nssk);
  brix = malloc(bridges * sizeof *brix);
  lat = calloc(cables(), sizeof *lat);
  for (int i = 0; i < spaces(); i++) nsfd[i] = nssk[i] = -1;
  mkdir(dir, 0755);
  hostns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  for (int t = 0; t < T; t++) hsock[t] = nlsock();
  static buf b;
  if (o_host6) wr("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
  // the bridges: one NEWLINK each; where there is one, its address
  double t0 = now();
  for (int i = 0; i < bridges; i++) m_bridge(&b, i, i == bridges - 1);
  talk(hsock[0], &b, "bridge");
  for (int i = 0; i < bridges; i++) {
    char nm[16];
    snprintf(nm, sizeof nm, "flbr%d", i);
    brix[i] = if_nametoindex(nm);
  }
  if (!F) {
    m_addr(&b, brix[0], BRADDR, 1);
    talk(hsock[0], &b, "bridge addr");
  }
  double tb = now() - t0;
  printf("bridge %.3f ms\n", tb * 1e3);
  double tot = tb;
  if (o_inter) tot += run(3, "all");
  else {
    tot += run(0, "netns");
    tot += run(1, "veth");
    tot += run(2, "config");
  }
  printf("total %.3f ms  %.1f us/each\n", tot * 1e3, tot * 1e6 / N);
  if (o_keep) { pause(); }
  // teardown
  printf("teardown_start %.6f\n", now());
  t0 = now();
  if (o_del == 1) run(5, "dellink");
  if (o_del == 2) {
    m_delgroup(&b, GROUP);
    double a = now();
    talk(hsock[0], &b, "group dellink");
    printf("groupdel %.3f ms\n", (now() - a) * 1e3);
  }
  run(4, "drop");
  printf("returned %.3f ms\n", (now() - t0) * 1e3);
  for (int i = cables() - 1; i >= 0; i--) {
    char nm[16];
    snprintf(nm, sizeof nm, "fl%d", i);
    while (if_nametoindex(nm)) usleep(500);
  }
  printf("veth_gone %.3f ms\n", (now() - t0) * 1e3);
  m_delgroup(&b, BRIDGES);
  talk(hsock[0], &b, "del bridges");
  if (o_host6) wr("/proc/sys/net/ipv6/conf/default/disable_ipv6", "0");
  printf("bridge_gone %.3f ms\n", (now() - t0) * 1e3);
  return 0;
}
