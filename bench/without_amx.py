"""Runs a command that may not use the processor's matrix tiles (AMX): as on a processor without.

    without_amx.py COMMAND…

A program has to ask Linux for the tiles (arch_prctl, ARCH_REQ_XCOMP_PERM) before it uses them. Here
a seccomp filter answers that it may not, so every engine takes its next best instructions.
"""

import ctypes
import os
import struct
import sys

ARCH_PRCTL, ARCH_REQ_XCOMP_PERM = 158, 0x1023      # x86-64
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06     # instructions of the filter (BPF)
ALLOW, REFUSE = 0x7FFF0000, 0x00050001             # EPERM
NUMBER_AT, FIRST_ARGUMENT_AT = 0, 16               # in struct seccomp_data

FILTER = [
    (LOAD, 0, 0, NUMBER_AT),
    (JUMP_IF_EQUAL, 0, 3, ARCH_PRCTL),
    (LOAD, 0, 0, FIRST_ARGUMENT_AT),
    (JUMP_IF_EQUAL, 0, 1, ARCH_REQ_XCOMP_PERM),
    (RETURN, 0, 0, REFUSE),
    (RETURN, 0, 0, ALLOW),
]


class Program(ctypes.Structure):
    _fields_ = [("count", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def forbid_tiles():
    libc = ctypes.CDLL(None, use_errno=True)
    program = Program(len(FILTER), b"".join(struct.pack("HBBI", *line) for line in FILTER))
    if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


if __name__ == "__main__":
    forbid_tiles()
    os.execvp(sys.argv[1], sys.argv[1:])
