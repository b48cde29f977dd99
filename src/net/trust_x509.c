/* SPDX-License-Identifier: ISC */
/*
 * net/trust_x509.c - see net/trust_x509.h.
 *
 * A certificate's last byte is held back: when all before it went through
 * the minimal engine, the issuer is known, the anchors of that name are
 * looked up, and the last byte then makes the engine check them.
 */
#include "net/trust_x509.h"

#include <errno.h>
#include <string.h>

enum trust_mode trust_mode_of(const struct trust *trust)
{
	if (trust->mode == TRUST_VERIFY && trust->pins > 0)
		return TRUST_PIN;
	return trust->mode;
}

struct slice trust_host_of(const struct trust *trust)
{
	struct slice host = slice_str(trust->name);

	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	return host;
}

static struct trust_judge *judge_of(const br_x509_class **ctx)
{
	return (struct trust_judge *)(void *)ctx;
}

static struct trust_time now_of(const struct trust_judge *j)
{
	return trust_time_of(j->trust->now_s);
}

static void start_chain(const br_x509_class **ctx, const char *server_name)
{
	struct trust_judge *j = judge_of(ctx);

	/* the name is checked here, not there: no Common Name (RFC 9525 2) */
	(void)server_name;
	j->began = true;
	j->live = trust_mode_of(j->trust) != TRUST_NONE;
	j->minimal.vtable->start_chain(&j->minimal.vtable, NULL);
}

static void start_cert(const br_x509_class **ctx, uint32_t length)
{
	struct trust_judge *j = judge_of(ctx);
	struct trust_time now = now_of(j);
	bool own = j->certs == 0;

	trust_cert_init(&j->cert, own ? trust_host_of(j->trust)
				      : (struct slice){ NULL, 0 });
	j->holds = false;
	br_x509_minimal_set_time(&j->minimal, now.days, now.s);
	if (j->live)
		j->minimal.vtable->start_cert(&j->minimal.vtable, length);
}

/* DESIGN.md 3.4: the time is the larger of the floor and notBefore. */
static void raise_time(struct trust_judge *j)
{
	if (j->trust->floor && j->cert.has_dates &&
	    trust_time_before(now_of(j), j->cert.from))
		br_x509_minimal_set_time(&j->minimal, j->cert.from.days,
					 j->cert.from.s);
}

static void push(struct trust_judge *j, const unsigned char *p, size_t n)
{
	if (j->live)
		j->minimal.vtable->append(&j->minimal.vtable, p, n);
}

static void append(const br_x509_class **ctx, const unsigned char *p, size_t n)
{
	struct trust_judge *j = judge_of(ctx);

	if (n == 0)
		return;
	trust_cert_feed(&j->cert, p, n);
	/* before the engine sees the dates in these bytes */
	raise_time(j);
	if (j->holds)
		push(j, &j->held, 1);
	push(j, p, n - 1);
	j->held = p[n - 1];
	j->holds = true;
}

/* 0;  -errno: the bundle cannot be read */
static int look_up_anchors(struct trust_judge *j)
{
	struct trust_query query = { .issuer = j->cert.issuer,
				     .now = now_of(j),
				     .floor = j->trust->floor };

	if (j->certs == 0) {
		query.subject = j->cert.subject;
		query.key = j->cert.key;
	}
	int err = trust_bundle_find(&j->bundle, j->trust->bundle_fd, &query);
	if (err < 0)
		return err;
	j->stale = j->stale || j->bundle.stale;
	j->direct = j->bundle.direct;
	j->minimal.trust_anchors = j->bundle.anchor;
	j->minimal.trust_anchors_num = j->bundle.n;
	return 0;
}

static bool has_pin(const struct trust *trust, const uint8_t key[static 32])
{
	bool found = false;

	for (int i = 0; i < trust->pins; i++)
		found = found || memcmp(trust->pin[i], key, 32) == 0;
	return found;
}

/* A pin of an issuer says nothing about whom it issued to: needs a name. */
static bool has_issuer_pin(const struct trust_judge *j)
{
	return j->certs > 0 && trust_host_of(j->trust).n > 0 &&
	       has_pin(j->trust, j->cert.key);
}

/* The last byte, and what it shows.  Returns: is there more to find out? */
static bool end_live_cert(struct trust_judge *j, bool whole)
{
	const br_x509_class **minimal = &j->minimal.vtable;

	if (j->minimal.err == 0 && !whole) {
		j->malformed = true;
		return false;
	}
	if (j->minimal.err == 0 && trust_mode_of(j->trust) == TRUST_VERIFY) {
		j->bundle_err = look_up_anchors(j);
		if (j->bundle_err < 0)
			return false;
	}
	if (j->holds)
		push(j, &j->held, 1);
	(*minimal)->end_cert(minimal);
	/* the engine has one number for both ends of the validity */
	if (j->minimal.err == BR_ERR_X509_EXPIRED)
		j->early = trust_time_before(now_of(j), j->cert.from);
	if (j->minimal.err != 0)
		return false;
	/* this issuer's key has just proved the link below it */
	j->pinned_ca = has_issuer_pin(j);
	return !j->pinned_ca && !j->direct;
}

