# SPDX-License-Identifier: ISC
#
# The only list of objects.  Whole files are cut by configuration here.

# Rooms with a stand-in for what is cut out, behind the same header.
NO_DNS := $(if $(CONFIG_DNS),,y)
NO_SPOOL := $(if $(CONFIG_SPOOL),,y)
# What speaks to the next hop itself needs no relay.
RELAY := $(if $(CONFIG_DIRECT),,y)

obj-y += main.o

obj-y += base/base64.o
obj-y += base/buf.o
obj-y += base/crc32c.o
obj-y += base/fdio.o
obj-y += base/host.o
obj-y += base/id.o
obj-y += base/log.o
obj-y += base/memory.o
obj-y += base/secret.o
obj-y += base/slice.o
obj-y += base/text.o
obj-y += base/world.o

obj-y += mail/address.o
obj-y += mail/addrlist.o
obj-y += mail/date.o
obj-y += mail/dot.o
obj-$(CONFIG_BOUNCE) += mail/dsn.o
obj-y += mail/envelope.o
obj-y += mail/fixup.o
obj-y += mail/header.o
obj-y += mail/lines.o
obj-y += mail/outcome.o
obj-y += mail/trace.o

obj-y += smtp/auth.o
obj-$(CONFIG_AUTH_LOGIN) += smtp/auth_login.o
obj-$(CONFIG_AUTH_PLAIN) += smtp/auth_plain.o
obj-y += smtp/client.o
obj-y += smtp/client_auth.o
obj-y += smtp/client_hello.o
obj-y += smtp/client_txn.o
obj-y += smtp/ehlo.o
obj-y += smtp/reply.o
obj-y += smtp/server.o
obj-y += smtp/server_cmd.o
obj-y += smtp/verdict.o

obj-y += conf/alias.o
obj-y += conf/conf.o
obj-y += conf/hop.o
obj-y += conf/identity.o
obj-y += conf/listen.o
obj-y += conf/option.o
obj-y += conf/password.o
obj-y += conf/reader.o
obj-y += conf/route.o
obj-y += conf/schema.o
obj-$(CONFIG_SPOOL) += conf/spool.o
obj-y += conf/value.o

obj-$(CONFIG_SPOOL) += spool/big.o
obj-$(CONFIG_SPOOL) += spool/commit.o
obj-$(CONFIG_SPOOL) += spool/frame.o
obj-$(CONFIG_SPOOL) += spool/lazy.o
obj-$(CONFIG_SPOOL) += spool/marks.o
obj-$(CONFIG_SPOOL) += spool/medium_create.o
obj-$(CONFIG_SPOOL) += spool/medium_file.o
obj-$(CONFIG_SPOOL) += spool/place.o
obj-$(CONFIG_SPOOL) += spool/query.o
obj-$(CONFIG_SPOOL) += spool/record.o
obj-$(CONFIG_SPOOL) += spool/recover.o
obj-$(CONFIG_SPOOL) += spool/resize.o
obj-$(CONFIG_SPOOL) += spool/ring.o
obj-$(CONFIG_SPOOL) += spool/room.o
obj-$(CONFIG_SPOOL) += spool/scrub.o
obj-$(NO_SPOOL) += spool/spool_none.o
obj-$(CONFIG_SPOOL) += spool/writer.o

obj-y += net/addr.o
obj-$(CONFIG_LINKUP) += net/link_up.o
obj-y += net/net_error.o
obj-y += net/net_posix.o
obj-$(CONFIG_DNS) += net/resolve_conf.o
obj-y += net/resolve_hosts.o
obj-y += net/resolve_local.o
obj-$(NO_DNS) += net/resolve_static.o
obj-$(CONFIG_DNS) += net/resolve_udns.o
obj-$(CONFIG_DNS) += net/resolve_wire.o
obj-y += net/resolve_words.o
obj-y += net/stream.o
obj-$(CONFIG_TLS) += net/tls_bearssl.o
obj-$(CONFIG_TLS) += net/trust_bundle.o
obj-$(CONFIG_TLS) += net/trust_der.o
obj-$(CONFIG_TLS) += net/trust_explain.o
obj-$(CONFIG_TLS) += net/trust_key.o
obj-$(CONFIG_TLS) += net/trust_pem.o
obj-$(CONFIG_TLS) += net/trust_x509.o

obj-$(RELAY) += relay/age.o
obj-$(RELAY) += relay/attempt.o
obj-$(CONFIG_BOUNCE) += relay/bounce.o
obj-$(RELAY) += relay/commit.o
obj-$(RELAY) += relay/connect.o
obj-$(RELAY) += relay/content.o
obj-$(RELAY) += relay/control.o
obj-$(RELAY) += relay/defer.o
obj-$(RELAY) += relay/deliver.o
obj-$(RELAY) += relay/event.o
obj-$(RELAY) += relay/hop.o
obj-$(RELAY) += relay/listing.o
obj-$(RELAY) += relay/message.o
obj-$(RELAY) += relay/refuse.o
obj-$(RELAY) += relay/relay.o
obj-$(RELAY) += relay/rows.o
obj-$(RELAY) += relay/schedule.o
obj-$(RELAY) += relay/secrets.o
obj-$(RELAY) += relay/session.o
obj-$(RELAY) += relay/settle.o
obj-$(RELAY) += relay/stage.o
obj-$(RELAY) += relay/status.o
obj-$(RELAY) += relay/submit.o
obj-$(RELAY) += relay/work.o

obj-$(RELAY) += cmd/alone.o
obj-$(CONFIG_CHECK) += cmd/check.o
obj-$(CONFIG_CHECK_LIVE) += cmd/check_live.o
obj-y += cmd/cmd.o
obj-y += cmd/control.o
obj-$(CONFIG_DAEMON) += cmd/daemon.o
obj-$(CONFIG_DIRECT) += cmd/direct.o
obj-$(CONFIG_DAEMON) += cmd/handover.o
obj-$(CONFIG_SENDMAIL) += cmd/input.o
obj-$(CONFIG_CHECK_LIVE) += cmd/live.o
obj-$(CONFIG_CHECK_LIVE) += cmd/live_fix.o
obj-y += cmd/local.o
obj-$(CONFIG_MAIL) += cmd/mail.o
obj-$(CONFIG_MAIL_ATTACH) += cmd/mail_attach.o
obj-$(CONFIG_MAIL) += cmd/mail_header.o
obj-$(CONFIG_MAILBACK) += cmd/mailback.o
obj-$(CONFIG_MAILQ) += cmd/mailq.o
obj-$(CONFIG_SENDMAIL) += cmd/newaliases.o
obj-y += cmd/passwd.o
obj-y += cmd/privilege.o
obj-$(CONFIG_SENDMAIL) += cmd/sendmail.o
obj-$(CONFIG_FULL_NAME) += cmd/sendmail_name.o
obj-$(CONFIG_SENDMAIL) += cmd/sendmail_options.o
obj-$(CONFIG_SENDMAIL) += cmd/sendmail_rcpts.o
obj-$(CONFIG_SENDMAIL) += cmd/sendmail_sender.o
obj-$(CONFIG_VERIFY) += cmd/sendmail_verify.o
obj-$(CONFIG_STDIO) += cmd/stdio.o
obj-$(RELAY) += cmd/store.o
obj-y += cmd/talk.o
obj-$(CONFIG_TEST) += cmd/test.o
obj-y += cmd/usage.o
obj-y += cmd/version.o
