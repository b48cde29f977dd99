# SPDX-License-Identifier: ISC
"""A wall clock that is not set, and one that jumps: the real binary under
libfaketime, the boot clock left as it is.

Under libfaketime nobody sets the kernel's clock, so that no timerfd tells the
daemon: it learns of the time by an order or a reload.  The last test sets the
clock of a kernel of its own, where the flash lab is (FLASHLAB); else
tests/unit/test_relay_clock.c shows what the daemon does when it is told.
"""
import email.utils
import glob
import os
import re
import shutil
import sys
import tempfile
import time

import pytest

from conftest import USERS, need
from fake import Reply, server_context
from relay import BUILD, TOP

sys.path.append(os.path.join(TOP, 'tests/flash'))
import lab  # noqa: E402

LIBRARY = '/usr/lib/*/faketime/libfaketime.so.1'
YEAR = 365 * 86400
EPOCH = 1795305600  # CONFIG_RELEASE_EPOCH
NEW_YEAR = 1798761600  # 2027-01-01, sane
CLEAR = 'smtp://127.0.0.1:%d tls=off'


class Clock:
    """The wall clock of every program that is started from here on."""

    def __init__(self, path):
        self.path = path

    def set(self, to_s):
        """Seconds since 1970; it runs on from there, in all programs."""
        new = self.path + '.new'
        with open(new, 'w') as f:
            f.write('%+.3f\n' % (to_s - time.time()))
        os.chmod(new, 0o644)
        os.rename(new, self.path)


@pytest.fixture
def clock(monkeypatch):
    """A clock at 1970-01-01 00:01:40, which the daemon's user can read."""
    library = glob.glob(LIBRARY)
    need(library, 'faketime')
    folder = tempfile.mkdtemp(prefix='mailmote-clock-')
    os.chmod(folder, 0o755)
    clock = Clock(os.path.join(folder, 'time'))
    clock.set(100)
    options = os.environ.get('ASAN_OPTIONS', '')
    for name, value in {
            'LD_PRELOAD': library[0],
            'FAKETIME_TIMESTAMP_FILE': clock.path,
            'FAKETIME_NO_CACHE': '1',
            'FAKETIME_DONT_FAKE_MONOTONIC': '1',
            'ASAN_OPTIONS': options + ':verify_asan_link_order=0'}.items():
        monkeypatch.setenv(name, value)
    yield clock
    monkeypatch.undo()
    shutil.rmtree(folder)


@pytest.fixture
def tls(make_fake, pki):
    """A smart host that offers implicit TLS with a certificate of a kind."""
    def make(kind='good'):
        return make_fake(tls=server_context(*pki.pair(kind)), implicit=True,
                         users=USERS)
    return make


def stamps(message):
    """Date and the date of our Received field, as seconds since 1970."""
    date, = message.header('Date')
    received = message.header('Received')[0].rsplit(';', 1)[1]
    return [email.utils.parsedate_to_datetime(re.sub(r'\(.*?\)', '', t))
            .timestamp() for t in (date, received)]


def lose_one(relay, fake):
    fake.stop()
    relay.send()
    entry, = relay.queue()
    assert entry['state'] == 'queued'
    fake.start()


def test_dated_when_it_leaves(clock, make_relay, fake):
    relay = make_relay(CLEAR % fake.port)
    assert relay.status()['clock'] == 'not set'
    lose_one(relay, fake)
    clock.set(NEW_YEAR)
    relay.flush()
    message, = fake.messages
    assert b'1970' not in message.data and b'not set' not in message.data
    for t in stamps(message):
        assert NEW_YEAR - 30 <= t <= NEW_YEAR + 30


def test_an_attempt_before_the_clock_was_set_dates_nothing(clock, make_relay,
                                                           fake):
    """Both attempts have the same message; the second one is dated right."""
    relay = make_relay(CLEAR % fake.port)
    fake.script['dot'] = [Reply('451 4.3.0 not now')]
    relay.send()
    clock.set(NEW_YEAR)
    relay.flush()
    message, = fake.messages
    for t in stamps(message):
        assert NEW_YEAR - 30 <= t <= NEW_YEAR + 30


def test_never_1970_though_nobody_knows_the_time(clock, make_relay, fake):
    relay = make_relay(CLEAR % fake.port)
    relay.send()
    message, = fake.messages
    assert b'1970' not in message.data
    assert b'(clock not set)' in message.data
    assert stamps(message) == [EPOCH, EPOCH]


def test_a_date_of_the_sender_stays(clock, make_relay, fake):
    relay = make_relay(CLEAR % fake.port)
    relay.send(stdin=b'Date: Sat, 5 Jun 2021 10:00:00 +0200\n'
               b'Subject: x\n\nhello\n')
    assert fake.messages[0].header('Date') == \
        ['Sat, 5 Jun 2021 10:00:00 +0200']


