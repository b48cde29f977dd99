# SPDX-License-Identifier: ISC
"""The queue and the status as people and monitoring read them: columns,
footer, a terminal, and the JSON of DESIGN.md 2.3."""
import json
import os
import pathlib
import pty
import re
import shutil
import subprocess

import pytest

from conftest import need
from fake import Reply
from relay import LIMIT_S, Client

ROW = re.compile(r'^([a-z2-7]{12})([*! ]) +(\d+) '
                 r'([A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)  (\S+)$')
PLUGINS = pathlib.Path('/usr/lib/nagios/plugins')


def clear(fake):
    return 'smtp://127.0.0.1:%d tls=off' % fake.port


@pytest.fixture
def down(make_relay, fake):
    """Nothing can be sent."""
    fake.stop()
    return make_relay(clear(fake))


def listing(relay):
    """The rows of mailq, all its lines; what is no row is no address."""
    p = relay.run(name='mailq')
    assert p.returncode == 0
    lines = p.stdout.decode('ascii').splitlines()
    return [m for m in map(ROW.match, lines) if m], lines


def on_terminal(relay, *words):
    """The same command with a terminal; what it printed there, exit code."""
    master, slave = pty.openpty()
    with subprocess.Popen(['mailmote', '-C', relay.file, *words],
                          executable=relay.words[-1], stdout=slave,
                          stdin=subprocess.DEVNULL) as p:
        os.close(slave)
        said = b''
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:
                break
            if not data:
                break
            said += data
        os.close(master)
        return said, p.wait(LIMIT_S)


def test_rows(down):
    for rcpt in ('a@x.org', 'b@x.org'):
        down.send('-f', 'dev@device.test', rcpt, 'both@x.org')
    rows, lines = listing(down)
    assert lines[0].startswith('-Queue ID- --Size-- ----Arrival Time---- -Send')
    assert [m[1] for m in rows] == [m['id'] for m in down.queue()]
    assert {m[5] for m in rows} == {'dev@device.test'}
    rcpts = [x.strip() for x in lines if re.match(r' +[^( ]', x)]
    assert rcpts == ['a@x.org', 'both@x.org', 'b@x.org', 'both@x.org']
    assert re.fullmatch(r'-- \d+ Kbytes in 2 Requests\.', lines[-1])
    assert max(map(len, lines)) <= 80


def test_nothing_is_wider_than_80_columns(relay, fake):
    fake.script['rcpt'] = Reply('450 4.2.1 ' + 'wait a while ' * 30)
    relay.send('-f', 'dev@device.test', 'x' * 60 + '@example.org')
    for words in (['queue'], ['status']):
        text = relay.run(*words).stdout.decode('ascii')
        assert max(map(len, text.splitlines())) <= 80, text


def test_words_of_a_peer_do_not_steer_a_terminal(relay, fake):
    fake.script['rcpt'] = Reply('450 4.2.1 \x1b[2J\x9b31m\x07 later')
    relay.send()
    for words in (['queue'], ['status']):
        text = relay.run(*words).stdout
        assert not re.search(rb'[^\n\x20-\x7e]', text)


def test_show_on_a_terminal(down):
    """As it is in a pipe; harmless on a terminal."""
    body = 'ä € \x1b[2J \x9b1m tab\t.'.encode() + b' \x9b2m\n'
    down.send(stdin=b'Subject: s\n\n' + body)
    ident = down.queue()[0]['id']
    assert down.run('show', ident).stdout.endswith(body)
    said, code = on_terminal(down, 'show', ident)
    assert code == 0
    assert said.endswith('ä € \\x1b[2J '.encode() + b'\xc2\\x9b1m tab\t.'
                         b' \\x9b2m\r\n')


def test_progress_of_a_flush_on_a_terminal(down, fake):
    for _ in range(3):
        down.send()
    fake.start()
    said, code = on_terminal(down, 'flush', '--wait')
    assert code == 0
    assert re.match(rb'3 messages wait  \r', said)
    assert said.endswith(b'0 messages wait  \r\n')
    assert len(fake.messages) == 3


def test_a_flush_says_nothing_in_a_pipe(down, fake):
    down.send()
    p = down.run('flush', '--wait')
    assert (p.returncode, p.stdout, p.stderr) == (0, b'', b'')


