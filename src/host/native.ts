/*
 * The addon, typed: system calls that Node has no function for, as integers in and out. native/README.md says what is on
 * the other side.
 *
 * A context is one network's: an arena that packets live in (every `at` below is an offset into it, in bytes), a page of
 * int32 words where a call leaves what does not fit its result (`scratch`, overwritten by the next call that uses it), and
 * one epoll descriptor. Unless it says otherwise, a method returns 0 or more, or -errno and never throws:
 *
 *     -EFAULT   [at, at + length) is not inside the arena        -EBADF    no such descriptor, or close() was called
 *     -EINVAL   an argument is not a number, or out of range     -EAGAIN   nothing now; the event loop will tell
 *
 * An address is four int32 words in network order, IPv4 as ::ffff:a.b.c.d; a port is 0 to 65535.
 */

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { NetloomError } from '../util/errors.js'
import { PACKAGE_ROOT } from '../util/package-root.js'

export interface NativeContext {
  /** The memory that packets live in; pages that were never touched cost nothing. */
  readonly arena: ArrayBuffer
  /** 4,096 int32 words for results. */
  readonly scratch: ArrayBuffer

  // The event loop: epoll(7), timerfd_create(2).

  /** Calls back once per turn of Node's loop while anything in the epoll descriptor is ready; what it throws is uncaught. */
  start(callback: () => void): number
  /** No more calls back. start() may follow. */
  stop(): number
  /** Lets a started context keep the process running (the default). */
  ref(): number
  unref(): number
  /** Closes what the context made for itself (epoll, timer, signals) and lets go of the arena. Again: does nothing. Other descriptors stay. */
  close(): number
  /** `token` comes back with the events (EPOLLIN ...); -1 is the timer's. */
  epollAdd(descriptor: number, token: number, events: number): number
  epollModify(descriptor: number, token: number, events: number): number
  epollDelete(descriptor: number): number
  /**
   * Takes up to `max` (2,048 at most) ready descriptors: scratch[2i] = token, scratch[2i + 1] = events. Without waiting or, with `lingers`, for some
   * microseconds when that was worth while before (native/src/busy_poll.c).
   */
  epollWait(max: number, lingers: 0 | 1): number
  /** Makes token -1 ready once, `ms` from now, in place of an earlier time; negative: never. */
  timerArm(ms: number): number
  /** Takes the timer's event: 1 when it had fired, else 0. */
  timerRead(): number
  /** CLOCK_MONOTONIC in ms as a wrapping int32: any value is a time, none an error. */
  now(): number

  // A TAP: Documentation/networking/tuntap.rst.

  /**
   * Reads frames back to back, each from a multiple of 64 on, while a largest one (65,600 bytes) still fits in [at, at + size):
   * scratch[2i] = offset, scratch[2i + 1] = length. Returns how many; 0: nothing now. -ENOBUFS: not even one would fit.
   * -EBADFD: the interface was deleted. -EPIPE: it is a socket, and its other end is closed.
   */
  tapRead(descriptor: number, at: number, size: number, maxFrames: number): number
  /** Writes one frame. -EIO: the interface is down. */
  tapWrite(descriptor: number, at: number, length: number): number
  /** 1 when the kernel understands BIG TCP over IPv4 (Linux 6.3): a total length of 0, and more than 64 KiB in one frame. Found out once. */
  probeBigTcp(): number

  // TCP: tcp(7). Every transfer is non-blocking.

