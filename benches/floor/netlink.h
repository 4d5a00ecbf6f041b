// A tiny netlink writer: requests into one buffer, one send, one answer.
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}
static void die(const char *f, ...) {
  va_list a;
  va_start(a, f);
  fprintf(stderr, "nsfloor: ");
  vfprintf(stderr, f, a);
  fprintf(stderr, ": %s\n", strerror(errno));
  exit(1);
}

typedef struct { char b[65536]; size_t n; struct nlmsghdr *h; } buf;
static void *put(buf *b, const void *p, size_t n) {
  void *r = b->b + b->n;
  if (b->n + NLMSG_ALIGN(n) > sizeof b->b) { errno = ENOBUFS; die("buffer"); }
  if (p) memcpy(r, p, n); else memset(r, 0, n);
  if (NLMSG_ALIGN(n) > n) memset((char *)r + n, 0, NLMSG_ALIGN(n) - n);
  b->n += NLMSG_ALIGN(n);
  return r;
}
static void msg(buf *b, int type, int flags, const void *body, size_t n) {
  b->h = put(b, NULL, sizeof *b->h);
  b->h->nlmsg_type = type;
  b->h->nlmsg_flags = NLM_F_REQUEST | flags;
  put(b, body, n);
}
static void end(buf *b) { b->h->nlmsg_len = b->b + b->n - (char *)b->h; }
static void attr(buf *b, int t, const void *p, size_t n) {
  struct nlattr a = {.nla_len = sizeof a + n, .nla_type = t};
  put(b, &a, sizeof a);
  if (n) put(b, p, n);
}
static void attrs(buf *b, int t, const char *s) { attr(b, t, s, strlen(s) + 1); }
static void attru(buf *b, int t, uint32_t v) { attr(b, t, &v, 4); }
static struct nlattr *nest(buf *b, int t) {
  struct nlattr a = {.nla_len = 0, .nla_type = t};
  return put(b, &a, sizeof a);
}
static void unnest(buf *b, struct nlattr *a) { a->nla_len = b->b + b->n - (char *)a; }

static int nlsock(void) {
  int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), one = 1;
  if (s < 0) die("socket");
  setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof one);
  return s;
}
// one send, then read until the ack of the last message (errors come back always)
static void talk(int s, buf *b, const char *what) {
  char r[16384];
  if (send(s, b->b, b->n, 0) < 0) die("send %s", what);
  for (;;) {
    ssize_t n = recv(s, r, sizeof r, 0);
    if (n < 0) die("recv %s", what);
    for (struct nlmsghdr *h = (void *)r; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
      if (h->nlmsg_type != NLMSG_ERROR) continue;
      struct nlmsgerr *e = NLMSG_DATA(h);
      if (e->error) { errno = -e->error; die("%s", what); }
      b->n = 0;
      return;
    }
  }
}

// ---- requests ----------------------------------------------------------------
static void m_delgroup(buf *b, uint32_t group) {
  struct ifinfomsg z = {0};
  msg(b, RTM_DELLINK, NLM_F_ACK, &z, sizeof z);
  attru(b, IFLA_GROUP, group);
  end(b);
}
static void setlink(buf *b, int ix, const char *nm, unsigned flags, int nsf, const char *newname, int master, int ack) {
  struct ifinfomsg ifi = {.ifi_index = ix, .ifi_flags = flags, .ifi_change = flags};
  msg(b, RTM_NEWLINK, ack ? NLM_F_ACK : 0, &ifi, sizeof ifi);
  if (nm) attrs(b, IFLA_IFNAME, nm);
  if (newname) attrs(b, IFLA_IFNAME, newname);
  if (nsf >= 0) attru(b, IFLA_NET_NS_FD, nsf);
  if (master) attru(b, IFLA_MASTER, master);
  end(b);
}
static void m_route(buf *b, int ix, uint32_t gw, int ack) {
  struct rtmsg m = {.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
                    .rtm_scope = RT_SCOPE_UNIVERSE, .rtm_type = RTN_UNICAST};
  uint32_t be = htonl(gw);
  msg(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL | (ack ? NLM_F_ACK : 0), &m, sizeof m);
  attr(b, RTA_GATEWAY, &be, 4);
  attru(b, RTA_OIF, ix);
  end(b);
}
