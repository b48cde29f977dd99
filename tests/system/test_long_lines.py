# SPDX-License-Identifier: ISC
"""A message of one line of 10 MiB (STANDARDS.md S-6): the lines of the wire,
and the memory it takes, of the program without sanitizers."""
import email
import os
import re
import subprocess

import pytest

from conftest import need
from fake import Hold
from relay import BINARY, Client

PROGRAM = os.path.join(os.path.dirname(BINARY), '../default/mailmote')
HEAD = b'Subject: s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n'
MIB = 1 << 20


def memory(pid):
    """Private KiB of a process now, and what it had at most of any kind, the
    file's pages of now left out."""
    with open('/proc/%d/smaps_rollup' % pid) as f:
        now = int(re.search(r'Private_Dirty:\s+(\d+)', f.read()).group(1))
    with open('/proc/%d/status' % pid) as f:
        text = f.read()
    peak, file = (int(re.search(r'%s:\s+(\d+)' % k, text).group(1))
                  for k in ('VmHWM', 'RssFile'))
    return now, peak - file


@pytest.fixture
def fake(make_fake):
    return make_fake(extensions=['SIZE 99000000'])


@pytest.fixture
def relay(make_relay, fake):
    need(os.access(PROGRAM, os.X_OK), 'make CONF=default')
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False,
                       binary=PROGRAM, max_message='16M')
    relay.write(spool=relay.spool + ' size=40M')
    return relay.start()


def by_sendmail(relay, data, hold):
    """Memory of sendmail and the daemon, with all on the wire.  Of what is
    larger than the stage sendmail knows before that it is safe: there it is
    looked at when it has read all but what fits a pipe."""
    with subprocess.Popen(
            ['sendmail', '-C', relay.file, '-i', '-f', 'd@device.test',
             'a@example.org'], executable=PROGRAM, stdin=subprocess.PIPE) as p:
        p.stdin.write(data)
        p.stdin.flush()
        own = memory(p.pid) if len(data) > MIB else None
        p.stdin.close()
        assert hold.reached.wait(60)
        own = own or memory(p.pid)
        found = memory(relay.process.pid)
        hold.release()
        assert p.wait(60) == 0
    return found + own


def by_smtp(relay, data, hold):
    with Client(relay.port) as c:
        c.hello()
        for line in 'MAIL FROM:<d@device.test>', 'RCPT TO:<a@example.org>':
            assert c.cmd(line)[:3] == '250'
        assert c.cmd('DATA')[:3] == '354'
        c.send(data + b'.\r\n')
        assert hold.reached.wait(60)
        found = memory(relay.process.pid)
        hold.release()
        assert c.reply()[:3] == '250'
    return found


@pytest.mark.parametrize('way', [by_sendmail, by_smtp])
@pytest.mark.parametrize('bits', [7, 8])
def test_in_constant_memory(fake, relay, way, bits):
    """64 KiB more than for 1 KiB, at most; broken or encoded, it is whole."""
    if bits == 8:
        fake.extensions.append('8BITMIME')
    found = []
    for size in 1024, 10 * MIB:
        line = 'äx'.encode() * (size // 3)
        hold = fake.script['dot'] = Hold()
        found.append(way(relay, HEAD + line + b'\r\n', hold))
        relay.wait_queue(0, limit_s=60)
        got = fake.messages[-1].data
        assert max(map(len, got.split(b'\r\n'))) <= 998
        text = email.message_from_bytes(got).get_payload(decode=True)
        if bits == 7:
            assert (text == line + b'\r\n') is True
        assert (re.sub(rb'\r\n ?', b'', text) == line) is True
    assert max(b - a for a, b in zip(*found)) < 64, found