  /**
   * A new non-blocking TCP_NODELAY socket, whose connect may still be in progress: EPOLLOUT, then socketError(). `hops`: TTL or hop
   * limit of its segments, 0 for the host's default. Where an ICMP error ends the connect, errorReceive() has it (Linux 5.9).
   */
  tcpConnect(a0: number, a1: number, a2: number, a3: number, port: number, hops: number): number
  /** To be called once an IPv6 connect has succeeded: ICMPv6 errors would end the connection from then on. */
  tcpConnected(descriptor: number): number
  /** As `tcpConnect`; `scope` is the number of the interface that leads to a link-local address, 0 for whichever does. */
  tcpConnectScoped(a0: number, a1: number, a2: number, a3: number, port: number, scope: number): number
  /** A listening descriptor, of IPv6 alone if it is one; its address and port in scratch[0..4]. `scope`: as of tcpConnectScoped. */
  tcpListen(a0: number, a1: number, a2: number, a3: number, port: number, backlog: number, scope: number): number
  /**
   * The descriptor of the next connection; its address and port in scratch[0..4], and in [5] whether there is no descriptor for another one.
   * -EAGAIN: there is none.
   */
  tcpAccept(descriptor: number): number
  /** Takes the pending error of a socket: a positive errno, or 0. */
  socketError(descriptor: number): number
  tcpSend(descriptor: number, at: number, length: number): number
  /** Copies what is queued without taking it; from the peek offset on, which moves, once one is set. 0: the end of the stream. */
  tcpPeek(descriptor: number, at: number, length: number): number
  tcpReceive(descriptor: number, at: number, length: number): number
  /** Takes up to `length` bytes off the queue without copying them, moves the peek offset back by as much, returns how many. */
  tcpDiscard(descriptor: number, length: number): number
  /** Sets the peek offset, bytes from the front of the queue; -1: none. */
  tcpPeekOffset(descriptor: number, offset: number): number
  /** Bytes that a send would surely take; 0 while the socket is not writable (SO_MEMINFO). */
  tcpRoom(descriptor: number): number
  /** Raises the send buffer so that `bytes` more fit, overhead included, up to what may be asked for: 1 when it was raised. */
  tcpSendUrgent(descriptor: number, at: number): number
  tcpMark(descriptor: number): number
  tcpSilence(descriptor: number, asks: number): number
  tcpStalled(descriptor: number): number
  tcpMakeRoom(descriptor: number, bytes: number): number
  /** Fixes the receive buffer, which the kernel doubles, and ends its autotuning. */
  tcpReceiveBuffer(descriptor: number, bytes: number): number
  /** Bytes that were sent and are not acknowledged; that have arrived and are not taken. */
  tcpUnsent(descriptor: number): number
  tcpUnread(descriptor: number): number
  /** FIN after what is queued. */
  tcpShutdown(descriptor: number): number
  /** RST, and closes the descriptor. */
  tcpReset(descriptor: number): number
  /** 1 when peek offsets work on TCP sockets of IP version 4 or 6, 0 when not; found out once per process, over loopback. */
  probePeekOffset(family: number): number

  // TCP within a namespace, from kernel to kernel: direct.c, splice(2), sock_diag(7).

  /**
   * Unconnected TCP sockets of the namespace that two such sockets belong to: scratch[0..]. How many, up to `count`; -errno: not one, with
   * -EAGAIN: not yet.
   */
  socketMint(seed: number, other: number, count: number): number
  /** Makes one of those unconnected again when its connection has ended on both ways; negative when it can only be closed. */
  socketRecycle(descriptor: number): number
  /** Begins to connect one of those: 0: done, -EINPROGRESS: EPOLLOUT will tell. scratch[0] = its own port. */
  socketConnect(descriptor: number, a0: number, a1: number, a2: number, a3: number, port: number): number
  /** A pipe of `bytes`, if it may have so many: scratch[0] = its read end, [1] = its write end. */
  pipeOpen(bytes: number): number
  /**
   * Moves bytes from one socket to another, behind `held` bytes that are in the pipe: until there is nothing to take, no room, or about
   * `budget` bytes were taken. Returns MOVE_ flags; scratch[0] = bytes taken, [1] = bytes given, [2] = the errno of an end that is broken.
   * A pipe of -1, -1 is none: the bytes are copied, and none is held.
   */
  spliceMove(from: number, to: number, pipeRead: number, pipeWrite: number, held: number, budget: number): number
  /**
   * Who listens by TCP in the namespace of a sock_diag socket: address and port, five words each, from scratch[0] on. How many; 819 at most.
   * Negative: it cannot be told now, and may be asked again.
   */
  listenersOf(diag: number): number

  // Where from.

  /** What tcpConnect, udpOpen and pingOpen open is bound to this address of the host, in its family. */
  outboundAddress(a0: number, a1: number, a2: number, a3: number): number
  /** Until the next outboundAddress of the family they have none, and fail: the host has no address to send from. */
  outboundMissing(family: 4 | 6): number
  /** Whether what sockets of udpOpen send to groups comes to those on this host who listen too; it does at first. */
  outboundMulticast(isHeardHere: 0 | 1): number

  // UDP and ping sockets: udp(7), icmp(7). An error that came back fails the next call once, besides being queued.

