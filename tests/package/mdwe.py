"""Runs a program under the restriction of systemd's MemoryDenyWriteExecute=: `mdwe.py PROGRAM
ARG...`. No memory that was writable can become executable. Kernels before 6.3 do not support this;
there, the program runs without it."""

import ctypes
import os
import sys

PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1

ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
