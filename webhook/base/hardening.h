/*
 * secrecy: keeps this process's memory to itself. Keys, tokens and path secrets are overwritten when they are freed, but while they
 * are in use they also stand in memory of libraries, and what is not overwritten yet could end up in a core file.
 */
#ifndef WEBHOOK_BASE_HARDENING_H
#define WEBHOOK_BASE_HARDENING_H

/*
 * From now on no signal leaves a core file, whatever the limits and the system's handler of core files are, and no other process
 * of the same user can read this one's memory. Root can. To be called first of all.
 */
void secrecy_begin(void);

#endif
