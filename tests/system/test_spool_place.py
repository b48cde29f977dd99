# SPDX-License-Identifier: ISC
"""What lies at the spool's path, and what keeps it from being made.

The daemon says why there is no spool, touches nothing, and goes on: what fits
the stage is delivered while the next hop is up, else 451 (sendmail: 75).  A
SIGHUP or a restart tries again.
"""
import os
import resource
import socket
import stat
import subprocess

import pytest

from conftest import need
from fake import Reply
from fault import Fault, build
from relay import Client

LARGE = b'Subject: big\r\n\r\n' + b'0123456789abcde\r\n' * 2200
SMALL = b'Subject: small\r\n\r\nbattery low\r\n'


def hop_down(fake):
    """Also for a connection that is kept."""
    for step in ('greeting', 'mail'):
        fake.script[step] = Reply('421 4.3.2 down')


def without_spool(relay, fake, reason):
    """All that is promised of a daemon without a spool."""
    text, code = relay.ask('status')
    text = ' '.join(text.split())  # it is folded
    assert 'no spool: ' in text and reason in text, text
    spool = relay.status()['spool']
    assert spool['path'] is None and reason in spool['reason']
    assert spool['volatile'] is None and spool['bytes_written'] == 0
    queue = relay.status()['queue']
    assert queue['capacity_bytes'] is None and queue['messages'] == 0
    lines = [x for x in relay.lines if reason in x]
    assert len(lines) == 1 and relay.spool in lines[0], lines
    before = len(fake.messages)
    relay.send()
    assert len(fake.messages) == before + 1
    with Client(relay.port) as c:
        c.hello()
        reply = c.cmd('MAIL FROM:<d@device.test> SIZE=%d' % len(LARGE))
        assert reply.startswith('452 4.3.1'), reply
        reply = c.message('d@device.test', ['a@example.org'], LARGE)
        assert reply.startswith('452 4.3.1'), reply
    hop_down(fake)
    with Client(relay.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'], SMALL)
        assert reply.startswith('451 4.'), reply
    p = relay.sendmail('a@example.org')
    assert p.returncode == 75 and p.stderr, p
    fake.script.clear()
    relay.run('flush')
    relay.send()
    assert len(fake.messages) == before + 2


def alone_is_told(relay, reason):
    """A sendmail without a daemon."""
    p = relay.sendmail('a@example.org')
    assert p.returncode == 75 and reason in p.stderr.decode(), p


@pytest.fixture
def blocked(make_relay, fake):
    """A relay whose spool's folder is there, and is the user's."""
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)
    os.mkdir(os.path.dirname(relay.spool))
    give(relay, os.path.dirname(relay.spool))
    return relay


def give(relay, path, mode=None):
    if os.getuid() == 0:
        own = __import__('pwd').getpwnam(relay.conf['user'])
        os.chown(path, own.pw_uid, own.pw_gid)
    if mode is not None:
        os.chmod(path, mode)


def write(path, data):
    with open(path, 'wb') as f:
        f.write(data)


def a_link(relay):
    write(relay.spool + '.other', bytes(1 << 20))
    give(relay, relay.spool + '.other')
    os.symlink(relay.spool + '.other', relay.spool)
    return 'it is a symbolic link'


def a_dangling_link(relay):
    os.symlink(relay.spool + '.other', relay.spool)
    return 'it is a symbolic link'


def a_fifo(relay):
    os.mkfifo(relay.spool)
    return 'no regular file or device'


def a_folder(relay):
    os.mkdir(relay.spool)
    return 'no regular file or device'


def a_socket(relay):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(relay.spool)
    return 'no regular file or device'