  /** A socket of IP version 4 or 6 on every local address, on `port` or, when that cannot be had, on any. */
  udpOpen(family: number, port: number): number
  /** A socket for echo messages, whole ones, with `identifier` or, when it is taken, any. -EACCES: ping_group_range lacks our groups. */
  pingOpen(family: number, identifier: number): number
  /** `scope`: the number of the interface that leads to a link-local address, 0 for whichever does. */
  udpConnect(descriptor: number, a0: number, a1: number, a2: number, a3: number, port: number, scope: number): number
  /**
   * Sends one datagram, or with `segment` > 0 a train of datagrams of so many bytes and a last shorter one. Port 0: to
   * where the socket is connected (a ping socket takes any other port for an address).
   */
  udpSend(
    descriptor: number,
    at: number,
    length: number,
    segment: number,
    a0: number,
    a1: number,
    a2: number,
    a3: number,
    port: number,
  ): number
  /**
   * TTL or hop limit (1 to 255), TOS or traffic class and don't-fragment of all that a UDP or ping socket of IP version 4 or 6 sends
   * from now on. With the latter a datagram too long for its path is -EMSGSIZE, and an error of origin 1 has the path's MTU.
   */
  datagramHeader(descriptor: number, family: number, hops: number, tos: number, dontFragment: 0 | 1): number
  /** One datagram: scratch[0..3] = source, [4] = its port, [5] = TTL or -1, [6] = TOS or -1. -EMSGSIZE: did not fit, and is gone. */
  udpReceive(descriptor: number, at: number, length: number): number
  /**
   * Prepares a UDP socket for many datagrams: larger buffers and, from Linux 5.0 on, trains of datagrams that arrive as one message. Then
   * only `udpReceiveMany` can tell them apart.
   */
  udpTrains(descriptor: number): number
  /**
   * Takes up to `max` (64 at most) messages. Message i begins at `at` + i * stride (2,048 at most), unless it is longer than that: then all
   * of it is in the i-th 68 KiB from `rest` on, with 2 KiB in front of it for headers. scratch, 10 words each: offset, length, bytes of
   * each datagram but the last where it is a train of several, else 0, port, TTL or -1, TOS or -1, source (4). Fewer than `max`: there
   * are no more.
   */
  udpReceiveMany(descriptor: number, at: number, stride: number, rest: number, max: number): number
  /**
   * Sends `count` (64 at most) messages. Each is, from `word` of the scratch on: target (4), port (0: where the socket is connected), bytes
   * of each datagram but the last where it is a train, else 0, number of pieces (1,024 in all), and offset and length of each of them. How
   * many have left; -errno when the first could not. The scratch stays as it is.
   */
  udpSendMany(descriptor: number, word: number, count: number): number
  /** A UDP socket for new clients, of IPv6 alone if it is one; its address and port in scratch[0..4]. -EADDRINUSE: somebody has the port. */
  udpListen(a0: number, a1: number, a2: number, a3: number, port: number, scope: number): number
  /** One datagram, as udpReceive() takes it; in scratch[7..10] the address of this host that it was sent to. */
  udpFirst(descriptor: number, at: number, length: number): number
  /**
   * A socket on the port of another one that is connected to the client in scratch[0..4], from the address in scratch[7..10], as udpFirst() leaves
   * them there; 0: from the other socket's. It hears others until it is connected.
   */
  udpAnswer(descriptor: number): number
  /**
   * One error from the queue, 1, or 0 when there is none: scratch[0] = errno, [1] = origin (1 local, 2 ICMP, 3 ICMPv6),
   * [2] = ICMP type, [3] = code, [4] = info (an MTU), [5..8] = where the datagram was sent, [9] = that port,
   * [10..13] = who reported it, [14] = bytes of what was sent (at most 528) that follow from word 16 on: a UDP payload,
   * or an echo message or TCP segment from its header on; [15] = the TTL that the error arrived with, or -1.
   */
  errorReceive(descriptor: number): number

  // Processes: unix(7), memfd_create(2), sigaction(2), pidfd_open(2).

