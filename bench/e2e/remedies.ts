// What was done about a cost, by its name, or by a workload's name and its own: one sentence each, for the tables of costs.ts.

export const remedies: Readonly<Record<string, string>> = {
  'sendto (TCP)': "up to 64 KiB a call, at every MTU; the rest is the host's TCP, on loopback its receiver's as well",
  'recvfrom (TCP)': 'peeked into the frame itself; a bounded receive buffer towards loopback keeps the bytes in the cache (+5 to 10 %)',
  'read (TAP)': 'frames of up to 64 KiB into 256 KiB that stay in the cache, in place of 1 MiB (+10 %)',
  'write (TAP)': 'frames of up to 192 KiB with BIG TCP (+20 to 40 %); the guest receives each before the call returns',
  'sendmmsg (UDP)': 'up to 64 datagrams a call, those of one size as one with segmentation offload',
  'recvmmsg (UDP)': 'up to 64 messages a call, coalesced by the kernel where it can',
  'splice (TCP)': 'bytes go from socket to socket through a pipe and are copied by neither of us',
  epoll_wait: 'one call a turn for all descriptors; between request and response the loop asks on without sleeping',
  'connect (TCP)': "the host's half of each connection: on loopback its server's SYN-ACK comes within the call",
  JavaScript: 'nothing is allocated for a packet, and tables are typed arrays: what is left is the protocol',
  "V8's other threads (compiler, garbage)": 'at work in the first seconds only',
}
