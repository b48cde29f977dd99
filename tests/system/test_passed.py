# SPDX-License-Identifier: ISC
"""Sockets that the init system hands over: sd_listen_fds(3)."""
import contextlib
import fcntl
import os
import socket

import pytest

from relay import Client


def launch(relay, *sockets, pid='$$', wait=True):
    """Start the daemon with these as descriptors 3 and on."""
    fds = [s.fileno() for s in sockets]
    script = ''.join('exec %d<&%d; ' % (3 + i, fd)
                     for i, fd in enumerate(fds))
    script += 'LISTEN_FDS=%d LISTEN_PID=%s exec "$@"' % (len(fds), pid)
    relay.start(wait, ['/bin/bash', '-c', script, 'bash'], fds)


def out_of_the_way(sock):
    """The same socket, with a number that is none of 3 and on."""
    with sock:
        return socket.socket(fileno=fcntl.fcntl(sock.fileno(),
                                                fcntl.F_DUPFD_CLOEXEC, 100))


def tcp(family=socket.AF_INET, listen=True):
    s = socket.socket(family)
    s.bind(('localhost', 0))
    if listen:
        s.listen()
    return out_of_the_way(s)


def unix(path, mode):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    os.chmod(path, mode)
    s.listen()
    return out_of_the_way(s)


def is_greeted(address):
    with Client(address) as c:
        return c.reply()[:3] == '220'


@pytest.fixture
def idle(make_relay, fake):
    return make_relay('smtp://127.0.0.1:%d tls=off' % fake.port, start=False)


def test_tcp_replaces_listen(idle, fake):
    with tcp() as one, tcp() as two:
        ports = [s.getsockname()[1] for s in (one, two)]
        launch(idle, one, two)
    assert all(is_greeted(port) for port in ports)
    with pytest.raises(ConnectionRefusedError):
        Client(idle.port)
    with Client(ports[1]) as c:
        c.hello()
        reply = c.message('d@device.test', ['a@example.org'], b'\r\nhi\r\n')
        assert reply[:3] == '250'
    assert len(fake.messages) == 1
    assert idle.status()['routes'][0]['state'] == 'up'


def test_sockets_of_files(idle, fake):
    """Submission and control; what others have made stays at the end."""
    with unix(idle.submit, 0o666) as s, unix(idle.control, 0o660) as c:
        launch(idle, s, c)
    idle.send()
    assert len(fake.messages) == 1
    assert idle.status()['counters']['sent'] == 1
    assert is_greeted(idle.port)
    idle.stop()
    assert os.path.exists(idle.submit) and os.path.exists(idle.control)


def test_what_waits_in_a_socket_is_served(idle):
    """A client that came before the daemon did."""
    with tcp() as s, Client(s.getsockname()[1]) as early:
        launch(idle, s)
        assert early.reply()[:3] == '220'


def test_meant_for_somebody_else(idle):
    with tcp() as s:
        launch(idle, s, pid='1')
        assert is_greeted(idle.port)


@pytest.mark.parametrize('what', ['udp', 'does not listen', 'file'])
def test_no_socket_that_listens(idle, what):
    with contextlib.ExitStack() as stack:
        if what == 'udp':
            s = stack.enter_context(
                out_of_the_way(socket.socket(type=socket.SOCK_DGRAM)))
        elif what == 'file':
            s = stack.enter_context(open('/dev/null', 'rb'))
        else:
            s = stack.enter_context(tcp(listen=False))
        launch(idle, s, wait=False)
        idle.wait_log('descriptor 3 was passed')
    assert idle.ended() == 71


def test_a_reload_moves_no_socket(idle):
    """The files that the daemon made are removed, not those of new keys."""
    idle.start()
    new = idle.submit + '-new'
    with unix(new, 0o666):
        idle.write(socket=new)
        idle.hup()
        idle.wait_log('need a restart')
        idle.stop()
        assert os.path.exists(new)
    assert not os.path.exists(idle.submit)
