# Two programs from plain C: the addon that Node loads and the launcher that it starts. README.md says what each is for.
{
  'target_defaults': {
    'defines': ['_GNU_SOURCE'],
    # In cflags_c, because Node's common.gypi takes -Werror out of cflags.
    'cflags_c': ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O2', '-fvisibility=hidden', '-fstack-protector-strong'],
    'ldflags': ['-Wl,-z,relro,-z,now'],
  },
  'targets': [
    {
      'target_name': 'netloom',
      'defines': ['NAPI_VERSION=8'],
      'sources': [
        'src/addon.c',
        'src/address.c',
        'src/direct.c',
        'src/forward.c',
        'src/listen.c',
        'src/loop.c',
        'src/memory.c',
        'src/message.c',
        'src/outbound.c',
        'src/process.c',
        'src/signal.c',
        'src/tap.c',
        'src/tcp.c',
        'src/trains.c',
        'src/udp.c',
      ],
    },
    {
      'target_name': 'netloom-launcher',
      'type': 'executable',
      'cflags': ['-fPIE'],
      'ldflags': ['-pie'],
      'sources': [
        'src/launcher.c',
        'src/channel.c',
        'src/interface.c',
        'src/interface6.c',
        'src/namespace.c',
        'src/options.c',
        'src/sandbox.c',
        'src/seeds.c',
      ],
    },
  ],
}
