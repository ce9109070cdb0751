/*
 * epoll: works around a hang in libmicrohttpd 0.9.75. Its workers ask epoll_wait for up to 128
 * events. If they get exactly 128, they call it again, without a timeout, before handling any of
 * them. If 128 clients become ready at the same time, they then get no response until another event
 * arrives.
 *
 * This definition replaces that of the C library in the whole process, including shared libraries.
 * It never returns a full batch; the remaining events follow in the next call.
 */
#include <stddef.h>
#include <sys/epoll.h>

#define FULL 128 /* MAX_EVENTS in libmicrohttpd's daemon.c. */

int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	return epoll_pwait(epfd, events, maxevents == FULL ? FULL - 1 : maxevents, timeout, NULL);
}