def test_verified_tls_waits_for_the_clock(clock, make_client, tls):
    fake = tls()
    relay = make_client(fake, 'submissions')
    relay.send()
    route = relay.route()
    assert route['state'] == 'held' and 'clock' in route['reason']
    assert route['next_attempt_s'] is None
    assert relay.run('status').returncode == 1
    # In 1970 an order does not help either, and nothing is said to the hop.
    relay.flush()
    assert relay.route()['state'] == 'held' and not fake.sessions
    clock.set(time.time())
    relay.flush()
    assert len(fake.messages) == 1 and fake.logins
    assert relay.run('status').returncode == 0


def test_a_reload_finds_the_clock_set(clock, make_client, tls):
    fake = tls()
    relay = make_client(fake, 'submissions')
    relay.send()
    clock.set(time.time())
    relay.hup()
    fake.wait_messages(1)


def test_floor_goes_at_once(clock, make_client, tls):
    fake = tls()
    relay = make_client(fake, 'submissions', clock='floor')
    relay.send()
    assert len(fake.messages) == 1
    assert b'1970' not in fake.messages[0].data


def test_floor_refuses_what_had_expired_before(clock, make_client, tls):
    fake = tls('expired')
    relay = make_client(fake, 'submissions', clock='floor')
    relay.send()
    assert relay.route()['state'] == 'down'
    assert len(relay.queue()) == 1 and not fake.messages


def test_a_pin_needs_no_clock(clock, make_relay, tls, pki):
    fake = tls('self-signed')
    relay = make_relay('submissions://127.0.0.1:%d pin=sha256:%s' %
                       (fake.port, pki.pin('self-signed')))
    fake.open = True
    relay.send()
    assert len(fake.messages) == 1


def test_jumps_expire_nothing(clock, make_relay, fake):
    relay = make_relay(CLEAR % fake.port, lifetime='1d')
    lose_one(relay, fake)
    fake.stop()
    for to_s in (NEW_YEAR, NEW_YEAR + 11 * YEAR, 5, NEW_YEAR + YEAR):
        clock.set(to_s)
        relay.flush()
        entry, = relay.queue()
        assert entry['state'] == 'queued' and 0 <= entry['age_s'] < 60
    assert relay.status()['counters']['expired'] == 0
    fake.start()
    relay.flush()
    assert len(fake.messages) == 1


def test_a_restart_in_between_expires_nothing(clock, make_relay, fake):
    """Queued in 1970, found again in 2038."""
    relay = make_relay(CLEAR % fake.port, lifetime='1d')
    lose_one(relay, fake)
    assert relay.stop() == 0
    clock.set(NEW_YEAR + 11 * YEAR)
    relay.start()
    fake.wait_messages(1)
    relay.wait_queue(0)
    # It came before this start: not after it, and not in 1970.
    for t in stamps(fake.messages[0]):
        assert NEW_YEAR + 11 * YEAR - 60 <= t <= NEW_YEAR + 11 * YEAR + 60


def test_the_spool_remembers_the_time(clock, make_relay, fake):
    clock.set(NEW_YEAR + YEAR)
    relay = make_relay(CLEAR % fake.port)
    assert relay.status()['clock'] == 'sane'
    lose_one(relay, fake)
    fake.stop()
    relay.stop()
    clock.set(NEW_YEAR)
    relay.start()
    assert relay.status()['clock'] == 'not set'
    clock.set(NEW_YEAR + YEAR + 60)
    assert relay.status()['clock'] == 'sane'


def test_identifiers_never_repeat(clock, make_relay, fake):
    """Five boots at the same second of 1970."""
    relay = make_relay(CLEAR % fake.port, start=False)
    for _ in range(5):
        clock.set(100)
        relay.start()
        for _ in range(4):
            relay.send()
        relay.stop()
    ids = {m.header('Message-ID')[0] for m in fake.messages}
    queue = {re.search(rb'\bid (\w{12})', m.data).group(1)
             for m in fake.messages}
    assert len(fake.messages) == len(ids) == len(queue) == 20


def test_a_caller_without_a_daemon(clock, make_client, tls):
    """It takes the message, keeps it, and leaves it to a later flush."""
    fake = tls()
    relay = make_client(fake, 'submissions', start=False)
    relay.send()
    entry, = relay.queue()
    assert entry['state'] == 'queued' and not fake.sessions
    clock.set(time.time())
    relay.flush()
    message, = fake.messages
    for t in stamps(message):
        assert abs(t - time.time()) < 60


def test_the_kernel_tells_of_a_clock_that_is_set():
    """A daemon in a guest: held in 1970 and in 2001, tried in 2027."""
    try:
        text = lab.boot(os.path.join(lab.HERE, 'clock.sh'),
                        [os.path.join(BUILD, 'default/mailmote')],
                        limit_s=200)
    except lab.Missing as e:
        pytest.skip(str(e))
    steps = dict(re.findall(r'(?s)STEP (\d+)(.*?)(?=STEP|\Z)', text))
    assert set(steps) == {'1970', '2001', '2027'}, text
    for year in ('1970', '2001'):
        assert 'clock not set' in steps[year], text
        assert '4650: held' in steps[year], text
    assert text.count('the wall clock was set') + \
        text.count('last line repeated') == 2, text
    assert 'clock sane' in steps['2027'], text
    assert '4650: down, next attempt' in steps['2027'], text
    assert 'connection refused' in steps['2027'], text
