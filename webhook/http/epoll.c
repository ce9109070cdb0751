/*
 * http_epoll: keeps libmicrohttpd 0.9.75 from sleeping on work. Its workers ask epoll for up to 128 events; when they get
 * that many, they ask again before they handle any, and wait without bound for events that need not come: 128 clients
 * that ask in the same moment then get no answer until a 129th does. This definition takes the place of the C library's
 * in the whole program, for shared libraries too, and gives a batch that is never full; the rest is seen the next time.
 */
#include <stddef.h>
#include <sys/epoll.h>

#define FULL 128 /* MAX_EVENTS in libmicrohttpd's daemon.c */

int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	return epoll_pwait(epfd, events, maxevents == FULL ? FULL - 1 : maxevents, timeout, NULL);
}
