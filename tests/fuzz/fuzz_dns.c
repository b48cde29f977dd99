/* SPDX-License-Identifier: ISC */
/*
 * DNS replies.  The first byte: bit 0 AAAA instead of A, bit 1 EDNS, bit 2
 * the reply is longer than what is here; the id is always the right one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/resolve_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct resolve_question q = { .type = RESOLVE_A };
	struct resolve_reply reply = { .n = 0 };
	uint8_t query[RESOLVE_MAX_QUERY];

	if (size < 3)
		return 0;
	if (resolve_wire_name(SLICE("mail.example.org"), q.name) < 0)
		abort();
	if (data[0] & 1)
		q.type = RESOLVE_AAAA;
	q.edns = data[0] & 2;
	q.id = (uint16_t)(data[1] << 8 | data[2]);

	enum resolve_verdict v =
		resolve_wire_judge(&q, data + 1, size - 1, data[0] & 4, &reply);

	if (v == RESOLVE_FOUND &&
	    (reply.n == 0 || reply.n > RESOLVE_MAX_ANSWERS))
		abort();
	/* what an alias leads to can be asked for */
	if (v == RESOLVE_ALIAS) {
		memcpy(q.name, reply.name, sizeof(q.name));
		if (resolve_wire_query(&q, query) > sizeof(query))
			abort();
	}
	return 0;
}
