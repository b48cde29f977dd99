/* SPDX-License-Identifier: ISC */
/*
 * net/resolve_wire.c - see net/resolve_wire.h.
 *
 * udns is used as a parser only: names and records.  What it does not do is
 * done here: aliases in any order, truncation, EDNS errors.
 */
#include "net/resolve_wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <udns.h>

/* OPT: root name, type, size, extended rcode and flags, no data. */
#define OPT_SIZE 11

int resolve_wire_name(struct slice host, uint8_t out[static RESOLVE_MAX_NAME])
{
	/* an empty name or one with an escape would have another meaning */
	if (host.n == 0 || host.n > RESOLVE_MAX_NAME ||
	    slice_find(host, '\\') >= 0)
		return -EINVAL;
	int n = dns_ptodn(host.p, (unsigned)host.n, out, RESOLVE_MAX_NAME,
			  NULL);
	return n > 0 ? 0 : -EINVAL;
}

size_t resolve_wire_query(const struct resolve_question *q,
			  uint8_t out[static RESOLVE_MAX_QUERY])
{
	memset(out, 0, DNS_HSIZE);
	dns_put16(out + DNS_H_QID, q->id);
	out[DNS_H_F1] = DNS_HF1_RD;
	dns_put16(out + DNS_H_QDCNT, 1);
	uint8_t *p = out + DNS_HSIZE;
	p += dns_dntodn(q->name, p, RESOLVE_MAX_NAME);
	p = dns_put16(p, (unsigned)q->type);
	p = dns_put16(p, DNS_C_IN);
	if (!q->edns)
		return (size_t)(p - out);
	/* RFC 6891 6.1.2 */
	dns_put16(out + DNS_H_ARCNT, 1);
	memset(p, 0, OPT_SIZE);
	dns_put16(p + 1, DNS_T_OPT);
	dns_put16(p + 3, RESOLVE_UDP_SIZE);
	return (size_t)(p - out) + OPT_SIZE;
}

/*
 * RFC 5452 9.1: is it the answer to our question?  *at is set behind the
 * question.  A server that cannot read a query may leave the question out.
 */
static bool is_ours(const struct resolve_question *q, const uint8_t *pkt,
		    const uint8_t *end, const uint8_t **at)
{
	uint8_t name[DNS_MAXDN];

	if (end - pkt < DNS_HSIZE || dns_qid(pkt) != q->id || !dns_qr(pkt) ||
	    dns_opcode(pkt) != 0)
		return false;
	*at = dns_payload(pkt);
	if (dns_numqd(pkt) == 0)
		return dns_rcode(pkt) != DNS_R_NOERROR;
	if (dns_numqd(pkt) != 1 ||
	    dns_getdn(pkt, at, end, name, sizeof(name)) <= 0 || end - *at < 4)
		return false;
	bool same = dns_dnequal(q->name, name) &&
		    dns_get16(*at) == (unsigned)q->type &&
		    dns_get16(*at + 2) == DNS_C_IN;
	return same;
}

/* The records of the answer section, from the first one. */
static void rewind_to(struct dns_parse *p, const uint8_t *pkt,
		      const uint8_t *question, const uint8_t *end)
{
	dns_initparse(p, NULL, pkt, question, end);
	p->dnsp_qtyp = DNS_T_INVALID; /* 0: of any type */
	p->dnsp_qcls = DNS_C_IN;
}

/*
 * Look for an alias of name and put its target there.
 * Returns: 1 found;  0 none;  -EBADMSG malformed
 */
static int follow(struct dns_parse *p, uint8_t name[static RESOLVE_MAX_NAME],
		  bool partial)
{
	struct dns_rr rr;
	int got;

	while ((got = dns_nextrr(p, &rr)) > 0) {
		if (rr.dnsrr_typ != DNS_T_CNAME ||
		    !dns_dnequal(rr.dnsrr_dn, name))
			continue;
		if (dns_getdn(p->dnsp_pkt, &rr.dnsrr_dptr, rr.dnsrr_dend, name,
			      RESOLVE_MAX_NAME) <= 0 ||
		    rr.dnsrr_dptr != rr.dnsrr_dend)
			return -EBADMSG;
		return 1;
	}
	return got < 0 && !partial ? -EBADMSG : 0;
}

