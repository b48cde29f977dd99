# SPDX-License-Identifier: ISC
"""The real programs of Debian, in a system whose sendmail is ours; and those
that speak SMTP, to our listener.  A program that is missing is skipped."""
import os
import re
import shutil
import smtplib
import ssl
import subprocess

import pytest

from callers import ADMIN, fresh, open_system
from conftest import need

BODY = b'battery low\n'
ENV = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C.UTF-8',
       'HOME': '/nonexistent', 'LOGNAME': 'root', 'USER': 'root'}


@pytest.fixture(scope='module')
def shared():
    with open_system() as system:
        yield system


@pytest.fixture
def system(shared, request):
    return fresh(shared, request.node)


def have(name):
    """The path of a program."""
    path = shutil.which(name, path='/usr/sbin:/usr/bin:/sbin:/bin')
    need(path, name)
    return path


def arrived(system, rcpts=(ADMIN,), count=1):
    """The only message; with what every provider demands."""
    message = system.fake.wait_messages(count)[count - 1]
    assert len(system.fake.messages) == count
    assert message.rcpts == list(rcpts), message.rcpts
    for name in ('From', 'Date', 'Message-ID'):
        assert len(message.header(name)) == 1, (name, message.data)
    assert message.header('Bcc') == []
    return message


def good(p):
    assert p.returncode == 0, (p.returncode, p.out)


# -- by sendmail

def test_cron(system):
    """Debian's cron: a job of @reboot that says something."""
    path = have('cron')
    system.write('/etc/cron.d/mailmote', 'MAILTO=root\n'
                 '@reboot games echo "battery is low"\n')
    system.start(path, '-f', env=ENV)
    message = arrived(system)
    assert message.body == b'battery is low\r\n'
    assert message.sender == 'games@device.test'
    assert 'echo' in message.header('Subject')[0]


def test_at(system):
    """atd -s runs what is due, once: a job of this very minute."""
    atd = have('atd')
    good(system.run(have('at'), '-M', 'now', env=ENV, stdin=b'true\n'))
    good(system.run(have('at'), 'now', env=ENV, stdin=b'echo from the job\n'))
    good(system.run(atd, '-s', env=ENV))
    message = arrived(system)
    assert message.body == b'from the job\r\n'
    assert 'Output from your job' in message.header('Subject')[0]


def test_mutt(system):
    good(system.run(have('mutt'), '-n', '-F', '/dev/null', '-s', 'alert',
                    '-e', 'set from=a@device.test use_envelope_from=yes '
                    'copy=no record=""', '-c', 'c@example.org', '--', 'root',
                    stdin=BODY, env=ENV))
    message = arrived(system, [ADMIN, 'c@example.org'])
    assert message.sender == 'a@device.test'
    assert message.body == b'battery low\r\n'


def test_s_nail(system):
    good(system.run(have('s-nail'), '-:/', '-Snosave', '-s', 'alert', '-r',
                    'a@device.test', '-b', 'b@example.org', 'root',
                    stdin=BODY, env=ENV))
    message = arrived(system, [ADMIN, 'b@example.org'])
    assert message.sender == 'a@device.test'
    assert message.header('Subject') == ['alert']


def test_bsd_mailx(system):
    good(system.run(have('bsd-mailx'), '-s', 'alert', '-b', 'b@example.org',
                    'root', stdin=BODY, env=ENV))
    message = arrived(system, [ADMIN, 'b@example.org'])
    assert message.body == b'battery low\r\n'


def test_git_send_email(system, tmp_path):
    git = have('git')
    need(os.path.exists('/usr/lib/git-core/git-send-email'), 'git-email')
    patch = tmp_path / '0001-x.patch'
    patch.write_text('From 0123456 Mon Sep 17 00:00:00 2001\n'
                     'From: Author <author@device.test>\n'
                     'Date: Mon, 2 Feb 2026 10:00:00 +0000\n'
                     'Subject: [PATCH] x\n\n---\n.\n')
    good(system.run(git, 'send-email', '--from=dev@device.test', '--to=root',
                    '--cc=c@example.org', '--confirm=never',
                    '--envelope-sender=auto', '--suppress-cc=all',
                    '--smtp-server=/usr/sbin/sendmail', str(patch),
                    env={**ENV, 'HOME': str(tmp_path), 'EMAIL': 'x@y.org'}))
    message = arrived(system, [ADMIN, 'c@example.org'])
    assert message.sender == 'dev@device.test'
    assert b'\r\n---\r\n.\r\n' in message.data


def test_php_mail(system):
    code = ('exit(mail("root", "alert", "one\\n.\\r\\ntwo", '
            '["X-A" => "b", "From" => "w@device.test"], "-fw@device.test") '
            '? 0 : 1);')
    good(system.run(have('php'), '-r', code, env=ENV))
    message = arrived(system)
    assert message.sender == 'w@device.test'
    assert message.body == b'one\r\n.\r\ntwo\r\n'
    assert message.header('X-A') == ['b']


