# SPDX-License-Identifier: ISC
"""What a strict provider demands of a message, judged by its bytes.

faults() gives a list of words, empty for a message that Gmail, SES and
Microsoft would take: RFC 5322 without its obsolete forms, one From with one
full address, one Date, one Message-ID, addresses with dotted domains.  The
judges are Python's parser and the expressions below; mailmote has no part in
it.  Every message that reaches a fake is judged (conftest.py); a test that
sends what is wrong, on purpose, and wants it to leave as it is, says so with
the mark `rubbish`.
"""
import base64
import binascii
import email
import email.errors
import email.policy
import quopri
import re
from datetime import datetime

ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
ATOM = ATEXT + r'+(?:\.' + ATEXT + '+)*'
QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
LABEL = r'[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
DOMAIN = r'%s(?:\.%s)+' % (LABEL, LABEL)
LITERAL = r'\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9A-Fa-f:.]+)\]'
FULL = re.compile(r'(?:%s|%s)@(?:%s|%s)' % (ATOM, QUOTED, DOMAIN, LITERAL))
MSGID = re.compile(r'<%s@(?:%s|\[[!-Z^-~]*\])>' % (ATOM, ATOM))
OURS = re.compile(r'<[a-z2-7]{12}(?:\.\d+)?@')
DATE = re.compile(
    r'(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(\d{1,2}) (Jan|Feb|Mar|Apr|May|Jun|'
    r'Jul|Aug|Sep|Oct|Nov|Dec) (\d{4}) (\d\d:\d\d(?::\d\d)?) ([+-]\d{4}|GMT)'
    r'(?: \([^()]*\))?')
NAME = re.compile(rb'[!-9;-~]+')
ONCE = ['From', 'Date', 'Message-ID']
AT_MOST_ONCE = ['Sender', 'Reply-To', 'To', 'Cc', 'Subject', 'In-Reply-To',
                'References', 'MIME-Version', 'Content-Type',
                'Content-Transfer-Encoding']
NEVER = ['Bcc', 'Resent-Bcc', 'Return-Path', 'Content-Length']
ADDRESSES = ['From', 'Sender', 'Reply-To', 'To', 'Cc', 'Resent-From',
             'Resent-Sender', 'Resent-To', 'Resent-Cc']
MAX_LINE = 998


def split(data):
    """The header's lines, and the body."""
    head, found, body = data.partition(b'\r\n\r\n')
    if not found:
        head = data[:-2] if data.endswith(b'\r\n') else data
    return head.split(b'\r\n'), body


def line_faults(data):
    if re.search(rb'(?<!\r)\n|\r(?!\n)', data):
        yield 'bare CR or LF'
    if b'\0' in data:
        yield 'NUL'
    if not data.endswith(b'\r\n'):
        yield 'last line without an end'
    if any(len(line) > MAX_LINE for line in data.split(b'\r\n')):
        yield 'line over 998 octets'


def header_faults(lines, utf8):
    for i, line in enumerate(lines):
        if not line.isascii() and not utf8:
            yield '8-bit in the header'
        if re.search(rb'[\x00-\x08\x0b-\x1f\x7f]', line):
            yield 'control byte in the header'
        if line[:1] in (b' ', b'\t'):
            if i == 0 or not line.strip():
                yield 'fold of nothing'
        elif not NAME.fullmatch(line.partition(b':')[0]) or b':' not in line:
            yield 'bad field name'


def count_faults(message):
    for name in ONCE:
        if len(message.get_all(name, [])) != 1:
            yield '%s: not exactly one' % name
    for name in AT_MOST_ONCE:
        if len(message.get_all(name, [])) > 1:
            yield '%s: more than one' % name
    for name in NEVER:
        if name in message:
            yield '%s: may not leave' % name
    resent = [n for n in message.keys() if n.lower().startswith('resent-')]
    for name in ('Resent-From', 'Resent-Date') if resent else ():
        if name not in message:
            yield '%s: missing' % name


def is_harmless(defect, utf8):
    """Of names: "J. Doe" is obsolete (RFC 5322 4.1), and taken by all; words
    of an unknown charset are still words.  Raw bytes are found elsewhere."""
    return 'period in' in str(defect) or \
        isinstance(defect, email.errors.UndecodableBytesDefect) or \
        utf8 and isinstance(defect, email.errors.NonASCIILocalPartDefect)


