# SPDX-License-Identifier: ISC
#
# The only list of objects.  Whole files are cut by configuration here.

obj-y += main.o

obj-y += base/base64.o
obj-y += base/buf.o
obj-y += base/crc32c.o
obj-y += base/fdio.o
obj-y += base/id.o
obj-y += base/log.o
obj-y += base/memory.o
obj-y += base/secret.o
obj-y += base/slice.o
obj-y += base/world.o

obj-y += mail/address.o
obj-y += mail/addrlist.o
obj-y += mail/date.o
obj-y += mail/dot.o
obj-y += mail/envelope.o
obj-y += mail/fixup.o
obj-y += mail/header.o
obj-y += mail/lines.o
obj-y += mail/outcome.o
