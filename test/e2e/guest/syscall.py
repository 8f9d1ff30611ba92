"""Lets a thread of another process make one system call: `syscall.py THREAD NAME [ARGUMENT...]`, those left out 0. An
argument is a number, or `own`, the PID of that process.

Stops the thread, which sleeps in a call of its own, by ptrace(2), and steps over that call's instruction with the registers of the other. Ends with one line of
JSON: {"signal": N} when that has killed the process, else {"result": N}. On x86_64 only.
"""
import ctypes
import json
import os
import sys
import time

PEEKTEXT, STEP, GETREGS, SETREGS, ATTACH, DETACH = 1, 9, 12, 13, 16, 17
WALL = 0x40000000
SYSCALL_INSTRUCTION = 0x050F
# 10 ms apart.
TRIES = 1000
# Places in struct user_regs_struct.
RAX, ORIG_RAX, RIP = 10, 15, 16
ARGUMENTS = (14, 13, 12, 7, 9, 8)
NUMBERS = {
    'execve': 59, 'execveat': 322, 'lookup_dcookie': 212, 'pidfd_getfd': 438, 'pidfd_open': 434, 'pidfd_send_signal': 424, 'ptrace': 101,
    'process_vm_readv': 310, 'process_vm_writev': 311, 'delete_module': 176, 'finit_module': 313, 'init_module': 175, 'chroot': 161,
    'fsconfig': 431, 'fsmount': 432, 'fsopen': 430, 'fspick': 433, 'mount': 165, 'move_mount': 429, 'open_tree': 428, 'pivot_root': 155,
    'umount2': 166, 'open_by_handle_at': 304, 'name_to_handle_at': 303, 'setns': 308, 'unshare': 272, 'kexec_file_load': 320,
    'kexec_load': 246, 'reboot': 169, 'clone': 56, 'clone3': 435, 'prctl': 157, 'io_uring_setup': 425, 'personality': 135, 'getppid': 110,
    'bpf': 321, 'keyctl': 250, 'x32 getpid': 0x40000000 + 39, 'perf_event_open': 298, 'userfaultfd': 323, 'fanotify_init': 300,
    'mount_setattr': 442, 'process_madvise': 440, 'memfd_secret': 447, 'mq_open': 240, 'shmget': 29, 'setuid': 105, 'iopl': 172, 'syslog': 103,
    'socket': 41, 'socketpair': 53, 'kill': 62, 'tkill': 200, 'tgkill': 234, 'rt_sigqueueinfo': 129, 'fcntl': 72, 'ioctl': 16,
    'prlimit64': 302, 'fork': 57, 'setpriority': 141, 'rename': 82, 'none_of_today': 600, 'io_uring_enter': 426,
}

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread, address=None, data=None):
    ctypes.set_errno(0)
    result = libc.ptrace(request, thread, address, data)
    if ctypes.get_errno() != 0:
        raise OSError(ctypes.get_errno(), f'ptrace {request}')
    return result


def wait(thread):
    """The signal that has ended the process, or 0 when the thread stands still."""
    status = os.waitpid(thread, WALL)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def stop(thread):
    """Stops the thread in a system call, as soon as it is in one: its registers."""
    registers = (ctypes.c_ulonglong * 27)()
    for _ in range(TRIES):
        ptrace(ATTACH, thread)
        wait(thread)
        ptrace(GETREGS, thread, None, registers)
        if ptrace(PEEKTEXT, thread, registers[RIP] - 2) & 0xFFFF == SYSCALL_INSTRUCTION:
            return registers
        ptrace(DETACH, thread)
        time.sleep(0.01)
    raise SystemExit('the thread is never in a system call')


def number(thread, argument):
    if argument != 'own':
        return int(argument, 0)
    with open(f'/proc/{thread}/status', encoding='ascii') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('Tgid:'))


def main(thread, name, *arguments):
    if os.uname().machine != 'x86_64':
        raise SystemExit('x86_64 only')
    before = stop(thread)
    registers = (ctypes.c_ulonglong * 27)(*before)
    registers[RIP] -= 2
    registers[RAX] = NUMBERS[name]
    registers[ORIG_RAX] = 2**64 - 1
    for place in ARGUMENTS:
        registers[place] = 0
    for place, argument in zip(ARGUMENTS, arguments):
        registers[place] = number(thread, argument) & 2**64 - 1
    ptrace(SETREGS, thread, None, registers)
    ptrace(STEP, thread)
    killed = wait(thread)
    if killed:
        print(json.dumps({'signal': killed}))
        return
    ptrace(GETREGS, thread, None, registers)
    result = ctypes.c_longlong(registers[RAX]).value
    ptrace(SETREGS, thread, None, before)
    ptrace(DETACH, thread)
    print(json.dumps({'result': result}))


main(int(sys.argv[1]), *sys.argv[2:])