def address_faults(message, utf8):
    for name in ADDRESSES:
        for field in message.get_all(name, []):
            for defect in field.defects:
                if not is_harmless(defect, utf8):
                    yield '%s: %s' % (name, type(defect).__name__)
            if not field.groups:
                yield '%s: nobody' % name
            for a in field.addresses:
                if not FULL.fullmatch(a.addr_spec) and \
                        (not utf8 or a.addr_spec.isascii()):
                    yield '%s: %r is no full address' % (name, a.addr_spec)
    froms = message.get_all('From', [])
    if any(len(f.addresses) != 1 for f in froms):
        yield 'From: not one address'
    # RFC 5322 demands no To: what was complete leaves as it came.
    if OURS.match(str(message['Message-ID'] or '').strip()) and not \
            any(n in message for n in ('To', 'Cc', 'Resent-To', 'Resent-Cc')):
        yield 'to nobody'


def raw(lines, name):
    """The first field of a name as it is, unfolded."""
    head = b'\r\n'.join(lines) + b'\r\n'
    m = re.search(rb'(?im)^%s:((?:.*\r\n)(?:[ \t].*\r\n)*)' % name, head)
    text = m.group(1).decode('latin-1') if m else ''
    return text.replace('\r\n', '').strip()


def value_faults(lines):
    date = DATE.fullmatch(raw(lines, b'Date'))
    if not date:
        yield 'Date: malformed'
    else:
        day, number, month, year, time, zone = date.groups()
        try:
            t = datetime.strptime(' '.join((number, month, year, time[:5])),
                                  '%d %b %Y %H:%M')
            if day and t.strftime('%a') != day:
                yield 'Date: another day of the week'
        except ValueError:
            yield 'Date: no such day'
        # GMT is obsolete, taken by all, and monit's; a Date stays as it is
        if zone != 'GMT' and (int(zone[1:3]) > 14 or int(zone[3:]) > 59):
            yield 'Date: no such zone'
    if not MSGID.fullmatch(raw(lines, b'Message-ID')):
        yield 'Message-ID: malformed'


def encoding_faults(part, utf8):
    """Does a part hold what its Content-Transfer-Encoding says?"""
    encoding = part.get('Content-Transfer-Encoding')
    kind = str(encoding or '7bit').strip().lower()
    body = part.get_payload()
    if part.is_multipart():
        for sub in body:
            yield from encoding_faults(sub, utf8)
        return
    raw = body.encode('utf-8', 'surrogateescape')
    if kind not in ('8bit', 'binary') and not raw.isascii() and encoding:
        yield '8-bit in ' + kind
    if kind == 'base64':
        try:
            base64.b64decode(b''.join(raw.split()), validate=True)
        except binascii.Error:
            yield 'bad base64'
    elif kind == 'quoted-printable':
        if re.search(rb'=(?![0-9A-F]{2}|\r?\n)|[ \t]\r?\n', raw) or \
                not quopri.decodestring(raw) and raw:
            yield 'bad quoted-printable'
    elif kind not in ('7bit', '8bit', 'binary'):
        yield 'unknown encoding ' + kind
    if kind in ('base64', 'quoted-printable') and \
            any(len(x) > 76 for x in re.split(rb'\r?\n', raw)):
        yield 'encoded line over 76 octets'


def faults(data, utf8=False):
    """What is wrong with a message as it went over the wire, dots removed."""
    lines, _ = split(data)
    found = [*line_faults(data), *header_faults(lines, utf8)]
    message = email.message_from_bytes(data, policy=email.policy.SMTP)
    try:
        found += ['parser: ' + type(d).__name__ for d in message.defects]
        found += count_faults(message)
        found += address_faults(message, utf8)
        found += value_faults(lines)
        found += encoding_faults(message, utf8)
    except (AttributeError, IndexError, TypeError, ValueError) as e:
        found.append('parser: %r' % e)  # Python's, which some rubbish breaks
    return list(dict.fromkeys(found))
