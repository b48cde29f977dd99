/* SPDX-License-Identifier: ISC */
/* relay/hop.c - see relay/hop.h. */
#include "relay/hop.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum smtp_tls hop_tls(const struct conf_hop *h, bool no_tls)
{
	if (h->scheme == HOP_SUBMISSIONS)
		return SMTP_TLS_IMPLICIT;
	if (h->tls == HOP_TLS_OFF || no_tls)
		return SMTP_TLS_OFF;
	return h->tls == HOP_TLS_TRY ? SMTP_TLS_TRY : SMTP_TLS_REQUIRED;
}

bool hop_has_login(const struct conf_hop *h)
{
	return ENABLE_AUTH && h->user.n > 0 && h->auth != HOP_AUTH_OFF;
}

void hop_set_login(const struct conf_hop *h, struct slice user,
		   struct slice password, struct smtp_job *job)
{
	job->auth = true;
	job->user = user;
	job->password = password;
	job->auth_clear = h->tls == HOP_TLS_OFF;
	job->mechanisms = EHLO_AUTH_PLAIN | EHLO_AUTH_LOGIN;
	if (h->auth == HOP_AUTH_PLAIN)
		job->mechanisms = EHLO_AUTH_PLAIN;
	if (h->auth == HOP_AUTH_LOGIN)
		job->mechanisms = EHLO_AUTH_LOGIN;
}

void hop_set_trust(const struct conf_hop *h, struct trust *trust)
{
	trust->mode = h->tls == HOP_TLS_VERIFY ? TRUST_VERIFY : TRUST_NONE;
	if (h->pins == 0)
		return;
	trust->mode = TRUST_PIN;
	trust->pins = h->pins;
	trust->pin = h->pin;
}

int hop_open_bundle(const struct conf *c, const struct conf_hop *h,
		    struct buf *why)
{
	const struct slice path = h->ca.n ? h->ca : c->ca;
	int fd = open(path.n ? path.p : "", O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	fd = -errno;
	buf_putf(why, "no trust anchors: cannot open %.*s",
		 path.n < 80 ? (int)path.n : 80, path.p);
	return fd;
}