def a_character_device(relay):
    need(os.getuid() == 0, 'root')
    os.mknod(relay.spool, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    return 'no regular file or device'


def of_another(relay):
    need(os.getuid() == 0, 'root')
    write(relay.spool, bytes(1 << 20))
    os.chown(relay.spool, 1234, 1234)
    return 'wrong owner, or others may write it'


def written_by_others(relay):
    write(relay.spool, bytes(1 << 20))
    give(relay, relay.spool, 0o602)
    return 'wrong owner, or others may write it'


def written_by_a_group(relay):
    write(relay.spool, bytes(1 << 20))
    give(relay, relay.spool, 0o660)
    return 'wrong owner, or others may write it'


def a_second_name(relay):
    write(relay.spool, bytes(1 << 20))
    give(relay, relay.spool, 0o600)
    os.link(relay.spool, relay.spool + '.other')
    return 'it has a second name'


def a_foreign_file(relay):
    write(relay.spool, b'root:x:0:0:root:/root:/bin/sh\n' * 40000)
    give(relay, relay.spool, 0o600)
    return 'it holds something else'


def too_small(relay):
    write(relay.spool, bytes(8 * 4096 - 1))
    give(relay, relay.spool, 0o600)
    return 'too small'


def a_file_for_a_folder(relay):
    folder = os.path.dirname(relay.spool)
    os.rmdir(folder)
    write(folder, b'')
    return 'error 20'


WRONG = [a_link, a_dangling_link, a_fifo, a_folder, a_socket,
         a_character_device, of_another, written_by_others,
         written_by_a_group, a_second_name, a_foreign_file, too_small,
         a_file_for_a_folder]


def picture(folder):
    """Everything below a folder, to the byte."""
    out = {}
    for base, dirs, files in os.walk(folder):
        for name in dirs + files:
            path = os.path.join(base, name)
            st = os.lstat(path)
            data = None
            if stat.S_ISREG(st.st_mode):
                with open(path, 'rb') as f:
                    data = f.read()
            out[path] = (st.st_mode, st.st_uid, st.st_nlink, st.st_mtime_ns,
                         data)
    return out


@pytest.mark.parametrize('make', WRONG, ids=lambda f: f.__name__)
def test_wrong_things_are_refused(blocked, fake, make):
    reason = make(blocked)
    folder = os.path.dirname(blocked.spool)
    before = picture(folder)
    alone_is_told(blocked, reason)
    blocked.start()
    without_spool(blocked, fake, reason)
    assert blocked.stop() == 0
    assert picture(folder) == before


def test_a_name_below_dev_is_no_file_to_be_made(blocked, fake):
    blocked.spool = '/dev/no-such-device'
    blocked.write(spool=blocked.spool)
    alone_is_told(blocked, 'there is no such device')
    blocked.start()
    without_spool(blocked, fake, 'there is no such device')
    assert not os.path.exists(blocked.spool)


@pytest.mark.parametrize('size, good', [
    ('65535', False), ('63K', False), ('64K', True), ('64M', True),
    ('65M', False), ('67108865', False), ('18446744073709551615K', False),
    ('-1', False), ('', False), ('1G', False)])
def test_size_in_the_configuration(blocked, size, good):
    blocked.write(spool='%s size=%s' % (blocked.spool, size),
                  max_message='10K')
    p = blocked.run('check')
    if good:
        assert p.returncode == 0, p
        return
    assert p.returncode == 78 and b'spool' in p.stderr, p
    for words in (['daemon'], ['queue'], ['status']):
        assert blocked.run(*words).returncode == 78
    assert blocked.sendmail('a@example.org').returncode == 78
    assert os.listdir(os.path.dirname(blocked.spool)) == []


def limited(relay, size):
    """Start it under ulimit -f."""
    was = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, was[1]))
    try:
        relay.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)


def test_a_limit_on_file_sizes(blocked, fake):
    folder = os.path.dirname(blocked.spool)
    limited(blocked, 512 << 10)
    without_spool(blocked, fake, 'a file size limit forbids it')
    assert os.listdir(folder) == []
    blocked.stop()
    blocked.start()
    assert blocked.status()['spool']['path'] == blocked.spool


def test_a_limit_on_file_sizes_that_came_later(blocked, fake):
    """The file is there, and cannot be written behind the limit."""
    blocked.start()
    blocked.stop()
    limited(blocked, 512 << 10)
    assert blocked.status()['spool']['path'] == blocked.spool
    hop_down(fake)
    with Client(blocked.port) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'], SMALL)
    assert reply.startswith('451 4.3.0'), reply
    spool = blocked.status()['spool']
    assert spool['faults'] >= 1 and spool['last_error'] == 27
    fake.script.clear()
    blocked.run('flush')
    blocked.send()
    assert len(fake.messages) == 1


