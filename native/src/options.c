/*
 * The launcher's arguments. Only Node writes them, so a mistake is ours: one line, status 2, no help.
 * What is resolved here (numbers, addresses) is checked for form; the kernel judges the values.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "launcher.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof *(array))

enum { SOCKET, IFNAME, MTU, ADDRESS, PREFIX, GATEWAY, OFFLOAD, MAC, ADDRESS6, PREFIX6, GATEWAY6, DNS, SEARCH,
       RESOLVER_OPTIONS, MAP, UID_MAP, GID_MAP, UID_HELPER, GID_HELPER, PROCESSES, OPEN_FILES, PID, NETNS, USERNS, COMMAND, COUNT };

static const char *const NAMES[COUNT] = {"socket", "ifname", "mtu",    "address", "prefix",     "gateway", "offload", "mac",
                                         "address6", "prefix6", "gateway6",
                                         "dns",    "search", "resolver-options", "map",   "uid-map", "gid-map", "uid-helper",
                                         "gid-helper", "processes", "open-files", "pid", "netns",   "userns", "command"};

static const int REQUIRED[] = {SOCKET, IFNAME, MTU, ADDRESS, PREFIX, GATEWAY};

static _Noreturn void wrong(const char *what, const char *detail) {
  fprintf(stderr, "netloom-launcher: %s: %s\n", what, detail);
  _exit(2);
}

/* Splits --name=value; everything after -- is the command. */
static char **collect(const char *values[COUNT], char **argument) {
  for (; *argument != NULL; argument++) {
    if (strcmp(*argument, "--") == 0) return argument + 1;
    const char *equals = strchr(*argument, '=');
    if (strncmp(*argument, "--", 2) != 0 || equals == NULL) wrong("not an option", *argument);
    const size_t length = (size_t)(equals - *argument - 2);
    int index = 0;
    while (index < COUNT && (strlen(NAMES[index]) != length || strncmp(NAMES[index], *argument + 2, length) != 0)) index++;
    if (index == COUNT) wrong("no such option", *argument);
    values[index] = equals + 1;
  }
  return argument;
}

static int number(const char *const values[COUNT], int index, long min, long max) {
  char *end;
  errno = 0;
  const long value = strtol(values[index], &end, 10);
  if (errno != 0 || end == values[index] || *end != '\0' || value < min || value > max) wrong(NAMES[index], values[index]);
  return (int)value;
}

static struct in_addr address(const char *const values[COUNT], int index) {
  struct in_addr parsed;
  if (inet_pton(AF_INET, values[index], &parsed) != 1) wrong(NAMES[index], values[index]);
  return parsed;
}

static struct in6_addr address6(const char *const values[COUNT], int index) {
  struct in6_addr parsed;
  if (inet_pton(AF_INET6, values[index], &parsed) != 1) wrong(NAMES[index], values[index]);
  return parsed;
}

/* All three, or none. */
static void parse_interface6(Options *options, const char *const values[COUNT]) {
  if (values[ADDRESS6] == NULL && values[PREFIX6] == NULL && values[GATEWAY6] == NULL) return;
  if (values[ADDRESS6] == NULL || values[PREFIX6] == NULL || values[GATEWAY6] == NULL) wrong("address6", "prefix6 and gateway6 go with it");
  options->prefix6 = number(values, PREFIX6, 1, 128);
  options->address6 = address6(values, ADDRESS6);
  options->gateway6 = address6(values, GATEWAY6);
}

static void parse_interface(Options *options, const char *const values[COUNT]) {
  const size_t length = strlen(values[IFNAME]);
  /* dev_valid_name() of the kernel refuses the rest; a % would make it choose a number, and "." or "/" reach into sysctl paths. */
  if (length == 0 || length >= sizeof options->ifname || strpbrk(values[IFNAME], "/%: \t\n") != NULL) wrong("ifname", values[IFNAME]);
  memcpy(options->ifname, values[IFNAME], length + 1);
  options->mtu = number(values, MTU, 1, INT_MAX);
  options->address = address(values, ADDRESS);
  options->gateway = address(values, GATEWAY);
  options->netmask.s_addr = htonl(UINT32_MAX << (32 - number(values, PREFIX, 1, 32)));
  options->cuts_segments = values[OFFLOAD] != NULL;
  if (options->cuts_segments && strcmp(values[OFFLOAD], "checksum") != 0) wrong("offload", values[OFFLOAD]);
  parse_interface6(options, values);
  if (values[MAC] == NULL) return;
  unsigned char *mac = options->mac;
  int end = 0;
  const int fields = sscanf(values[MAC], "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4], &mac[5],
                            &end);
  if (fields != 6 || values[MAC][end] != '\0') wrong("mac", values[MAC]);
  options->has_mac = true;
}

