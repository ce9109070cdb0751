"""Runs a program under what systemd's MemoryDenyWriteExecute= asks of the kernel: `mdwe.py PROGRAM ARG...`. Nothing that was writable
becomes executable in it. Kernels before 6.3 do not know how: there it only runs the program."""

import ctypes
import os
import sys

PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1

ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
