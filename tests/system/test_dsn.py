# SPDX-License-Identifier: ISC
"""Which notices a sender wants: RFC 3461, DESIGN.md 2.1."""
import pytest

from relay import Client

PLAIN = ('PIPELINING', 'SIZE 20000000', '8BITMIME', 'ENHANCEDSTATUSCODES')
MAIL = b'Subject: s\r\n\r\nbody\r\n.\r\n'
SENDER = 'boss@example.com'
ASKED = ('-N', 'success,delay', '-R', 'hdrs', '-V', 'q+2B7')


@pytest.fixture
def knows(make_fake):
    """A hop that knows DSN."""
    return make_fake(extensions=PLAIN + ('DSN',))


def lines(fake, verb, first=0):
    """What was said behind the path of each such command."""
    return [c.partition('>')[2].split() for s in fake.sessions
            for c in s.commands if c.upper().startswith(verb)][first:]


def submit(relay, mail, *rcpts):
    """By SMTP; commands to the end of their lines, all said yes to."""
    with Client(relay.port) as c:
        assert 'DSN' in [x[4:] for x in c.hello().split('\n')]
        for line in ('MAIL FROM:' + mail, *('RCPT TO:' + r for r in rcpts),
                     'RSET', 'MAIL FROM:' + mail,
                     *('RCPT TO:' + r for r in rcpts)):
            assert c.cmd(line)[:3] == '250', line
        assert c.cmd('DATA')[:3] == '354'
        c.send(MAIL)
        assert c.reply()[:3] == '250'


def test_smtp_passes_them_on(make_relay, knows):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port)
    submit(relay, '<%s> ret=full ENVID=a+20b' % SENDER,
           '<a@example.org> notify=never',
           '<b@example.org>',
           '<c@example.org> ORCPT=rfc822;C@x NOTIFY=Delay,FAILURE')
    mail, = lines(knows, 'MAIL')
    assert mail[-2:] == ['RET=FULL', 'ENVID=a+20b']
    assert lines(knows, 'RCPT') == [
        ['NOTIFY=NEVER'], [], ['ORCPT=rfc822;C@x', 'NOTIFY=DELAY,FAILURE']]


def test_a_hop_that_does_not_know_them(relay, fake):
    submit(relay, '<%s> RET=FULL ENVID=x' % SENDER,
           '<a@example.org> NOTIFY=NEVER ORCPT=rfc822;a@b')
    mail, = lines(fake, 'MAIL')
    assert all(w.startswith('SIZE=') for w in mail)
    assert lines(fake, 'RCPT') == [[]]


@pytest.mark.parametrize('start', [True, False], ids=['daemon', 'alone'])
def test_sendmail_passes_them_on(make_relay, knows, start):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port, start)
    relay.send('-f', SENDER, *ASKED, 'a@example.org', 'b@example.org')
    mail, = lines(knows, 'MAIL')
    assert mail[-2:] == ['RET=HDRS', 'ENVID=q+2B7']
    assert lines(knows, 'RCPT') == [['NOTIFY=SUCCESS,DELAY']] * 2


def test_the_spool_keeps_them(make_relay, knows):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port)
    knows.stop()
    relay.send('-f', SENDER, *ASKED, 'a@example.org', 'b@example.org')
    entry, = relay.queue()
    assert entry['from'] == SENDER
    assert 'from=<%s> ' % SENDER in relay.log()
    assert [r['address'] for r in entry['recipients']] == [
        'a@example.org', 'b@example.org']
    relay.stop()
    knows.start()
    relay.start()
    relay.flush()
    relay.wait_queue(0)
    assert lines(knows, 'MAIL')[-1][-2:] == ['RET=HDRS', 'ENVID=q+2B7']
    assert lines(knows, 'RCPT')[-2:] == [['NOTIFY=SUCCESS,DELAY']] * 2


def test_aliases_keep_them(make_relay, knows):
    relay = make_relay('smtp://127.0.0.1:%d tls=off' % knows.port,
                       alias='root a@example.org,b@example.org')
    submit(relay, '<%s>' % SENDER, '<root> NOTIFY=NEVER ORCPT=rfc822;root@x')
    assert lines(knows, 'RCPT') == [['NOTIFY=NEVER', 'ORCPT=rfc822;root@x']] * 2


@pytest.mark.parametrize('words', [
    ('-N', 'never,delay'), ('-N', ''), ('-N', 'often'), ('-R', 'all'),
    ('-R', 'full', '-R', 'hdrs'), ('-V', 'a b'), ('-V', 'x' * 101)])
def test_what_sendmail_refuses(relay, fake, words):
    p = relay.sendmail('-f', SENDER, *words, 'a@example.org')
    assert p.returncode == 64
    assert fake.messages == []
