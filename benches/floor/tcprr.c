// tcprr: one-byte request/response over TCP, latencies measured by the client.
// Build: gcc -O2 -Wall tcprr.c -o tcprr. Run by benches/datapath.rs, in namespaces of its own.
// server: tcprr -s PORT [-c CPU]      client: tcprr HOST PORT SECONDS rr|crr [-c CPU]
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
static int cmp(const void *a, const void *b) { float x = *(float *)a, y = *(float *)b; return x < y ? -1 : x > y; }
static void die(const char *s) { perror(s); exit(1); }
int main(int c, char **v) {
  int one = 1, cpu = -1;
  for (int i = 1; i + 1 < c; i++) if (!strcmp(v[i], "-c")) cpu = atoi(v[i + 1]);
  if (cpu >= 0) { cpu_set_t s; CPU_ZERO(&s); CPU_SET(cpu, &s); sched_setaffinity(0, sizeof s, &s); }
  struct sockaddr_in a = {.sin_family = AF_INET};
  char b = 0;
  if (!strcmp(v[1], "-s")) {
    int l = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    a.sin_port = htons(atoi(v[2]));
    if (bind(l, (void *)&a, sizeof a) || listen(l, 1024)) die("bind");
    for (;;) {
      int s = accept(l, NULL, NULL);
      setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      while (read(s, &b, 1) == 1) if (write(s, &b, 1) != 1) break;
      close(s);
    }
  }
  inet_pton(AF_INET, v[1], &a.sin_addr);
  a.sin_port = htons(atoi(v[2]));
  double secs = atof(v[3]);
  int crr = !strcmp(v[4], "crr"), cap = 4000000, n = 0, s = -1;
  float *l = malloc(cap * sizeof *l);
  struct linger lg = {1, 0}; // reset on close: no TIME_WAIT pile-up in crr
  double t0 = now(), t = t0;
  while (t - t0 < secs && n < cap) {
    if (s < 0) {
      s = socket(AF_INET, SOCK_STREAM, 0);
      setsockopt(s, SOL_SOCKET, SO_LINGER, &lg, sizeof lg);
      if (connect(s, (void *)&a, sizeof a)) die("connect");
      setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    if (write(s, &b, 1) != 1 || read(s, &b, 1) != 1) die("rr");
    if (crr) { close(s); s = -1; }
    double u = now();
    l[n++] = (u - t) * 1e6;
    t = u;
  }
  double d = t - t0;
  qsort(l, n, sizeof *l, cmp);
  printf("%.0f %.2f %.2f %.2f\n", n / d, d * 1e6 / n, l[n / 2], l[(int)(n * 0.99)]);
}