  /** A SOCK_SEQPACKET pair that closes on exec: scratch[0], scratch[1]. */
  socketPair(): number
  /**
   * A non-blocking SOCK_STREAM pair that closes on exec: scratch[0], scratch[1]. The TCP calls above, tcpConnect aside, serve it too;
   * after tcpReset its other end sees an error if something was unread, else the end.
   */
  streamPair(): number
  /** A non-blocking SOCK_SEQPACKET pair that closes on exec, for two devices that read and write each other's frames: scratch[0], scratch[1]. */
  framePair(): number
  /** One message: its length, 0 at the end; scratch[0] = the descriptor that came along, or -1. */
  receiveMessage(descriptor: number, at: number, length: number): number
  /** One message, with a descriptor unless `pass` is -1; ours stays open. */
  sendMessage(descriptor: number, at: number, length: number, pass: number): number
  /** A socket to the kernel's routing tables, for the two above, that hears of changes to `groups` (rtnetlink(7), RTMGRP_*). */
  routesOpen(groups: number): number
  /** The number of an interface whose name, `length` bytes, is at the beginning of the scratch. */
  interfaceIndex(length: number): number
  /** Zeroed memory of a new memfd; scratch[0] = its descriptor, which is the caller's to close.
   *  @throws Error with the errno's name as `code`. */
  sharedMemory(bytes: number): ArrayBuffer
  /** Catches the signals whose bits (1 << number) are set, and returns a descriptor to wait on. -EBUSY: another context does.
   *  In the meantime `process.on` must not be used for them: Node would take them back. */
  signalStart(mask: number): number
  /** One caught signal, 1, or 0: scratch[0] = number, [1] = si_code (0x80: the terminal or the kernel), [2] = sender's pid. */
  signalRead(descriptor: number): number
  /** What the signals did before, they do again; closes the descriptor. */
  signalStop(): number
  /** The signal of this number has its default effect from now on, for good. */
  signalUsual(number: number): number
  /** A descriptor that is ready to read once the process has ended. */
  pidfdOpen(pid: number): number
  /** Sends a signal, by its number, to the process of a pidfd and no other. */
  pidfdSignal(pidfd: number, signal: number): number

  /** A non-blocking connection to the socket whose path, `length` bytes, is at `at` in the arena. */
  unixConnect(at: number, length: number): number
  /** Who listens at the other end of a connection: scratch[0] = PID, 0 for one of another PID namespace, [1] = UID. */
  peerCredentials(descriptor: number): number
  /** A pidfd of that process (Linux 6.5, else -ENOPROTOOPT). */
  peerPidfd(descriptor: number): number

  // Hardening of the whole process, all of its threads, for good: native/src/hardening.

  /** Gives up all capabilities but CAP_NET_BIND_SERVICE, and any way to gain one (no_new_privs). */
  capabilitiesDrop(): number
  /** Gives up all files but those of the rules, lines of text: landlock.c. -ENOSYS, -EOPNOTSUPP: the kernel has no Landlock. */
  landlockInstall(at: number, length: number): number
  /** Nobody without CAP_SYS_PTRACE may trace this process or open its memory, not even this user (PR_SET_DUMPABLE). */
  tracingRefuse(): number
  /** System calls that it has no use for end the process from now on, or are refused: seccomp_rules.h. */
  seccompInstall(): number

  /** Fills scratch[0] and those that follow, `count` (64 at most) in all, with chance that nobody can guess: getrandom(2). */
  random(count: number): number
  /**
   * From now on so many descriptors may be open for guests and strangers, counted by their numbers: a quarter of them is kept from what is
   * published, another from pipes. What the calls above open beyond that is -EMFILE. 0: no limit.
   */
  descriptorLimit(count: number): number
  /** 0 when there is a descriptor for one more published connection; negative when there is not. */
  descriptorRoom(): number
  /** Raises the soft limit of open descriptors to the hard one, and returns it. */
  raiseFileLimit(): number
  /** Gives whole pages inside the range back; they read as zero from then on. */
  releasePages(at: number, length: number): number
  closeDescriptor(descriptor: number): number
}

/** Flags of spliceMove: the first socket has ended, or is empty, the second has no room; either of them is broken. */
export const MOVE_ENDED = 1
export const MOVE_EMPTY = 2
export const MOVE_FULL = 4
export const MOVE_FROM_BROKEN = 8
export const MOVE_TO_BROKEN = 16

interface Addon {
  createContext(arenaBytes: number): NativeContext
}

const folder = join(PACKAGE_ROOT, 'native', 'build', 'Release')

/** The program that makes or joins namespaces: its arguments and messages are in native/src/launcher.c. */
export const LAUNCHER_PATH: string = join(folder, 'netloom-launcher')

let addon: Addon | null = null

function load(): Addon {
  const path = join(folder, 'netloom.node')
  try {
    return createRequire(import.meta.url)(path) as Addon
  } catch (cause) {
    throw new NetloomError(
      'ENATIVE',
      `the native addon cannot be loaded from ${path}`,
      'build it with `npm run build` (needs a C compiler, make and Python)',
      1,
      cause,
    )
  }
}

/**
 * A new context with an arena of `arenaBytes` (1 to 2^31 - 1).
 * @throws NetloomError `ENATIVE` when the addon is not built; Error with the errno's name as `code` when the kernel refuses.
 */
export function createContext(arenaBytes: number): NativeContext {
  addon ??= load()
  return addon.createContext(arenaBytes)
}