/* What there is to say about the peer's own certificate. */
static void describe(struct trust_judge *j)
{
	const struct trust_cert *cert = &j->cert;
	struct trust_peer *p = &j->peer;

	p->known = true;
	p->self_signed = memcmp(cert->issuer, cert->subject, 32) == 0;
	p->days_left = (int32_t)(cert->until.days - now_of(j).days);
	memcpy(p->key, cert->key, sizeof(p->key));
	memcpy(p->issuer, cert->issuer_text, sizeof(p->issuer));
	memcpy(p->name, cert->name_text, sizeof(p->name));
}

static void end_cert(const br_x509_class **ctx)
{
	struct trust_judge *j = judge_of(ctx);
	const struct trust_cert *cert = &j->cert;
	bool whole = cert->whole && !cert->bad && cert->has_dates &&
		     cert->has_key;

	if (whole && j->certs == 0) {
		j->own_len = cert->key_len;
		memcpy(j->own_key, cert->space + cert->dn_len, j->own_len);
		j->name_fits = cert->name_matches;
		j->pinned = has_pin(j->trust, cert->key);
		if (ENABLE_CHECK_LIVE)
			describe(j);
	}
	if (j->live)
		j->live = end_live_cert(j, whole);
	if (j->certs < UINT8_MAX)
		j->certs++;
}

/* The peer's own key, whatever the minimal engine thinks of the rest. */
static unsigned accept_own(struct trust_judge *j)
{
	if (!trust_key_read(slice_of(j->own_key, j->own_len), &j->own))
		return BR_ERR_X509_UNSUPPORTED;
	j->key = &j->own;
	j->usages = BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN;
	return 0;
}

/* The minimal engine's verdict; so far it only lacked an anchor. */
static unsigned accept_chain(struct trust_judge *j, bool anchored)
{
	unsigned err = j->minimal.vtable->end_chain(&j->minimal.vtable);

	if (err == BR_ERR_X509_NOT_TRUSTED && anchored)
		err = 0;
	if (err == 0 && !j->name_fits)
		err = BR_ERR_X509_BAD_SERVER_NAME;
	if (err == 0)
		j->key = j->minimal.vtable->get_pkey(&j->minimal.vtable,
						     &j->usages);
	return err;
}

static unsigned end_chain(const br_x509_class **ctx)
{
	struct trust_judge *j = judge_of(ctx);
	enum trust_mode mode = trust_mode_of(j->trust);

	if (j->certs == 0)
		return BR_ERR_X509_EMPTY_CHAIN;
	if (mode == TRUST_NONE || j->pinned)
		return accept_own(j);
	if (mode == TRUST_PIN && !j->pinned_ca)
		return TRUST_ERR_PIN;
	if (j->malformed)
		return BR_ERR_X509_INVALID_VALUE;
	if (j->bundle_err < 0)
		return TRUST_ERR_BUNDLE;
	return accept_chain(j, j->direct || j->pinned_ca);
}

static const br_x509_pkey *get_pkey(const br_x509_class *const *ctx,
				    unsigned *usages)
{
	const struct trust_judge *j =
		(const struct trust_judge *)(const void *)ctx;

	if (usages)
		*usages = j->usages;
	return j->key;
}

static const br_x509_class judge_class = {
	.context_size = sizeof(struct trust_judge),
	.start_chain = start_chain,
	.start_cert = start_cert,
	.append = append,
	.end_cert = end_cert,
	.end_chain = end_chain,
	.get_pkey = get_pkey,
};

void trust_judge_init(struct trust_judge *j, const struct trust *trust,
		      br_ssl_engine_context *eng)
{
	memset(j, 0, sizeof(*j));
	j->vtable = &judge_class;
	j->trust = trust;
	br_x509_minimal_init(&j->minimal, &br_sha256_vtable, NULL, 0);
	br_x509_minimal_set_rsa(&j->minimal, br_ssl_engine_get_rsavrfy(eng));
	br_x509_minimal_set_ecdsa(&j->minimal, br_ssl_engine_get_ec(eng),
				  br_ssl_engine_get_ecdsa(eng));
	/* no SHA-1: nobody may sign certificates with it any more */
	br_x509_minimal_set_hash(&j->minimal, br_sha256_ID, &br_sha256_vtable);
	br_x509_minimal_set_hash(&j->minimal, br_sha384_ID, &br_sha384_vtable);
	br_x509_minimal_set_hash(&j->minimal, br_sha512_ID, &br_sha512_vtable);
	/* RFC 9325 4.2: 2048 bits */
	br_x509_minimal_set_minrsa(&j->minimal, 2048 / 8);
	br_ssl_engine_set_x509(eng, &j->vtable);
}
