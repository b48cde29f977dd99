/* SPDX-License-Identifier: ISC */
/* Any text is a configuration, or has an error that names its line. */
#include <stdlib.h>
#include <string.h>

#include "conf/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(void *ctx, struct slice mailbox)
{
	unsigned *calls = ctx;

	if (mailbox.n == 0 || slice_has_control(mailbox))
		abort();
	return ++*calls > 100 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf c;
	static struct identity id;
	struct conf_error err;
	unsigned calls = 0;

	if (conf_parse(&c, slice_of(data, size), "f", &err) < 0) {
		if (strncmp(err.text, "f:", 2) != 0 ||
		    slice_has_control(slice_str(err.text)) ||
		    slice_has_8bit(slice_str(err.text)))
			abort();
		return 0;
	}
	for (unsigned i = 0; i < c.nhops; i++) {
		if (c.hops[i].route >= c.nroutes)
			abort();
	}
	identity_resolve(&id, &c, SLICE("box"));
	for (unsigned i = 0; i < c.naliases; i++)
		(void)!identity_expand(&id, &c, c.aliases[i].name, take,
				       &calls);
	if (conf_route_of(&c, SLICE("a@b.c"), SLICE("d@e.f")) >= c.nroutes)
		abort();
	return 0;
}