def test_php_sees_a_refusal(system):
    code = 'exit(mail("", "alert", "text") ? 0 : 1);'
    assert system.run(have('php'), '-r', code, env=ENV).returncode == 1


def test_logwatch(system):
    """Its report of an empty log, which the option --service makes short."""
    path = have('logwatch')
    good(system.run(path, '--output', 'mail', '--mailto', 'root', '--range',
                    'all', '--service', 'zz-sys', env=ENV))
    message = arrived(system)
    assert 'Logwatch' in message.header('Subject')[0]


def test_sudo(system):
    """A user who is not in sudoers: root hears of it."""
    path = have('sudo')
    system.write('/etc/sudoers.d/mailmote', 'Defaults !authenticate\n', 0o440)
    p = system.run(path, '-n', 'true', env=ENV, uid='games')
    assert p.returncode == 1
    message = arrived(system)
    assert 'SECURITY' in message.header('Subject')[0]
    assert b'games' in message.body


def test_unattended_upgrades(system):
    path = have('unattended-upgrade')
    code = ('import importlib.machinery, importlib.util, sys\n'
            'loader = importlib.machinery.SourceFileLoader("u", %r)\n'
            'spec = importlib.util.spec_from_loader("u", loader)\n'
            'u = importlib.util.module_from_spec(spec)\n'
            'loader.exec_module(u)\n'
            'sys.exit(u._send_mail_using_sendmail("root", "root", "alert",'
            ' "gr\\u00fcn\\n"))\n' % path)
    good(system.run('/usr/bin/python3', '-B', '-c', code, env=ENV))
    assert arrived(system).header('Subject') == ['alert']


def test_fail2ban(system):
    """Its action, run by its own class."""
    have('fail2ban-server')
    code = ('from fail2ban.client.actionreader import ActionReader\n'
            'from fail2ban.server.action import CommandAction\n'
            'r = ActionReader("sendmail", "j", {"name": "ssh", "dest": '
            '"root", "sender": "f@device.test", "sendername": "F"}, '
            'basedir="/etc/fail2ban")\n'
            'r.read(); r.getOptions({})\n'
            'a = CommandAction(None, "sendmail")\n'
            'for line in r.convert():\n'
            '    for k, v in (line[4] if line[0] == "multi-set" else []):\n'
            '        setattr(a, k, v)\n'
            'a.start()\n'
            'a.ban({"ip": "192.0.2.1", "failures": 3, '
            '"fq-hostname": "h", "time": 0})\n')
    good(system.run('/usr/bin/python3', '-B', '-c', code, env=ENV))
    message = arrived(system, count=len(system.fake.messages) or 1)
    assert message.sender == 'f@device.test'


def test_smartd_warning(system):
    """The script smartd runs for -M test; it calls mail(1)."""
    path = '/usr/share/smartmontools/smartd_warning.sh'
    need(os.path.exists(path), path)
    have('mail')
    env = {'SMARTD_MAILER': 'mail', 'SMARTD_SUBJECT': '',
           'SMARTD_ADDRESS': 'root', 'SMARTD_MESSAGE': 'TEST EMAIL',
           'SMARTD_DEVICE': '/dev/sda', 'SMARTD_DEVICESTRING': '/dev/sda',
           'SMARTD_DEVICETYPE': 'auto', 'SMARTD_FAILTYPE': 'EmailTest',
           'SMARTD_TFIRST': 'now', 'SMARTD_TFIRSTEPOCH': '0',
           'SMARTD_PREVCNT': '0', 'SMARTD_NEXTDAYS': ''}
    good(system.run(path, env={**ENV, **env}))
    message = arrived(system)
    assert 'EmailTest' in message.header('Subject')[0]


def test_smartd(system, tmp_path):
    """smartd -M test as it runs: drive.c gives it a drive to look at."""
    path = have('smartd')
    have('mail')
    library = str(tmp_path / 'drive.so')
    conf = tmp_path / 'smartd.conf'
    conf.write_text('/dev/null -d nvme -H -m root -M test\n')
    subprocess.run(['cc', '-shared', '-fPIC', '-Wall', '-Werror', '-o',
                    library, os.path.join(os.path.dirname(__file__),
                                          'drive.c')], check=True)
    p = system.run(path, '-c', str(conf), '-q', 'onecheck',
                   env={**ENV, 'LD_PRELOAD': library})
    good(p)
    assert b'to root: successful' in p.out, p.out
    message = arrived(system)
    assert message.sender == 'root@device.test'
    assert message.header('To') == ['root@device.test']
    assert b'A drive that is not there' in message.body


