/*
 * The command line of slirp4netns: getopt_long(3) with its permutation and prefixes; the last of several wins. What is wrong is told on
 * standard error, and where slirp4netns does so the usage follows on standard output.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slirp.h"

/* What the kernel gives a TAP at most: 65,535 less the Ethernet header (bytes). */
#define MTU_MAX 65521
#define MTU_DEFAULT 1500

/* Long options that have no letter. */
enum {
  CIDR = 0x100,
  DISABLE_HOST_LOOPBACK,
  NO_HOST_LOOPBACK,
  NETNS_TYPE,
  USERNS_PATH,
  ENABLE_SANDBOX,
  CREATE_SANDBOX,
  ENABLE_SECCOMP,
  OUTBOUND_ADDR,
  OUTBOUND_ADDR6,
  DISABLE_DNS,
  MACADDRESS,
  TARGET_TYPE,
};

static const struct option OPTIONS[] = {
    {"configure", no_argument, NULL, 'c'},
    {"exit-fd", required_argument, NULL, 'e'},
    {"ready-fd", required_argument, NULL, 'r'},
    {"mtu", required_argument, NULL, 'm'},
    {"cidr", required_argument, NULL, CIDR},
    {"disable-host-loopback", no_argument, NULL, DISABLE_HOST_LOOPBACK},
    {"no-host-loopback", no_argument, NULL, NO_HOST_LOOPBACK},
    {"netns-type", required_argument, NULL, NETNS_TYPE},
    {"userns-path", required_argument, NULL, USERNS_PATH},
    {"api-socket", required_argument, NULL, 'a'},
    {"enable-ipv6", no_argument, NULL, '6'},
    {"enable-sandbox", no_argument, NULL, ENABLE_SANDBOX},
    {"create-sandbox", no_argument, NULL, CREATE_SANDBOX},
    {"enable-seccomp", no_argument, NULL, ENABLE_SECCOMP},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {"outbound-addr", required_argument, NULL, OUTBOUND_ADDR},
    {"outbound-addr6", required_argument, NULL, OUTBOUND_ADDR6},
    {"disable-dns", no_argument, NULL, DISABLE_DNS},
    {"macaddress", required_argument, NULL, MACADDRESS},
    {"target-type", required_argument, NULL, TARGET_TYPE},
    {NULL, 0, NULL, 0},
};

/* What is judged when all options are known. */
typedef struct {
  const char *netns_type, *userns_path, *target_type;
} Choices;

static _Noreturn void wrong(const Settings *settings, const char *text) {
  if (text != NULL) fprintf(stderr, "%s\n", text);
  usage_print(settings->program);
  exit(1);
}

/* An integer of which nothing is left, an empty text being 0 as strtol(3) has it; -1 where it is negative, none, or too large for one. */
static int number(const char *text) {
  char *end;
  errno = 0;
  const long value = strtol(text, &end, 10);
  return *end != '\0' || errno != 0 || value < 0 || value > 0x7fffffff ? -1 : (int)value;
}

static int descriptor(const Settings *settings, const char *text, const char *problem) {
  const int value = number(text);
  if (value < 0) wrong(settings, problem);
  return value;
}

static void deprecated(const char *old, const char *new) {
  printf("WARNING: %s is deprecated and will be removed in future releases, please use %s instead.\n", old, new);
}

static void experimental(const char *what) { printf("WARNING: Support for %s is experimental\n", what); }

/* Options with a letter. */
static void take_short(Settings *settings, int option) {
  switch (option) {
  case 'c':
    settings->configures = true;
    break;
  case 'e':
    settings->exit_descriptor = descriptor(settings, optarg, "exit-fd must be a non-negative integer");
    break;
  case 'r':
    settings->ready_descriptor = descriptor(settings, optarg, "ready-fd must be a non-negative integer");
    break;
  case 'm':
    settings->mtu = number(optarg);
    if (settings->mtu <= 0 || settings->mtu > MTU_MAX) wrong(settings, "MTU must be a positive integer (< 65522)");
    break;
  case '6':
    settings->has_ipv6 = true;
    experimental("IPv6");
    break;
  case 'a':
    settings->api_path = optarg;
    break;
  case 'h':
    usage_print(settings->program);
    exit(0);
  case 'v':
    version_print();
    exit(0);
  default:
    wrong(settings, NULL); /* getopt_long(3) has said why. */
  }
}

