/* SPDX-License-Identifier: ISC */
/* net/resolve_local.c - see net/resolve_local.h. */
#include "net/resolve_local.h"

#include <errno.h>
#include <string.h>

#include "base/host.h"
#include "net/resolve_hosts.h"

/* RFC 1035 2.3.4, as text without the last dot. */
#define MAX_HOST 253

/* Lines of one name that are looked at in the hosts file. */
#define MAX_HOSTS (2 * RESOLVE_MAX)

/* RFC 1123 2.1: a last label of digits only is a mistyped address. */
static bool is_host(struct slice host)
{
	uint32_t n;
	struct slice last =
		slice_from(host, (size_t)(slice_rfind(host, '.') + 1));

	return host.n <= MAX_HOST && host_is_name(host, false) &&
	       slice_to_u32(last, 0, &n) == -EINVAL;
}

/* RFC 6761 6.3 */
static bool is_localhost(struct slice host)
{
	return slice_ieq(host, SLICE("localhost")) ||
	       slice_iends(host, SLICE(".localhost"));
}

/* Fisher and Yates. */
static void shuffle(const struct world *w, struct net_addr *a, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)world_random_below(w, i);
		struct net_addr swap = a[i - 1];

		a[i - 1] = a[j];
		a[j] = swap;
	}
}

void resolve_local_merge(struct resolve_result *result, const struct world *w,
			 struct net_addr *v6, size_t n6, struct net_addr *v4,
			 size_t n4)
{
	shuffle(w, v6, n6);
	shuffle(w, v4, n4);
	result->n = 0;
	for (size_t i = 0; i < n6 || i < n4; i++) {
		if (i < n6 && result->n < RESOLVE_MAX)
			result->addr[result->n++] = v6[i];
		if (i < n4 && result->n < RESOLVE_MAX)
			result->addr[result->n++] = v4[i];
	}
}

static void from_hosts(struct resolve_result *result, const struct world *w,
		       const char *path, struct slice host, uint16_t port)
{
	struct net_addr all[MAX_HOSTS];
	struct net_addr v4[MAX_HOSTS];
	size_t n = resolve_hosts(path, host, port, all, MAX_HOSTS);
	size_t n4 = 0, n6 = 0;

	for (size_t i = 0; i < n; i++) {
		if (net_addr_is_v4(&all[i]))
			v4[n4++] = all[i];
		else
			all[n6++] = all[i];
	}
	resolve_local_merge(result, w, all, n6, v4, n4);
}

int resolve_local(struct resolve_result *result, const struct world *w,
		  const struct resolve_paths *paths, struct slice *host,
		  uint16_t port)
{
	const char *hosts = paths ? paths->hosts : NULL;

	memset(result, 0, sizeof(*result));
	if (net_addr_parse(*host, port, &result->addr[0]) == 0) {
		result->n = 1;
		return 0;
	}
	if (host->n > 1 && host->p[host->n - 1] == '.')
		*host = slice_head(*host, host->n - 1);
	if (!is_host(*host))
		return -EINVAL;
	from_hosts(result, w, hosts ? hosts : CONFIG_HOSTS_PATH, *host, port);
	if (result->n > 0)
		return 0;
	if (!is_localhost(*host))
		return -ENOENT;
	if (net_addr_parse(SLICE("::1"), port, &result->addr[0]) == 0 &&
	    net_addr_parse(SLICE("127.0.0.1"), port, &result->addr[1]) == 0)
		result->n = 2;
	return 0;
}
