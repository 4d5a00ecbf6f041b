// peak: runs a program and writes its peak memory in KiB at the end of a file. What the
// kernel tells of a child counts what its parent had when it started it: this is small.
// Build: gcc -O2 -Wall peak.c -o peak; peak FILE PROGRAM [ARGUMENT]...
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int c, char **v) {
  if (c < 3) return 2;
  int status, child = fork();
  if (child == 0) {
    execv(v[2], v + 2);
    _exit(127);
  }
  struct rusage usage;
  if (child < 0 || wait4(child, &status, 0, &usage) < 0) return 126;
  FILE *f = fopen(v[1], "a");
  if (!f) return 125;
  fprintf(f, "%ld\n", usage.ru_maxrss);
  return fclose(f) || !WIFEXITED(status) ? 124 : WEXITSTATUS(status);
}
