/* SPDX-License-Identifier: ISC */
/*
 * relay/hop.h - what a hop's line means for a session with it: when TLS is
 * used, what it has to prove, who logs in.  For the relay, and for those who
 * try a hop by hand (check --live, test).
 */
#ifndef RELAY_HOP_H
#define RELAY_HOP_H

#include "conf/conf.h"
#include "net/trust.h"
#include "smtp/client.h"

/* When TLS is used; no_tls: opportunistic TLS has failed just now. */
enum smtp_tls hop_tls(const struct conf_hop *h, bool no_tls);

/* Does it want a login?  Then a password is needed. */
bool hop_has_login(const struct conf_hop *h);

/* The login into *job; user and password live as long as the session. */
void hop_set_login(const struct conf_hop *h, struct slice user,
		   struct slice password, struct smtp_job *job);

/* What has to be proved; names, bundle and time are the caller's. */
void hop_set_trust(const struct conf_hop *h, struct trust *trust);

/* Open the bundle of anchors: a descriptor, -errno.  *why says which. */
must_check int hop_open_bundle(const struct conf *c, const struct conf_hop *h,
			       struct buf *why);

#endif
