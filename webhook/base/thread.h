/* thread: starts a thread that handles no signals. */
#ifndef WEBHOOK_BASE_THREAD_H
#define WEBHOOK_BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/*
 * Starts a thread with a stack of that many bytes, on which all signals are blocked. The main
 * thread handles them, and SIGPIPE becomes EPIPE. Threads that this one starts inherit that.
 * Returns 0, or the number of the error (errno.h).
 */
int thread_start(pthread_t *thread, size_t stack_bytes, void *(*run)(void *argument), void *argument);

#endif
