/*
 * slow_resolver.c
 *		For LD_PRELOAD: a getaddrinfo that takes eight seconds for names that
 *		end in ".slow.invalid", as a resolver does whose servers do not answer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int
getaddrinfo(const char *node, const char *service,
			const struct addrinfo *hints, struct addrinfo **result)
{
	static int	(*next) (const char *, const char *, const struct addrinfo *, struct addrinfo **);
	static const char suffix[] = ".slow.invalid";
	size_t		len = node ? strlen(node) : 0;

	if (len > sizeof(suffix) - 1 &&
		strcmp(node + len - (sizeof(suffix) - 1), suffix) == 0)
	{
		sleep(8);
		return EAI_AGAIN;
	}
	if (next == NULL)
		next = (int (*) (const char *, const char *, const struct addrinfo *, struct addrinfo **))
			dlsym(RTLD_NEXT, "getaddrinfo");
	return next(node, service, hints, result);
}