def test_mdadm(system, tmp_path):
    """mdadm --monitor --test, where the kernel has an array to look at."""
    path = have('mdadm')
    if not os.path.exists('/proc/mdstat'):
        # No array is found, so that none is written of.
        p = system.run(path, '--monitor', '--test', '--oneshot', '--scan',
                       '-m', 'root', env=ENV)
        assert system.fake.messages == []
        pytest.skip('the kernel has no md driver: mdadm ends with %d' %
                    p.returncode)
    for name in 'ab':
        (tmp_path / name).write_bytes(bytes(4 << 20))
    loops = [subprocess.check_output(['losetup', '-f', '--show',
                                      str(tmp_path / n)]).decode().strip()
             for n in 'ab']
    try:
        subprocess.run([path, '--create', '/dev/md/mailmote', '--run',
                        '--level=1', '--raid-devices=2', *loops], check=True)
        good(system.run(path, '--monitor', '--test', '--oneshot', '-m',
                        'root', '/dev/md/mailmote', env=ENV))
        assert 'TestMessage' in arrived(system).header('Subject')[0]
    finally:
        subprocess.run([path, '--stop', '/dev/md/mailmote'])
        subprocess.run(['losetup', '-d', *loops])


# -- by SMTP

def test_msmtp(system):
    good(system.run(have('msmtp'), '--host=127.0.0.1', '--port=%d' %
                    system.relay.port, '--auth=off', '--tls=off', '--file=',
                    '--from=a@device.test', 'root', stdin=b'To: root\n\nx\n',
                    env=ENV))
    assert arrived(system).body == b'x\r\n'


def test_curl(system, tmp_path):
    mail = tmp_path / 'mail'
    mail.write_bytes(b'To: b@example.org\r\nSubject: s\r\n\r\n.x\r\n')
    good(system.run(have('curl'), '-sS', '--url', 'smtp://127.0.0.1:%d/host' %
                    system.relay.port, '--mail-from', 'a@device.test',
                    '--mail-rcpt', 'b@example.org', '-T', str(mail), env=ENV))
    assert arrived(system, ['b@example.org']).body == b'.x\r\n'


def test_monit(system, tmp_path):
    """It says that it was started; MAIL FROM has a blank after the colon in
    old ones, several mails go over one connection."""
    path = have('monit')
    rc = tmp_path / 'monitrc'
    rc.write_text('set daemon 30\nset log /dev/null\nset pidfile %s/pid\n'
                  'set idfile %s/id\nset statefile %s/state\n'
                  'set mailserver 127.0.0.1 port %d\n'
                  'set alert root@localhost\n'
                  'check system device\n' % (*[tmp_path] * 3,
                                             system.relay.port))
    rc.chmod(0o600)
    system.start(path, '-I', '-c', str(rc), env=ENV)
    message = arrived(system)
    assert 'monit' in message.header('Subject')[0].lower()


def test_smtplib(system):
    with smtplib.SMTP('127.0.0.1', system.relay.port) as s:
        assert not s.has_extn('starttls')
        s.sendmail('a@device.test', ['root'], 'Subject: s\r\n\r\n.\r\n')
    assert arrived(system).body == b'.\r\n'


def test_like_go(system):
    """net/smtp: EHLO localhost, STARTTLS only where it is offered."""
    with smtplib.SMTP('127.0.0.1', system.relay.port,
                      local_hostname='localhost') as s:
        s.ehlo()
        if s.has_extn('starttls'):
            s.starttls(context=ssl.create_default_context())
        s.mail('a@device.test', ['BODY=8BITMIME'])
        s.rcpt('root')
        s.data(b'Subject: s\r\n\r\n\xc3\xa4\r\n')
    assert arrived(system).body == b'\xc3\xa4\r\n'


def test_nodemailer(system):
    """Its SMTP transport, pooled and not, and its sendmail transport."""
    node = have('node')
    env = {**ENV, 'NODE_PATH': '/usr/share/nodejs:/usr/lib/node_modules'}
    probe = system.run(node, '-e', 'require("nodemailer")', env=env)
    need(probe.returncode == 0, 'node-nodemailer')
    code = '''
const n = require("nodemailer");
const mail = {from: "A <a@device.test>", to: "root@localhost",
              subject: "gr\\u00fcn", text: "line\\n.\\nmore"};
(async () => {
  const smtp = {host: "127.0.0.1", port: %d, secure: false};
  await n.createTransport(smtp).sendMail(mail);
  const pool = n.createTransport({...smtp, pool: true, maxConnections: 1});
  await pool.sendMail(mail); await pool.sendMail(mail); pool.close();
  await n.createTransport({sendmail: true}).sendMail(mail);
})().catch(e => { console.error(e); process.exit(1); });
''' % system.relay.port
    good(system.run(node, '-e', code, env=env))
    for message in system.fake.wait_messages(4):
        assert message.rcpts == [ADMIN]
        assert re.search(rb'line\r\n\.\r\nmore', message.data)
