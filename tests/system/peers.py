# SPDX-License-Identifier: ISC
"""Real servers: Postfix as smart host, Dovecot for its SASL.

Each is an instance of its own below a temporary folder, on loopback, and
leaves the machine's own configuration alone.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from relay import free_port

DOVECOT = '''
base_dir = %(dir)s/run
state_dir = %(dir)s/state
log_path = %(dir)s/log
auth_verbose = yes
protocols =
ssl = no
auth_mechanisms = plain login
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%u %(dir)s/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
service auth {
  unix_listener %(dir)s/auth {
    mode = 0666
  }
}
'''

MAIN = '''
compatibility_level = 3.6
queue_directory = %(dir)s/queue
data_directory = %(dir)s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = %(dir)s/log
maillog_file_prefixes = /tmp, /dev/shm
mail_owner = postfix
setgid_group = postdrop
myhostname = localhost
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
local_recipient_maps =
message_size_limit = 20000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_domains = example.org
virtual_mailbox_base = %(dir)s/box
virtual_mailbox_maps = static:in/
virtual_uid_maps = static:%(uid)d
virtual_gid_maps = static:%(gid)d
virtual_minimum_uid = 1
smtpd_tls_chain_files = %(key)s, %(chain)s
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = %(auth)s
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
  check_recipient_access inline:{{nobody@example.org=550 5.1.1 no such user},
  {later@example.org=450 4.2.1 come back}}, permit_sasl_authenticated, reject
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
'''

MASTER = '''
%(port)d inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
%(smtps)d inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
'''


def wait_port(port, process, what):
    """Until somebody listens."""
    end = time.monotonic() + 20
    while True:
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0:
                return
        assert process.poll() is None, what + ' ended'
        assert time.monotonic() < end, what + ' does not listen'
        time.sleep(0.02)


class Server:
    """A process in the foreground and its folder."""

    def __init__(self, parent='/tmp'):
        self.dir = tempfile.mkdtemp(prefix='mailmote-peer-', dir=parent)
        os.chmod(self.dir, 0o755)
        self.process = None

    def file(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)
        return path

    def log(self):
        try:
            with open(os.path.join(self.dir, 'log')) as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def spawn(self, *words):
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


class Dovecot(Server):
    """Only its SASL: the socket that Postfix asks."""

    def __init__(self, users):
        super().__init__()
        self.socket = os.path.join(self.dir, 'auth')
        self.file('users', ''.join('%s:{PLAIN}%s\n' % u
                                   for u in users.items()))
        conf = self.file('dovecot.conf', DOVECOT % {'dir': self.dir})
        self.spawn('/usr/sbin/dovecot', '-F', '-c', conf)
        end = time.monotonic() + 20
        while not os.path.exists(self.socket):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.02)


class Postfix(Server):
    """Submission on .port, submissions on .smtps, mail in a Maildir."""

    def __init__(self, chain, key, auth):
        super().__init__()
        self.port, self.smtps = free_port(), free_port()
        user = pwd.getpwnam('nobody')
        words = {'dir': self.dir, 'uid': user.pw_uid, 'gid': user.pw_gid,
                 'chain': chain, 'key': key, 'auth': auth,
                 'port': self.port, 'smtps': self.smtps}
        for name in ('conf', 'queue', 'data', 'box'):
            os.mkdir(os.path.join(self.dir, name), 0o755)
        postfix = pwd.getpwnam('postfix')
        os.chown(os.path.join(self.dir, 'data'), postfix.pw_uid, -1)
        os.chown(os.path.join(self.dir, 'box'), user.pw_uid, user.pw_gid)
        self.file('conf/main.cf', MAIN % words)
        self.file('conf/master.cf', MASTER % words)
        self.box = os.path.join(self.dir, 'box/in/new')
        self.conf = os.path.join(self.dir, 'conf')
        self.spawn('/usr/sbin/postfix', '-c', self.conf, 'start-fg')
        wait_port(self.port, self.process, 'postfix')
        wait_port(self.smtps, self.process, 'postfix')

    def stop(self):
        subprocess.run(['/usr/sbin/postfix', '-c', self.conf, 'stop'],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().stop()

    def mails(self, token):
        """The delivered messages that hold a token, to the byte."""
        out = []
        if os.path.isdir(self.box):
            for name in sorted(os.listdir(self.box)):
                with open(os.path.join(self.box, name), 'rb') as f:
                    data = f.read()
                if token.encode() in data:
                    out.append(data)
        return out

    def wait_mails(self, token, count=1, limit_s=20):
        """Until so many have arrived; no less, no more."""
        end = time.monotonic() + limit_s
        while len(self.mails(token)) < count:
            assert time.monotonic() < end, self.log()[-3000:]
            time.sleep(0.02)
        self.settle()
        found = self.mails(token)
        assert len(found) == count, found
        return found

    def settle(self, limit_s=20):
        """Until Postfix has nothing left to deliver."""
        end = time.monotonic() + limit_s
        while True:
            left = [f for q in ('incoming', 'active', 'maildrop')
                    for _, _, fs in os.walk(os.path.join(self.dir, 'queue', q))
                    for f in fs]
            if not left:
                return
            assert time.monotonic() < end, self.log()[-3000:]
            time.sleep(0.02)
