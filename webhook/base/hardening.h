/*
 * hardening: protects the memory of this process from other processes and from core files. Keys,
 * tokens, and path secrets are overwritten when they are freed. But while in use, they are also in
 * the memory of libraries, and a core file would contain them.
 */
#ifndef WEBHOOK_BASE_HARDENING_H
#define WEBHOOK_BASE_HARDENING_H

/*
 * Disables core files, regardless of the limits and the system's core handler. Also prevents other
 * processes of the same user, but not root, from reading this process's memory. Call it first in
 * main.
 */
void hardening_begin(void);

#endif
