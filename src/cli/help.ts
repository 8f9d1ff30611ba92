// The help of `netloom` itself, and which commands there are; each command has its own in its file. Here, so that main.ts can
// answer without loading what commands need.

export const HELP = `Usage: netloom COMMAND [OPTION...] [ARGUMENT...]

Gives any unprivileged Linux process a real network, without root.

Commands:
  run [--] [COMMAND...]  start a command in a sandbox of its own, with a network
  attach PID|PATH        give a network to a namespace that somebody else made
  oci-hook               give a network to a container of crun, runc or another OCI runtime
  publish add|rm|ls      publish ports of a network that runs, or see what went through them
  ps                     list the networks that run
  demo                   a tour that checks itself, in a few seconds
  bench [ARGUMENT...]    measure against slirp4netns, pasta, RootlessKit and loopback, as they are here

  netloom COMMAND --help explains a command
  netloom --version      prints the version

Examples:
  netloom run -- curl http://10.0.2.2:8080/   fetch from a server on the host's loopback
  netloom run                                 a shell with a network of its own
  netloom attach 1234                         a network for process 1234's namespace

Exit status: the command's own; 128 + N when signal N has ended it; 127 command not found, 126 not executable,
2 wrong use, 1 anything else that netloom could not do.
`
