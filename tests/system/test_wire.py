# SPDX-License-Identifier: ISC
"""The judge of what goes over the wire finds every fault that is planted."""
import pytest

import wire

GOOD = (b'Received: from x\r\n\tby y; Mon, 23 Nov 2026 07:00:00 +0000\r\n'
        b'From: "Cron, D." <root@device.test>\r\n'
        b'To: A B <a@x.org>, team: b@x.org, "c d"@x.org;\r\n'
        b'Cc: undisclosed-recipients:;\r\n'
        b'Subject: =?utf-8?q?gr=C3=BCn?=\r\n'
        b'Date: Mon, 23 Nov 2026 07:00:00 +0000\r\n'
        b'Message-ID: <abcdefghij23@device.test>\r\n'
        b'MIME-Version: 1.0\r\n'
        b'Content-Type: text/plain; charset=utf-8\r\n'
        b'Content-Transfer-Encoding: 8bit\r\n\r\n'
        b'gr\xc3\xbcn\r\n')
FROM = b'From: "Cron, D." <root@device.test>\r\n'
TO = b'To: A B <a@x.org>, team: b@x.org, "c d"@x.org;\r\n'
CC = b'Cc: undisclosed-recipients:;\r\n'
DATE = b'Date: Mon, 23 Nov 2026 07:00:00 +0000\r\n'
ID = b'Message-ID: <abcdefghij23@device.test>\r\n'
CTE = b'Content-Transfer-Encoding: 8bit\r\n'