/* Take the address of a record: 4 bytes of A, 16 of AAAA (RFC 3596 2.2). */
static bool take(const struct dns_rr *rr, struct net_addr *a)
{
	memset(a, 0, sizeof(*a));
	if (rr->dnsrr_typ == DNS_T_A && rr->dnsrr_dsz == 4) {
		a->ip[10] = 0xff;
		a->ip[11] = 0xff;
		memcpy(a->ip + 12, rr->dnsrr_dptr, 4);
		return true;
	}
	if (rr->dnsrr_typ == DNS_T_AAAA && rr->dnsrr_dsz == 16) {
		memcpy(a->ip, rr->dnsrr_dptr, 16);
		return true;
	}
	return false;
}

/* Collect the addresses of name.  0;  -EBADMSG malformed. */
static int collect(struct dns_parse *p, const uint8_t *name,
		   enum resolve_type type, bool partial,
		   struct resolve_reply *reply)
{
	struct dns_rr rr;
	int got;

	while ((got = dns_nextrr(p, &rr)) > 0) {
		if ((int)rr.dnsrr_typ != (int)type ||
		    !dns_dnequal(rr.dnsrr_dn, name))
			continue;
		if (reply->n == RESOLVE_MAX_ANSWERS)
			return 0;
		if (!take(&rr, &reply->addr[reply->n]))
			return -EBADMSG;
		reply->n++;
	}
	return got < 0 && !partial ? -EBADMSG : 0;
}

/* A reply with rcode 0: addresses, an alias, or nothing. */
static enum resolve_verdict read_answers(const struct resolve_question *q,
					 const uint8_t *pkt,
					 const uint8_t *question,
					 const uint8_t *end, bool partial,
					 struct resolve_reply *reply)
{
	struct dns_parse p;
	bool moved = false;
	int got = 1;

	/* each name once more through all records: they have no order */
	memcpy(reply->name, q->name, RESOLVE_MAX_NAME);
	while (got > 0) {
		rewind_to(&p, pkt, question, end);
		got = follow(&p, reply->name, partial);
		if (got < 0)
			return RESOLVE_MALFORMED;
		if (got > 0 && ++reply->aliases > RESOLVE_MAX_ALIASES)
			return RESOLVE_MALFORMED;
		moved = moved || got > 0;
	}
	rewind_to(&p, pkt, question, end);
	if (collect(&p, reply->name, q->type, partial, reply) < 0)
		return RESOLVE_MALFORMED;
	if (reply->n > 0)
		return RESOLVE_FOUND;
	if (partial)
		return RESOLVE_MALFORMED;
	return moved ? RESOLVE_ALIAS : RESOLVE_NO_DATA;
}

enum resolve_verdict resolve_wire_judge(const struct resolve_question *q,
					const uint8_t *pkt, size_t n,
					bool partial,
					struct resolve_reply *reply)
{
	const uint8_t *end = pkt + n;
	const uint8_t *at;

	reply->n = 0;
	if (!is_ours(q, pkt, end, &at))
		return RESOLVE_FOREIGN;
	reply->rcode = (uint8_t)dns_rcode(pkt);
	switch (reply->rcode) {
	case DNS_R_NOERROR:
		break;
	case DNS_R_NXDOMAIN:
		return RESOLVE_NO_NAME;
	case DNS_R_FORMERR:
	case DNS_R_NOTIMPL:
		return q->edns ? RESOLVE_NO_EDNS : RESOLVE_FAILED;
	default:
		return RESOLVE_FAILED;
	}
	if (dns_tc(pkt))
		return RESOLVE_TRUNCATED;
	/* behind the name: type and class, which udns skips by itself */
	return read_answers(q, pkt, at, end, partial, reply);
}