static void parse_run(Options *options, const char *const values[COUNT], char **command) {
  struct in6_addr ignored;
  if (values[PID] != NULL || values[NETNS] != NULL || values[USERNS] != NULL) wrong("run", "no target is taken");
  if (values[DNS] != NULL && inet_pton(AF_INET, values[DNS], &ignored) != 1 && inet_pton(AF_INET6, values[DNS], &ignored) != 1)
    wrong("dns", values[DNS]);
  options->dns = values[DNS];
  if (values[SEARCH] != NULL && (values[DNS] == NULL || values[SEARCH][strcspn(values[SEARCH], "\r\n")] != '\0')) wrong("search", values[SEARCH]);
  options->search = values[SEARCH];
  if (values[RESOLVER_OPTIONS] != NULL &&
      (values[DNS] == NULL || values[RESOLVER_OPTIONS][strcspn(values[RESOLVER_OPTIONS], "\r\n")] != '\0'))
    wrong("resolver-options", values[RESOLVER_OPTIONS]);
  options->resolver_options = values[RESOLVER_OPTIONS];
  if (values[MAP] == NULL || (strcmp(values[MAP], "root") != 0 && strcmp(values[MAP], "current") != 0)) wrong("map", "root or current");
  options->maps_root = strcmp(values[MAP], "root") == 0;
  if ((values[UID_MAP] == NULL) != (values[GID_MAP] == NULL)) wrong("uid-map", "gid-map goes with it");
  options->uid_map = values[UID_MAP];
  options->gid_map = values[GID_MAP];
  options->uid_helper = values[UID_HELPER];
  options->gid_helper = values[GID_HELPER];
  if (values[PROCESSES] != NULL && strcmp(values[PROCESSES], "own") != 0) wrong("processes", values[PROCESSES]);
  options->has_own_processes = values[PROCESSES] != NULL;
  options->open_files = values[OPEN_FILES] == NULL ? -1 : number(values, OPEN_FILES, 0, INT_MAX);
  if (*command == NULL) wrong("run", "no command");
  options->command = command;
}

static void parse_attach(Options *options, const char *const values[COUNT], char **command) {
  for (int index = DNS; index < PID; index++)
    if (values[index] != NULL) wrong("attach", "only a target is taken");
  if (*command != NULL) wrong("attach", "only a target is taken");
  if ((values[PID] == NULL) == (values[NETNS] == NULL)) wrong("attach", "either a pid or a netns");
  if (values[USERNS] != NULL && values[NETNS] == NULL) wrong("attach", "a userns goes with a netns");
  options->pid = values[PID] == NULL ? 0 : number(values, PID, 1, INT_MAX);
  options->netns = values[NETNS];
  options->userns = values[USERNS];
}

/* The channel must be what we think it is, and never reaches the command. */
static int channel(const char *const values[COUNT]) {
  const int descriptor = number(values, SOCKET, 3, INT_MAX);
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &length) < 0 || type != SOCK_SEQPACKET) wrong("socket", values[SOCKET]);
  if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0) wrong("socket", strerror(errno));
  return descriptor;
}

void options_parse(Options *options, int argc, char **argv) {
  const char *values[COUNT] = {NULL};
  memset(options, 0, sizeof *options);
  if (argc < 2 || (strcmp(argv[1], "run") != 0 && strcmp(argv[1], "attach") != 0 && strcmp(argv[1], "warden") != 0))
    wrong("usage", "run, attach or warden");
  options->title = argv[0];
  options->title_size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
  options->is_run = strcmp(argv[1], "run") == 0;
  options->is_warden = strcmp(argv[1], "warden") == 0;
  char **command = collect(values, argv + 2);
  if (options->is_warden) {
    if (values[SOCKET] == NULL || values[NETNS] == NULL) wrong("warden", "a socket and a netns");
    options->channel = channel(values);
    options->netns = values[NETNS];
    options->command_process = values[COMMAND] == NULL ? -1 : number(values, COMMAND, 3, INT_MAX);
    return;
  }
  for (size_t i = 0; i < ARRAY_SIZE(REQUIRED); i++)
    if (values[REQUIRED[i]] == NULL) wrong("missing option", NAMES[REQUIRED[i]]);
  options->channel = channel(values);
  parse_interface(options, values);
  if (options->is_run)
    parse_run(options, values, command);
  else
    parse_attach(options, values, command);
}

void options_rename(const Options *options, const char *name) {
  memset(options->title, 0, options->title_size);
  strncpy(options->title, name, options->title_size - 1);
  prctl(PR_SET_NAME, name);
}