# What is planted: (old, new), and what has to be found.
PLANTED = [
    (b'gr\xc3\xbcn\r\n', b'a\nb\r\n', 'bare CR or LF'),
    (b'gr\xc3\xbcn\r\n', b'a\rb\r\n', 'bare CR or LF'),
    (b'gr\xc3\xbcn\r\n', b'a\0b\r\n', 'NUL'),
    (b'gr\xc3\xbcn\r\n', b'a', 'last line without an end'),
    (b'gr\xc3\xbcn\r\n', b'a' * 999 + b'\r\n', 'line over 998 octets'),
    (FROM, FROM + b'X: ' + b'a' * 996 + b'\r\n', 'line over 998 octets'),
    (FROM, b'From: J\xc3\xbcrgen <a@x.org>\r\n', '8-bit in the header'),
    (FROM, FROM + b'X: \x01\r\n', 'control byte in the header'),
    (FROM, FROM + b'X: a\r\n \t\r\n', 'fold of nothing'),
    (FROM, FROM + b'X : a\r\n', 'bad field name'),
    (FROM, FROM + b'no field\r\n', 'bad field name'),
    (FROM, b'', 'From: not exactly one'),
    (FROM, FROM + FROM, 'From: not exactly one'),
    (DATE, b'', 'Date: not exactly one'),
    (DATE, DATE + DATE, 'Date: not exactly one'),
    (ID, b'', 'Message-ID: not exactly one'),
    (ID, ID + ID, 'Message-ID: not exactly one'),
    *[(FROM, FROM + 2 * (n.encode() + b': a@x.org\r\n'),
       n + ': more than one') for n in
      ('Sender', 'Reply-To', 'Subject', 'In-Reply-To', 'References',
       'MIME-Version', 'Content-Type', 'Content-Transfer-Encoding')],
    (TO, TO + TO, 'To: more than one'),
    (CC, CC + CC, 'Cc: more than one'),
    *[(FROM, FROM + n.encode() + b': <a@x.org>\r\n',
       n + ': may not leave') for n in wire.NEVER],
    (FROM, FROM + b'Resent-To: a@x.org\r\n', 'Resent-From: missing'),
    (FROM, FROM + b'Resent-From: a@x.org\r\n', 'Resent-Date: missing'),
    (FROM, b'From: root\r\n', "From: 'root' is no full address"),
    (FROM, b'From: a@localhost\r\n', "From: 'a@localhost' is no full address"),
    (FROM, b'From: a@x.org, b@x.org\r\n', 'From: not one address'),
    (FROM, b'From: g:;\r\n', 'From: not one address'),
    (FROM, b'From: two words\r\n', 'From: InvalidHeaderDefect'),
    (FROM, b'From: <@r.org:a@x.org>\r\n', 'From: ObsoleteHeaderDefect'),
    (TO, b'To: root\r\n', "To: 'root' is no full address"),
    (TO, b'To: a@x.org, root\r\n', "To: 'root' is no full address"),
    (TO, b'To: g: root;\r\n', "To: 'root' is no full address"),
    (TO, b'To:\r\n', 'To: nobody'),
    (CC, b'Cc: a@@x.org\r\n', 'Cc: InvalidHeaderDefect'),
    (CC, b'Cc: a..b@x.org\r\n', "Cc: 'a..b@x.org' is no full address"),
    (CC, CC + b'Reply-To: root\r\n', "Reply-To: 'root' is no full address"),
    (CC, CC + b'Sender: root\r\n', "Sender: 'root' is no full address"),
    (TO + CC, b'', 'to nobody'),
    (DATE, b'Date: Mon, 23 Nov 26 07:00:00 +0000\r\n', 'Date: malformed'),
    (DATE, b'Date: Mon, 23 Nov 2026 07:00:00\r\n', 'Date: malformed'),
    (DATE, b'Date: Mon, 23 Nov 2026 07:00:00 EST\r\n', 'Date: malformed'),
    (DATE, b'Date: Tue, 23 Nov 2026 07:00:00 +0000\r\n',
     'Date: another day of the week'),
    (DATE, b'Date: 31 Feb 2026 07:00:00 +0000\r\n', 'Date: no such day'),
    (DATE, b'Date: 23 Nov 2026 07:00:00 +1560\r\n', 'Date: no such zone'),
    (ID, b'Message-ID: abcdefghij23@device.test\r\n', 'Message-ID: malformed'),
    (ID, b'Message-ID: <abcdefghij23>\r\n', 'Message-ID: malformed'),
    (ID, b'Message-ID: <a@b> <c@d>\r\n', 'Message-ID: malformed'),
    (CTE, b'Content-Transfer-Encoding: 7bit\r\n', '8-bit in 7bit'),
    (CTE, b'Content-Transfer-Encoding: rot13\r\n', 'unknown encoding rot13'),
    (CTE + b'\r\ngr\xc3\xbcn', b'Content-Transfer-Encoding: base64\r\n\r\n!',
     'bad base64'),
    (CTE + b'\r\ngr\xc3\xbcn', b'Content-Transfer-Encoding: quoted-printable'
     b'\r\n\r\na=b', 'bad quoted-printable'),
    (CTE + b'\r\ngr\xc3\xbcn', b'Content-Transfer-Encoding: quoted-printable'
     b'\r\n\r\n' + 77 * b'a', 'encoded line over 76 octets'),
    (b'text/plain; charset=utf-8\r\n' + CTE,
     b'multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n',
     'parser: InvalidMultipartContentTransferEncodingDefect'),
    (b'text/plain; charset=utf-8', b'multipart/mixed; boundary=b',
     'parser: StartBoundaryNotFoundDefect'),
]


def test_good():
    assert wire.faults(GOOD) == []
    assert wire.faults(GOOD.replace(FROM, b'From: root@device.test (C D)\r\n'))\
        == []
    assert wire.faults(GOOD.replace(FROM, b'From: J. Doe <a@x.org>\r\n')) == []
    assert wire.faults(GOOD.replace(
        FROM, 'From: J\u00fc <\u00fc@x.org>\r\n'.encode()), utf8=True) == []
    # complete, as RFC 5322 has it
    assert wire.faults(GOOD.replace(TO + CC, b'').replace(
        ID, b'Message-ID: <1@x.org>\r\n')) == []


@pytest.mark.parametrize('old, new, fault', PLANTED,
                         ids=['%d' % i for i in range(len(PLANTED))])
def test_planted(old, new, fault):
    assert GOOD.count(old) == 1
    assert fault in wire.faults(GOOD.replace(old, new))