@pytest.mark.parametrize('daemon', [True, False])
def test_many_messages(down, daemon):
    """Each is listed, in memory that does not grow with them."""
    for _ in range(20):
        down.send('-f', 'dev@device.test', *['r%d@x.org' % n
                                             for n in range(50)])
    if not daemon:
        down.stop()
    rows, lines = listing(down)
    assert len(rows) == 20
    assert sum(1 for x in lines if x.strip().endswith('@x.org')) == 1000
    assert re.search(r' in 20 Requests\.$', lines[-1])
    assert len(down.queue()) == 20


@pytest.mark.parametrize('count', [0, 2])
def test_plugin_of_monitoring(down, tmp_path, count):
    """check_mailq of monitoring-plugins, told where our mailq is."""
    need((PLUGINS / 'check_mailq').exists() and shutil.which('perl'),
         'check_mailq')
    for _ in range(count):
        down.send()
    mailq = tmp_path / 'mailq'
    mailq.write_text('#!/bin/sh\nexec "%s" mailq -C "%s"\n'
                     % (down.words[-1], down.file))
    mailq.chmod(0o755)
    shutil.copy(PLUGINS / 'check_mailq', tmp_path)
    utils = (PLUGINS / 'utils.pm').read_text()
    assert '"/usr/bin/mailq"' in utils
    (tmp_path / 'utils.pm').write_text(
        utils.replace('"/usr/bin/mailq"', '"%s"' % mailq))
    p = subprocess.run(['perl', tmp_path / 'check_mailq', '-M', 'postfix',
                        '-w', '2', '-c', '9'], stdout=subprocess.PIPE,
                       timeout=LIMIT_S, check=False)
    assert p.returncode == (1 if count else 0), p.stdout
    assert b'unsent=%d;' % count in p.stdout


def number(v, none=False):
    return none and v is None or isinstance(v, int) and v >= 0


def check_entry(m):
    assert list(m) == ['id', 'state', 'age_s', 'size', 'from',
                       'next_attempt_s', 'recipients']
    assert re.fullmatch('[a-z2-7]{12}', m['id'])
    assert m['state'] in ('active', 'queued', 'held', 'returning')
    assert number(m['age_s']) and number(m['size'])
    assert isinstance(m['from'], str)
    assert number(m['next_attempt_s'], none=True)
    for to in m['recipients']:
        assert list(to) == ['address', 'state', 'code', 'dsn', 'text']
        assert to['state'] in ('waiting', 'deferred', 'uncertain', 'sent',
                               'refused')
        assert number(to['code'], none=True)
        assert to['dsn'] is None or re.fullmatch(r'[245](\.\d+){2}', to['dsn'])
        assert to['text'] is None or isinstance(to['text'], str)


def test_json_of_the_queue(relay, fake):
    """The keys and their kinds, whatever has become of a message."""
    fake.script['rcpt'] = [Reply('250 2.1.5 ok'), Reply('450 4.2.1 later'),
                           Reply('450 4.2.1 later')]
    relay.send('-f', 'dev@device.test', 'a@x.org', 'b@x.org', 'c@x.org')
    fake.stop()
    relay.send('-f', '', 'c@x.org')
    relay.run('hold', relay.queue()[0]['id'])
    text = relay.run('queue', '--json').stdout.decode()
    entries = [json.loads(line) for line in text.splitlines()]
    assert len(entries) == 2
    for m in entries:
        check_entry(m)
    assert entries[0]['state'] == 'held'
    assert entries[0]['next_attempt_s'] is None
    assert entries[1]['from'] == ''


def test_a_thousand_messages(make_relay, fake):
    """All are listed, as text and as JSON, and counted."""
    fake.stop()
    relay = make_relay(clear(fake), start=False)
    relay.write(spool=relay.spool + ' size=16M')
    relay.start()
    relay.send()
    with Client(relay.submit) as client:
        client.hello('LHLO')
        for _ in range(999):
            said = client.message('dev@device.test', ['admin@example.org'],
                                  b'Subject: s\r\n\r\nt\r\n')
            assert said.startswith('250'), said
    rows, lines = listing(relay)
    assert len(rows) == 1000
    assert re.fullmatch(r'-- \d+ Kbytes in 1000 Requests\.', lines[-1])
    found = relay.queue()
    assert [m['id'] for m in found] == [m[1] for m in rows]
    assert relay.status()['queue']['messages'] == 1000