static void take(Settings *settings, Choices *choices, int option) {
  switch (option) {
  case CIDR:
    settings->cidr = optarg;
    break;
  case NO_HOST_LOOPBACK:
    deprecated("--no-host-loopback", "--disable-host-loopback");
    settings->has_host_loopback = false;
    break;
  case DISABLE_HOST_LOOPBACK:
    settings->has_host_loopback = false;
    break;
  case NETNS_TYPE:
    choices->netns_type = optarg;
    break;
  case USERNS_PATH:
    choices->userns_path = optarg;
    if (access(optarg, F_OK) == 0) break;
    fprintf(stderr, "userns path doesn't exist: %s\n", optarg);
    wrong(settings, NULL);
  case CREATE_SANDBOX:
    deprecated("--create-sandbox", "--enable-sandbox");
    settings->has_sandbox = true;
    break;
  case ENABLE_SANDBOX:
    settings->has_sandbox = true;
    break;
  case ENABLE_SECCOMP:
    experimental("seccomp");
    settings->has_seccomp = true;
    break;
  case OUTBOUND_ADDR:
    experimental("--outbound-addr");
    settings->outbound_text = optarg;
    break;
  case OUTBOUND_ADDR6:
    experimental("--outbound-addr6");
    settings->outbound6_text = optarg;
    break;
  case DISABLE_DNS:
    settings->has_dns = false;
    break;
  case MACADDRESS:
    settings->mac_text = optarg;
    break;
  case TARGET_TYPE:
    choices->target_type = optarg;
    break;
  default:
    take_short(settings, option);
  }
}

static void choose_bess(Settings *settings, const Choices *choices) {
  settings->kind = BY_BESS;
  if (settings->configures) wrong(settings, "--configure conflicts with --target-type=bess");
  if (choices->netns_type != NULL) wrong(settings, "--netns-type conflicts with --target-type=bess");
  if (choices->userns_path != NULL) wrong(settings, "--userns-path conflicts with --target-type=bess");
}

/* Any word but pid and tapfd stands for a path. */
static void choose(Settings *settings, const Choices *choices) {
  settings->userns = choices->userns_path;
  const char *type = choices->netns_type == NULL ? "pid" : choices->netns_type;
  settings->kind = strcmp(type, "pid") == 0 ? BY_PID : strcmp(type, "tapfd") == 0 ? BY_TAP : BY_PATH;
  if (choices->target_type != NULL && strcmp(choices->target_type, "bess") == 0)
    choose_bess(settings, choices);
  else if (choices->target_type != NULL && strcmp(choices->target_type, "netns") != 0)
    wrong(settings, "--target-type must be either \"netns\" or \"bess\"");
  if (settings->mac_text != NULL && !settings->configures)
    wrong(settings, "--macaddr cannot be specified when --configure or -c is not specified");
}

static void take_target(Settings *settings, const char *text) {
  char problem[160];
  switch (settings->kind) {
  case BY_PID:
    settings->pid = number(text);
    if (settings->pid <= 0) wrong(settings, "PID must be a positive integer");
    break;
  case BY_PATH:
    settings->path = text;
    if (access(text, F_OK) == 0) break;
    snprintf(problem, sizeof problem, "existing path expected when --netns-type=path: %s", strerror(errno));
    wrong(settings, problem);
  case BY_TAP:
    settings->tap = *text == '\0' ? -1 : number(text);
    if (settings->tap < 0) wrong(settings, "TAPFD must a file descriptor"); /* Sic. */
    break;
  case BY_BESS:
    settings->path = text;
    puts("WARNING: BESS mode is experimental");
  }
}

static void take_positionals(Settings *settings, int count, char **values) {
  const bool has_name = settings->kind == BY_PID || settings->kind == BY_PATH;
  const int wanted = has_name ? 2 : 1;
  if (count < wanted) wrong(settings, NULL);
  if (count > wanted && settings->kind == BY_BESS) wrong(settings, "too many arguments");
  take_target(settings, values[0]);
  settings->ifname = has_name ? values[1] : "";
  if (count > wanted) puts("WARNING: too many arguments");
}

void arguments_parse(Settings *settings, int argc, char **argv) {
  Choices choices = {NULL, NULL, NULL};
  *settings = (Settings){.program = argc > 0 ? argv[0] : "slirp4netns",
                         .has_host_loopback = true,
                         .has_dns = true,
                         .exit_descriptor = -1,
                         .ready_descriptor = -1,
                         .mtu = MTU_DEFAULT,
                         .tap = -1};
  int option;
  while ((option = getopt_long(argc, argv, "ce:r:m:a:6hv", OPTIONS, NULL)) != -1) take(settings, &choices, option);
  choose(settings, &choices);
  take_positionals(settings, argc - optind, argv + optind);
}