def mount(relay, *options):
    """A file system at the folder of the spool."""
    need(os.getuid() == 0, 'root')
    folder = os.path.dirname(relay.spool)
    p = subprocess.run(['mount', *options, folder], stderr=subprocess.PIPE)
    need(p.returncode == 0, 'mount: ' + p.stderr.decode())
    give(relay, folder)
    return folder


@pytest.fixture
def mounted(blocked, request):
    """mount() whose file systems go away with the test."""
    def make(*options):
        folder = mount(blocked, *options)
        request.addfinalizer(lambda: (
            blocked.stop(), subprocess.run(['umount', folder], check=True)))
        return folder
    return make


def test_a_full_file_system(blocked, fake, mounted):
    """Nothing is left behind; with room, SIGHUP is enough."""
    folder = mounted('-t', 'tmpfs', '-o', 'size=512k', 'spool')
    alone_is_told(blocked, 'the file system is full')
    blocked.start()
    without_spool(blocked, fake, 'the file system is full')
    assert os.listdir(folder) == []
    subprocess.run(['mount', '-o', 'remount,size=2m', folder], check=True)
    blocked.hup()
    blocked.wait(lambda: blocked.status()['spool']['path'] == blocked.spool,
                 'the spool')
    hop_down(fake)
    blocked.send()
    assert len(blocked.queue()) == 1


def test_a_read_only_file_system(blocked, fake, mounted):
    folder = mounted('-t', 'tmpfs', 'spool')
    subprocess.run(['mount', '-o', 'remount,ro', folder], check=True)
    alone_is_told(blocked, 'is read-only')
    blocked.start()
    without_spool(blocked, fake, 'is read-only')
    subprocess.run(['mount', '-o', 'remount,rw', folder], check=True)
    blocked.stop()
    blocked.start()
    assert blocked.status()['spool']['path'] == blocked.spool
    # A spool that is there is not better off.
    blocked.stop()
    subprocess.run(['mount', '-o', 'remount,ro', folder], check=True)
    since = len(blocked.lines)
    blocked.start()
    del blocked.lines[:since]
    without_spool(blocked, fake, 'is read-only')


def test_a_read_only_file_system_while_it_runs(blocked, fake, mounted):
    """The spool comes by SIGHUP, with what was in it."""
    folder = mounted('-t', 'tmpfs', 'spool')
    hop_down(fake)
    blocked.start()
    blocked.send()
    blocked.stop()
    fake.script.clear()
    subprocess.run(['mount', '-o', 'remount,ro', folder], check=True)
    blocked.start()
    blocked.send()
    assert len(fake.messages) == 1
    subprocess.run(['mount', '-o', 'remount,rw', folder], check=True)
    blocked.hup()
    fake.wait_messages(2)
    blocked.wait_queue(0)


def test_killed_while_it_is_made(blocked, fake, tmp_path_factory):
    """At each of its calls: the next start makes it whole."""
    where = str(tmp_path_factory.mktemp('fault'))
    fault = Fault(build(where), where, ('spool', 'spool.new', 'lib'))
    blocked.write(spool=blocked.spool + ' size=64K')
    folder = os.path.dirname(blocked.spool)
    os.chmod(where, 0o755)
    os.chmod(os.path.dirname(where), 0o755)
    halves = 0
    for kind in ('open', 'write', 'sync', 'rename'):
        n = 1
        while True:
            blocked.env = fault.env
            fault.arm(kind, n, 'kill')
            blocked.start(wait=False)
            try:
                blocked.wait_listening()
                blocked.kill()
                os.unlink(blocked.spool)
                assert not fault.fired
                break
            except AssertionError:
                assert fault.fired, blocked.log()
            assert blocked.process.wait(15) == -9
            blocked.process = None
            names = os.listdir(folder)
            halves += names == ['spool.new']
            blocked.env = None
            blocked.start()
            spool = blocked.status()['spool']
            assert spool['path'] == blocked.spool, spool
            assert os.path.getsize(blocked.spool) == 64 << 10
            assert os.listdir(folder) == ['spool']
            blocked.stop()
            os.unlink(blocked.spool)
            n += 1
        assert n > 1
    assert halves > 16
